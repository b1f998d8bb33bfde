#include "agent/workload_logs.h"

#include "agent/workloads.h"
#include "drivers/output.h"
#include "schema/base/files.h"

/* The directory of its output, for the caller to close. */
static int open_output(struct workloads *workloads, uint64_t resource, bool *complete, struct aq_error *error)
{
    const struct workload *workload = roster_find(&workloads->roster, resource);
    bool kept = workload != NULL && workload->kept;
    *complete = !kept || workload->over;
    return kept ? home_output_open(workloads->home, resource, error) : home_log_open(workloads->home, resource, error);
}

static void set_extent(struct aq_extent *extent, const struct output_span *span, uint64_t start, bool complete)
{
    *extent = (struct aq_extent){
        .known = span->placed, .start = start, .first = span->first, .end = span->end, .complete = complete};
}

int workloads_log(struct workloads *workloads, uint64_t resource, uint64_t after, size_t max, struct aq_buffer *out,
                  struct aq_extent *extent, struct aq_error *error)
{
    bool complete;
    struct output_span span;
    AQ_CLEANUP_FD int directory = open_output(workloads, resource, &complete, error);
    if (directory < 0 || output_read(directory, &after, max, out, &span, error) != 0)
        return -1;
    set_extent(extent, &span, after, complete);
    return 0;
}

int workloads_measure(struct workloads *workloads, uint64_t resource, struct aq_extent *extent, struct aq_error *error)
{
    bool complete;
    struct output_span span;
    AQ_CLEANUP_FD int directory = open_output(workloads, resource, &complete, error);
    if (directory < 0 || output_measure(directory, &span, error) != 0)
        return -1;
    set_extent(extent, &span, span.end, complete);
    return 0;
}

void workloads_list_logs(struct workloads *workloads, struct aq_list *logs, struct aq_arena *arena)
{
    const struct roster *roster = &workloads->roster;
    size_t looks = roster->count < AQ_BEAT_LOGS_MAX ? roster->count : AQ_BEAT_LOGS_MAX;
    *logs = (struct aq_list){aq_arena_alloc(arena, looks * sizeof(struct aq_kept)), 0};
    for (size_t i = 0; i < looks; i++) {
        workloads->next_log = workloads->next_log < roster->count ? workloads->next_log : 0;
        struct workload *workload = roster->entries[workloads->next_log++].workload;
        struct output_span span;
        struct aq_error ignored;
        if (!workload->kept ||
            home_output_look(workloads->home, workload->resource, &workload->output, &span, &ignored) != 0)
            continue;
        const struct aq_kept kept = {workload->resource, span.first, span.end};
        if (kept.end == workload->listed.end && kept.first == workload->listed.first)
            continue;
        workload->listed = *AQ_ITEM(*logs, struct aq_kept, logs->count) = kept;
        logs->count++;
    }
}

void workloads_list_all_logs(struct workloads *workloads)
{
    for (size_t i = 0; i < workloads->roster.count; i++)
        ((struct workload *)workloads->roster.entries[i].workload)->listed = (struct aq_kept){0};
}
