#include "agent/delivery.h"

#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <inttypes.h>
#include <stdio.h>

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

static void carry_out(struct delivery *delivery, const struct aq_assignment *assignment)
{
    struct workload *workload = workloads_find(delivery->workloads, assignment->resource);
    if (assignment->want == AQ_WANT_RUNNING) {
        if (workload == NULL)
            workload = start(delivery->workloads, assignment);
    } else if (workload != NULL) {
        workloads_stop(workload);
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
        char number[24];
        snprintf(number, sizeof number, "%" PRIu64, workload->resource);
        aq_journal(AQ_WARN, "a workload is ended: the cluster does not know of it", "resource", number, "detail", "",
                   NULL);
        workloads_stop(workload);
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

void delivery_turn(struct delivery *delivery, unsigned ms)
{
    uint64_t until_ms = aq_clock_ms() + ms;
    while (delivery_is_busy(delivery) && aq_clock_ms() < until_ms) {
        if (workloads_has_unstored(delivery->workloads))
            workloads_store_next(delivery->workloads);
        if (delivery->open)
            carry_out_next(delivery);
    }
}
