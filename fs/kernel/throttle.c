#include "fs/kernel/throttle.h"

#include "schema/base/buckets.h"
#include "schema/base/journal.h"
#include "schema/base/memory.h"

#include <inttypes.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { US_IN_MS = 1000, TOLD_EVERY_MS = 60000 };

struct kept {
    struct kept *next;
    size_t length;
    char bytes[];
};

/* The requests of a uid that wait, in their order. Without any, its place is free. */
struct queue {
    uid_t uid;
    struct kept *first, **end;
    unsigned count;
};

struct throttle {
    throttle_exempt_fn *exempt;
    void *context;
    struct aq_buckets *spent;
    struct queue queues[THROTTLE_UIDS_MAX];
    unsigned last;    /* whose turn it was */
    unsigned waiting; /* requests in all queues */
    size_t bytes;     /* of them */
    uint64_t due_us;
    struct kept *interrupted; /* handled next, whatever its uid has left */
    struct aq_journal_count told;
};

struct throttle *throttle_new(throttle_exempt_fn *exempt, void *context)
{
    struct throttle *throttle = aq_calloc(1, sizeof *throttle);
    *throttle =
        (struct throttle){.exempt = exempt, .context = context, .spent = aq_buckets_new(), .due_us = UINT64_MAX};
    return throttle;
}

static void free_all(struct kept *kept)
{
    for (struct kept *next; kept != NULL; kept = next) {
        next = kept->next;
        free(kept);
    }
}

void throttle_free(struct throttle *throttle)
{
    if (throttle == NULL)
        return;
    for (unsigned i = 0; i < THROTTLE_UIDS_MAX; i++)
        free_all(throttle->queues[i].first);
    free_all(throttle->interrupted);
    aq_buckets_free(throttle->spent);
    free(throttle);
}

/* ---- requests ----------------------------------------------------------------------------------------- */

/* False: it is too short, which libfuse judges. */
static bool head_of(const struct fuse_buf *request, struct fuse_in_header *head)
{
    if (request->size < sizeof *head)
        return false;
    memcpy(head, request->mem, sizeof *head);
    return true;
}

uint64_t throttle_request_number(const struct fuse_buf *request)
{
    struct fuse_in_header head;
    return head_of(request, &head) ? head.unique : 0;
}

/* What ends something must not wait, and what nobody waits for costs nothing. */
static bool is_bounded(uint32_t operation)
{
    switch (operation) {
    case FUSE_INIT:
    case FUSE_DESTROY:
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_FLUSH:
        return false;
    default:
        return true;
    }
}

static bool is_limited(const struct fuse_in_header *head, uint64_t ms)
{
    return head->uid != 0 && ms < THROTTLE_FULL_MS && is_bounded(head->opcode);
}

/* ---- budgets ------------------------------------------------------------------------------------------ */

static struct aq_budget budget_of(uint64_t ms)
{
    return (struct aq_budget){ms * US_IN_MS, ms * US_IN_MS * THROTTLE_BURST_S};
}

static uint64_t key_of(uid_t uid)
{
    return (uint64_t)uid + 1;
}

static bool has_left(const struct throttle *throttle, uid_t uid, uint64_t ms, uint64_t now_us, uint64_t *wait_ms)
{
    const struct aq_budget budget = budget_of(ms);
    return aq_buckets_open(throttle->spent, key_of(uid), &budget, now_us / US_IN_MS, wait_ms);
}

void throttle_charge(struct throttle *throttle, const struct fuse_buf *request, uint64_t ms, uint64_t took_us,
                     uint64_t now_us)
{
    struct fuse_in_header head;
    const struct aq_budget budget = budget_of(ms);
    if (head_of(request, &head) && is_limited(&head, ms))
        aq_buckets_spend(throttle->spent, key_of(head.uid), &budget, took_us, now_us / US_IN_MS);
}

/* ---- queues ------------------------------------------------------------------------------------------- */

/* NULL: no request of the uid waits. */
static struct queue *find_queue(struct throttle *throttle, uid_t uid)
{
    for (unsigned i = 0; throttle->waiting > 0 && i < THROTTLE_UIDS_MAX; i++)
        if (throttle->queues[i].count > 0 && throttle->queues[i].uid == uid)
            return &throttle->queues[i];
    return NULL;
}

/* NULL: there is no free one. */
static struct queue *new_queue(struct throttle *throttle, uid_t uid)
{
    for (unsigned i = 0; i < THROTTLE_UIDS_MAX; i++) {
        struct queue *queue = &throttle->queues[i];
        if (queue->count > 0)
            continue;
        *queue = (struct queue){.uid = uid, .end = &queue->first};
        return queue;
    }
    return NULL;
}

/* Once a minute, with the uid that waits now. */
static void tell(struct throttle *throttle, uid_t uid, uint64_t ms, uint64_t now_us)
{
    char who[24], most[24], count[24];
    const uint64_t times = aq_journal_due(&throttle->told, now_us / US_IN_MS, TOLD_EVERY_MS);
    if (times == 0)
        return;
    snprintf(who, sizeof who, "%u", (unsigned)uid);
    snprintf(most, sizeof most, "%" PRIu64, ms);
    snprintf(count, sizeof count, "%" PRIu64, times);
    aq_journal(AQ_WARN, "a uid asks so much of the file view that it must wait", "uid", who, "work_per_uid", most,
               "times", count, NULL);
}

static void note_due(struct throttle *throttle, uint64_t due_us)
{
    throttle->due_us = due_us < throttle->due_us ? due_us : throttle->due_us;
}

static void keep(struct throttle *throttle, struct queue *queue, const struct fuse_buf *request)
{
    struct kept *kept = aq_malloc(sizeof *kept + request->size);
    kept->next = NULL;
    kept->length = request->size;
    memcpy(kept->bytes, request->mem, request->size);
    *queue->end = kept;
    queue->end = &kept->next;
    queue->count++;
    throttle->waiting++;
    throttle->bytes += kept->length;
}

/* The request that *link points to leaves the queue. */
static struct kept *unkeep(struct throttle *throttle, struct queue *queue, struct kept **link)
{
    struct kept *kept = *link;
    *link = kept->next;
    if (queue->end == &kept->next)
        queue->end = link;
    queue->count--;
    throttle->waiting--;
    throttle->bytes -= kept->length;
    kept->next = NULL;
    return kept;
}

/* A process that is told to end waits for the answer to its request: so it gets that one now. */
static bool hurry(struct throttle *throttle, uint64_t number)
{
    for (unsigned i = 0; throttle->waiting > 0 && i < THROTTLE_UIDS_MAX; i++) {
        struct queue *queue = &throttle->queues[i];
        for (struct kept **link = &queue->first; queue->count > 0 && *link != NULL; link = &(*link)->next) {
            const struct fuse_buf request = {.mem = (*link)->bytes, .size = (*link)->length};
            if (throttle_request_number(&request) != number)
                continue;
            struct kept *kept = unkeep(throttle, queue, link);
            kept->next = throttle->interrupted;
            throttle->interrupted = kept;
            throttle->due_us = 0;
            return true;
        }
    }
    return false;
}

static bool interrupts(const struct fuse_buf *request, const struct fuse_in_header *head, uint64_t *number)
{
    struct fuse_interrupt_in in;
    if (head->opcode != FUSE_INTERRUPT || request->size < sizeof *head + sizeof in)
        return false;
    memcpy(&in, (const char *)request->mem + sizeof *head, sizeof in);
    *number = in.unique;
    return true;
}

enum throttle_verdict throttle_take(struct throttle *throttle, const struct fuse_buf *request, uint64_t ms,
                                    uint64_t now_us)
{
    struct fuse_in_header head;
    uint64_t number, wait_ms = 0;
    if (!head_of(request, &head))
        return THROTTLE_NOW;
    if (throttle->waiting > 0 && interrupts(request, &head, &number))
        return hurry(throttle, number) ? THROTTLE_LATER : THROTTLE_NOW;
    if (!is_limited(&head, ms))
        return THROTTLE_NOW;
    struct queue *queue = find_queue(throttle, head.uid);
    if ((has_left(throttle, head.uid, ms, now_us, &wait_ms) && queue == NULL) ||
        throttle->exempt(throttle->context, head.uid))
        return THROTTLE_NOW;
    if (queue == NULL)
        queue = new_queue(throttle, head.uid);
    if (queue == NULL)
        return THROTTLE_NOW;
    tell(throttle, head.uid, ms, now_us);
    if (queue->count >= THROTTLE_WAITING_MAX || throttle->bytes + request->size > THROTTLE_BYTES_MAX)
        return THROTTLE_REFUSED;
    keep(throttle, queue, request);
    note_due(throttle, now_us + wait_ms * US_IN_MS);
    return THROTTLE_LATER;
}

static bool give(struct kept *kept, struct fuse_buf *request)
{
    *request = (struct fuse_buf){.size = kept->length, .mem = aq_malloc(kept->length)};
    memcpy(request->mem, kept->bytes, kept->length);
    free(kept);
    return true;
}

/* The uids take turns. */
bool throttle_release(struct throttle *throttle, struct fuse_buf *request, uint64_t ms, uint64_t now_us)
{
    struct kept *hurried = throttle->interrupted;
    if (hurried != NULL) {
        throttle->interrupted = hurried->next;
        return give(hurried, request);
    }
    if (now_us < throttle->due_us)
        return false;
    throttle->due_us = UINT64_MAX;
    for (unsigned i = 1; throttle->waiting > 0 && i <= THROTTLE_UIDS_MAX; i++) {
        const unsigned at = (throttle->last + i) % THROTTLE_UIDS_MAX;
        struct queue *queue = &throttle->queues[at];
        uint64_t wait_ms;
        if (queue->count == 0)
            continue;
        if (ms < THROTTLE_FULL_MS && !has_left(throttle, queue->uid, ms, now_us, &wait_ms)) {
            note_due(throttle, now_us + wait_ms * US_IN_MS);
            continue;
        }
        throttle->last = at;
        throttle->due_us = 0; /* there may be more */
        return give(unkeep(throttle, queue, &queue->first), request);
    }
    return false;
}

uint64_t throttle_due_us(const struct throttle *throttle)
{
    return throttle->due_us;
}
