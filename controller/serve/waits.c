#include "controller/serve/waits.h"

#include "controller/serve/answer.h"

#include <inttypes.h>
#include <stdlib.h>

struct waits {
    void (*resume)(struct request *request);
    struct request *first;
    uint64_t due_ms;
    bool closed;
};

struct waits *waits_new(void (*resume)(struct request *request))
{
    struct waits *waits = aq_calloc(1, sizeof *waits);
    *waits = (struct waits){.resume = resume, .due_ms = UINT64_MAX};
    return waits;
}

void waits_free(struct waits *waits)
{
    aq_assert(waits == NULL || waits->first == NULL);
    free(waits);
}

static void note_due(struct waits *waits, const struct request *request)
{
    if (request->wait_until_ms < waits->due_ms)
        waits->due_ms = request->wait_until_ms;
}

enum outcome waits_add(struct waits *waits, struct request *request, uint64_t seq)
{
    request->wait_seq = seq;
    request->wait_until_ms = request->now.steady_ms + WAIT_SEQ_MS;
    request->next_waiting = waits->first;
    waits->first = request;
    note_due(waits, request);
    return RESTING;
}

static void end_late(struct request *request, uint64_t seq)
{
    request_set_seq(request, seq);
    aq_fail(&request->error, AQ_E_BEHIND, "seq %" PRIu64 " was asked for, but this controller is at %" PRIu64,
            request->wait_seq, seq);
    request->step = answer_error;
}

void waits_check(struct waits *waits, uint64_t seq, uint64_t now_ms)
{
    struct request *request = waits->first, *next;
    waits->first = NULL;
    waits->due_ms = UINT64_MAX;
    for (; request != NULL; request = next) {
        next = request->next_waiting;
        bool reached = seq >= request->wait_seq, late = now_ms >= request->wait_until_ms || waits->closed;
        if (!reached && !late) {
            request->next_waiting = waits->first;
            waits->first = request;
            note_due(waits, request);
            continue;
        }
        if (!reached)
            end_late(request, seq);
        waits->resume(request);
    }
}

uint64_t waits_due_ms(const struct waits *waits)
{
    return waits->due_ms;
}

void waits_close(struct waits *waits)
{
    waits->closed = true;
}
