#include "agent/report.h"

#include "agent/tidy.h"
#include "agent/workload_logs.h"
#include "drivers/output.h"

#include <stdlib.h>
#include <string.h>

enum {
    HAPPENINGS_MAX = 2000, /* in one report: far below AQ_WIRE_MESSAGE_MAX, even if all texts are at their limits */
    TASKS_MAX = 200,       /* the same of ends of tasks */
    ANSWER_BYTES_MAX = 1 << 20, /* of the answers that wait, without the last */
};

static void free_answers(struct report *report, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        report->answer_bytes -= report->answers[i].data.length;
        free((void *)(uintptr_t)report->answers[i].data.data);
        free((void *)(uintptr_t)report->answers[i].error);
    }
    report->answer_count -= count;
    memmove(report->answers, report->answers + count, report->answer_count * sizeof *report->answers);
}

void report_free(struct report *report)
{
    free_answers(report, report->answer_count);
    aq_arena_free(&report->arena);
    *report = (struct report){0};
}

bool report_is_due(const struct report *report, const struct workloads *workloads)
{
    return report->message.number != 0 || workloads->unreported > 0 || report->answer_count > 0 ||
           report->shutdown.untold || workloads->tasks.unreported > 0;
}

const struct aq_report *report_compose(struct report *report, struct workloads *workloads, const char *name,
                                       uint64_t session, uint64_t hub_form)
{
    struct aq_report *message = &report->message;
    if (message->number != 0)
        return message;
    aq_arena_reset(&report->arena);
    *message = (struct aq_report){
        .name = aq_arena_text(&report->arena, name, strlen(name)), .session = session, .number = ++report->last_number};
    workloads_tell(workloads, message->number, HAPPENINGS_MAX, hub_form, &message->happenings, &report->arena);
    workload_tasks_tell(workloads, message->number, TASKS_MAX, hub_form, &message->tasks, &report->arena);
    message->told = (struct aq_list){aq_arena_alloc(&report->arena, sizeof report->answers), report->answer_count};
    memcpy(message->told.items, report->answers, report->answer_count * sizeof *report->answers);
    if (report->shutdown.untold) {
        message->shutdown = report->shutdown.order;
        message->shutdown_refused =
            aq_arena_text(&report->arena, report->shutdown.refused, strlen(report->shutdown.refused));
        report->shutdown.untold = false; /* it is in a report that is repeated until it is noted */
    }
    return message;
}

void report_set_session(struct report *report, uint64_t session)
{
    if (report->message.number != 0)
        report->message.session = session;
}

bool report_noted(struct report *report, struct workloads *workloads, uint64_t number)
{
    struct aq_report *message = &report->message;
    if (number == 0 || number != message->number)
        return false;
    workload_tasks_noted(workloads, number);
    workloads_noted(workloads, number, &message->happenings);
    free_answers(report, message->told.count);
    *message = (struct aq_report){0};
    return true;
}

bool report_answer(struct report *report, struct workloads *workloads, const struct aq_ask *ask)
{
    struct aq_error error;
    struct aq_buffer log = {0};
    struct aq_extent extent = {0};
    if (report->answer_count == REPORT_ANSWERS_MAX || report->answer_bytes >= ANSWER_BYTES_MAX)
        return false;
    struct aq_told *answer = &report->answers[report->answer_count++];
    *answer = (struct aq_told){.number = ask->number};
    uint64_t after = ask->onward ? ask->after : OUTPUT_NEWEST;
    if (workloads_log(workloads, ask->resource, after, ask->size, &log, &extent, &error) != 0) {
        answer->error = tidy_copy(error.message, AQ_ERROR_MESSAGE_SIZE - 1);
        aq_buffer_free(&log);
        return true;
    }
    answer->error = aq_strdup("");
    answer->data = (struct aq_bytes){(unsigned char *)log.data, log.length};
    report->answer_bytes += answer->data.length;
    answer->extent = extent;
    return true;
}
