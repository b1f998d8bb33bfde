#include "agent/delivery.h"

#include "agent/workload_journal.h"

enum {
    STEPS_MAX = 16, /* in one turn: each may sync several files */
    QUICK_MS = 25,  /* after a turn that took less, the next one does more, */
    SLOW_MS = 100,  /* and after one that took more, less */
};

void delivery_init(struct delivery *delivery, struct workloads *workloads)
{
    *delivery = (struct delivery){.workloads = workloads};
}

void delivery_free(struct delivery *delivery)
{
    aq_arena_free(&delivery->arena);
    *delivery = (struct delivery){0};
}

void delivery_take(struct delivery *delivery, const struct aq_work *work)
{
    aq_assert(!delivery->open);
    aq_arena_reset(&delivery->arena);
    aq_record_copy(&aq_work_record, &delivery->work, work, &delivery->arena);
    delivery->counted++;
    delivery->done = 0;
    delivery->open = true;
}

/* What may have run already is not started again, unless this node knows how it ended. */
static struct workload *start(struct workloads *workloads, const struct aq_assignment *assignment)
{
    if (assignment->started && !home_is_over(workloads->home, assignment->resource))
        return workloads_add_lost(workloads, assignment->resource);
    return workloads_start(workloads, assignment);
}

static void go_on(struct workloads *workloads, struct workload *workload, const struct aq_assignment *assignment)
{
    if (assignment->secrets.count > 0 || assignment->lost[0] != '\0')
        workloads_take_secrets(workloads, workload, assignment);
    workload_tasks_take(workloads, workload, &assignment->tasks);
}

static void carry_out(struct delivery *delivery, const struct aq_assignment *assignment)
{
    struct workload *workload = workloads_find(delivery->workloads, assignment->resource);
    if (assignment->want == AQ_WANT_RUNNING) {
        if (workload == NULL)
            workload = start(delivery->workloads, assignment);
        else
            go_on(delivery->workloads, workload, assignment);
    } else if (workload != NULL) {
        workloads_stop(delivery->workloads, workload);
    } else {
        workload = workloads_add_missing(delivery->workloads, assignment->resource);
    }
    if (workload != NULL)
        workload->named = delivery->counted;
}

/* Ends the workloads that a full delivery does not name: the cluster no longer knows them. Stopping one may report its
 * end, but does not change the roster. */
static void end_unnamed(struct delivery *delivery)
{
    const struct aq_work *work = &delivery->work;
    const struct roster *roster = &delivery->workloads->roster;
    for (size_t i = 0; i < roster->count; i++) {
        struct workload *workload = roster->entries[i].workload;
        if (workload->resource < work->first || workload->resource > work->last ||
            workload->named == delivery->counted || workload->over || workload->stopping)
            continue;
        workload_journal(AQ_WARN, "a workload is ended: the cluster does not know of it", workload->resource, "");
        workloads_stop(delivery->workloads, workload);
    }
}

static void carry_out_next(struct delivery *delivery)
{
    const struct aq_work *work = &delivery->work;
    if (delivery->done < work->assignments.count) {
        carry_out(delivery, AQ_ITEM(work->assignments, struct aq_assignment, delivery->done));
        delivery->done++;
    }
    if (delivery->done < work->assignments.count)
        return;
    if (work->full)
        end_unnamed(delivery);
    delivery->open = false;
}

bool delivery_is_busy(const struct delivery *delivery)
{
    return delivery->open || workloads_has_unstored(delivery->workloads);
}

/* A turn should not take long, or heartbeats are late, and it reads no clock. But when it leaves something to do, the
 * next one comes at once: the time between them is what the disk took. */
static void choose_steps(struct delivery *delivery, uint64_t now_ms)
{
    uint64_t took_ms = now_ms - delivery->turn_ms;
    if (!delivery->left)
        delivery->steps = 1;
    else if (took_ms > SLOW_MS && delivery->steps > 1)
        delivery->steps /= 2;
    else if (took_ms < QUICK_MS && delivery->steps < STEPS_MAX)
        delivery->steps *= 2;
    delivery->turn_ms = now_ms;
}

void delivery_turn(struct delivery *delivery, uint64_t now_ms)
{
    choose_steps(delivery, now_ms);
    for (unsigned i = 0; i < delivery->steps && delivery_is_busy(delivery); i++) {
        if (workloads_has_unstored(delivery->workloads))
            workloads_store_next(delivery->workloads);
        if (delivery->open)
            carry_out_next(delivery);
    }
    delivery->left = delivery_is_busy(delivery);
}
