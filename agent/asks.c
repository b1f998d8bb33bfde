#include "agent/asks.h"

#include "agent/workload_logs.h"

enum { LATE_MS = 5000 /* the hub has ended the question by then */ };

/* Is there nothing to send, and may there be later? */
static bool may_wait(struct workloads *workloads, const struct aq_ask *ask)
{
    struct aq_extent extent;
    struct aq_error ignored;
    return workloads_measure(workloads, ask->resource, &extent, &ignored) == 0 && extent.known && !extent.complete &&
           extent.end <= (ask->onward ? ask->after : extent.first);
}

void asks_take(struct asks *asks, struct report *report, struct workloads *workloads, const struct aq_ask *ask,
               uint64_t now_ms)
{
    unsigned place = 0;
    while (place < asks->count && asks->held[place].ask.number != ask->number)
        place++; /* the delivery has come again */
    bool waits = ask->wait_ms > 0 && place < ASKS_HELD_MAX && may_wait(workloads, ask);
    if ((!waits && report_answer(report, workloads, ask)) || place == ASKS_HELD_MAX)
        return;
    asks->held[place] = (struct held_ask){*ask, now_ms + ask->wait_ms};
    asks->count = place < asks->count ? asks->count : place + 1;
}

void asks_turn(struct asks *asks, struct report *report, struct workloads *workloads, uint64_t now_ms)
{
    for (unsigned i = 0; i < asks->count;) {
        const struct held_ask *held = &asks->held[i];
        bool waits = now_ms < held->until_ms && may_wait(workloads, &held->ask);
        bool late = now_ms >= held->until_ms + LATE_MS;
        if (!late && (waits || !report_answer(report, workloads, &held->ask)))
            i++;
        else
            asks->held[i] = asks->held[--asks->count];
    }
}

void asks_clear(struct asks *asks)
{
    asks->count = 0;
}
