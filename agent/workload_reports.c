#include "agent/workload_reports.h"

#include "agent/workload_journal.h"
#include "agent/workload_logs.h"

#include <inttypes.h>
#include <stdlib.h>

void workload_queue_unstored(struct workloads *workloads, struct workload *workload)
{
    struct workload_queue *queue = &workloads->unstored;
    if (workload->unstored)
        return;
    workload->unstored = true;
    *(queue->first != NULL ? &queue->last->next_unstored : &queue->first) = workload;
    queue->last = workload;
}

static void watch_health(struct workloads *workloads, const struct workload *workload, const char *ip_addr)
{
    if (workload->check != NULL)
        health_watch(&workloads->healths, workload->resource, workload->driver,
                     workload->on_host ? "127.0.0.1" : ip_addr, workload->check);
}

/* It runs, or runs on with another address. */
static void note_start(struct workloads *workloads, struct workload *workload, const struct driver_report *report)
{
    const struct opened_driver *driver = workload->driver;
    if (driver->type->life != NULL && driver->type->life->on_host(driver->driver))
        workload->on_host = true;
    const struct aq_happening start = {.resource = workload->resource,
                                       .what = AQ_HAPPENED_STARTED,
                                       .identifier = notices_text("identifier", report->identifier),
                                       .ip_addr = notices_text("ip_addr", report->ip_addr),
                                       .hw_addr = notices_text("hw_addr", report->hw_addr)};
    const bool ran = workload->runs;
    notices_set(workload, NOTICE_START, &start);
    workload->runs = true;
    notices_queue(workloads, workload, NOTICE_START);
    if (!ran)
        restarts_begin(&workload->restarts, workloads->now->steady_ms);
    watch_health(workloads, workload, start.ip_addr);
    workload_journal(AQ_INFO, ran ? "workload has another address" : "workload started", workload->resource,
                     ran ? start.ip_addr : start.identifier);
}

static const char *const end_words[aq_happened_count] = {
    [AQ_HAPPENED_FAILED] = "workload failed",
    [AQ_HAPPENED_ENDED] = "workload ended",
    [AQ_HAPPENED_LOST] = "workload lost",
};

void workload_note_end(struct workloads *workloads, struct workload *workload, enum aq_happened what, int exit_status,
                       const char *reason)
{
    if (workload->over)
        return;
    workload->over = true;
    workload->restarts.phase = RESTART_NONE;
    struct aq_happening end = {.resource = workload->resource,
                               .what = what,
                               .exit_status = (uint64_t)(exit_status & 0xFF),
                               .reason = notices_text("reason", reason),
                               .unknown = exit_status < 0};
    struct aq_extent extent;
    struct aq_error ignored;
    if (workload->kept && workloads_measure(workloads, workload->resource, &extent, &ignored) == 0)
        end.log_bytes = extent.end - extent.first;
    notices_set(workload, NOTICE_END, &end);
    workload_queue_unstored(workloads, workload);
    workload_journal(AQ_INFO, end_words[what], workload->resource, end.reason);
}

void workload_note_run(struct workloads *workloads, struct workload *workload, int exit_status, const char *reason)
{
    struct restarts *restarts = &workload->restarts;
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0};
    const bool well = exit_status == 0 && !restarts->failed;
    uint64_t wait_ms;
    aq_buffer_format(&words, "%s%s%s", restarts->failed ? restarts->failed_because : "", restarts->failed ? "; " : "",
                     reason);
    restarts->failed = false;
    const bool again = restarts_end(restarts, well, workloads->now->steady_ms, &wait_ms);
    if (!again && restarts_is_used_up(restarts, well))
        aq_buffer_format(&words, "; restarted %" PRIu64 " %s, which is its restart_limit", restarts->count,
                         restarts->count == 1 ? "time" : "times");
    if (!again) {
        workload_note_end(workloads, workload, AQ_HAPPENED_ENDED, exit_status, aq_buffer_string(&words));
        return;
    }
    restarts->at_ms = workloads->now->steady_ms + wait_ms;
    restarts->waited_ms = wait_ms;
    const struct aq_happening restart = {.resource = workload->resource,
                                         .what = AQ_HAPPENED_RESTARTED,
                                         .exit_status = (uint64_t)(exit_status & 0xFF),
                                         .unknown = exit_status < 0,
                                         .reason = notices_text("reason", aq_buffer_string(&words)),
                                         .restarts = restarts->count};
    notices_set(workload, NOTICE_RESTART, &restart);
    workload_queue_unstored(workloads, workload);
    workload_journal(AQ_INFO, "workload ended, and is started again", workload->resource, restart.reason);
}

/* When it does not listen, its driver kills it after the grace time. */
void workload_note_health(void *context, uint64_t resource, enum aq_health health, const char *reason)
{
    struct workloads *workloads = context;
    struct workload *workload = roster_find(&workloads->roster, resource);
    if (workload == NULL || workload->over || workload->stopping)
        return;
    const struct aq_happening checked = {
        .resource = resource, .what = AQ_HAPPENED_CHECKED, .reason = notices_text("reason", reason), .health = health};
    notices_set(workload, NOTICE_HEALTH, &checked);
    notices_queue(workloads, workload, NOTICE_HEALTH);
    workload_journal(health == AQ_HEALTHY ? AQ_INFO : AQ_WARN,
                     health == AQ_HEALTHY ? "workload is healthy" : "workload is unhealthy", resource, checked.reason);
    if (health != AQ_UNHEALTHY || workload->restarts.policy == AQ_RESTART_NEVER)
        return;
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0};
    aq_buffer_format(&words, "unhealthy: %s", checked.reason);
    free(workload->restarts.failed_because);
    workload->restarts.failed = true;
    workload->restarts.failed_because = aq_strdup(aq_buffer_string(&words));
    health_forget(&workloads->healths, resource);
    workload->driver->type->stop(workload->driver->driver, resource);
}

static void take_end(struct workloads *workloads, struct workload *workload, const struct driver_report *report)
{
    const bool failed = report->kind == DRIVER_FAILED;
    const int exit_status = failed ? STATUS_UNKNOWN : report->exit_status;
    workload->runs = false;
    health_forget(&workloads->healths, workload->resource);
    if (workload->gap != NULL)
        workload_note_end(workloads, workload, workload->gap->what, STATUS_UNKNOWN, workload->gap->ended);
    else if (workload->stopping)
        workload_note_end(workloads, workload, AQ_HAPPENED_ENDED, exit_status, report->reason);
    else if (report->lease_over)
        workload_note_end(workloads, workload, AQ_HAPPENED_LOST, STATUS_UNKNOWN, report->reason);
    else if (failed && !workload->restarts.ran)
        workload_note_end(workloads, workload, AQ_HAPPENED_FAILED, STATUS_UNKNOWN, report->reason);
    else
        workload_note_run(workloads, workload, exit_status, report->reason);
}

void workload_take_report(void *context, const struct driver_report *report)
{
    struct workloads *workloads = context;
    if (report->kind == DRIVER_COMMAND_ENDED) {
        commands_take(&workloads->commands, report);
        return;
    }
    if (report->kind == DRIVER_TASK_ENDED) {
        workload_tasks_end(workloads, report);
        return;
    }
    struct workload *workload = roster_find(&workloads->roster, report->resource);
    if (workload == NULL || workload->over || workload->restarts.phase != RESTART_NONE)
        workload_journal(AQ_WARN, "a driver reports on an unknown workload", report->resource, "");
    else if (report->kind == DRIVER_STARTED && workload->gap == NULL)
        note_start(workloads, workload, report);
    else
        take_end(workloads, workload, report);
}
