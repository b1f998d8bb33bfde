#include "tests/sim/judge_rules.h"

#include <stdio.h>
#include <string.h>

static struct judge_task *known_task(struct judge *judge, uint64_t id)
{
    judge_must(judge, id >= 1 && id <= judge->n_tasks && judge->tasks[id - 1].application != 0,
               "an event is about a row", "task", id);
    return &judge->tasks[id - 1];
}

static bool is_over(const struct judge_task *row)
{
    return row->status == AQ_TASK_DONE || row->status == AQ_TASK_FAILED || row->status == AQ_TASK_CANCELLED;
}

bool judge_has_task(const struct judge *judge, uint64_t application)
{
    for (size_t i = 0; i < judge->n_tasks; i++)
        if (judge->tasks[i].application == application && judge->tasks[i].status == AQ_TASK_RUNNING)
            return true;
    return false;
}

/* None is left behind by what it is about. */
void judge_check_tasks(struct judge *judge)
{
    for (size_t i = 0; i < judge->n_tasks; i++) {
        const struct judge_task *row = &judge->tasks[i];
        if (row->application == 0 || is_over(row))
            continue;
        judge_must(judge, !judge_is_over(judge->applications[row->application - 1].status),
                   "a task ends with its workload", "task", i + 1);
        judge_must(judge, row->status != AQ_TASK_RUNNING || judge->resources[row->resource - 1].there,
                   "a task ends with its workload", "task", i + 1);
    }
}

static unsigned open_tasks(const struct judge *judge, uint64_t application)
{
    unsigned count = 0;
    for (size_t i = 0; i < judge->n_tasks; i++)
        count += judge->tasks[i].application == application && !is_over(&judge->tasks[i]);
    return count;
}

/* Members are the matter of judge_rights.c. */
static void check_author(struct judge *judge, const struct judge_application *application, uint64_t id)
{
    judge_must(judge, strncmp(judge->author, "user-", 5) != 0 || application->user_number == judge->author_number,
               "users act on their own applications", "task", id);
}

static void created(struct judge *judge, const void *data)
{
    const struct aq_task_created *event = data;
    const struct judge_application *application = judge_open_application(judge, event->application);
    judge_must(judge, event->id > judge->n_tasks, "a number is never used again", "task", event->id);
    judge_note_made(judge, event->id);
    check_author(judge, application, event->id);
    judge_must(judge, !judge_is_over(application->status) && application->status != AQ_DEALLOCATE,
               "a task has a workload to come", "task", event->id);
    *JUDGE_ROW(judge, tasks, event->id) =
        (struct judge_task){.application = event->application, .when = event->when, .timeout_s = event->timeout};
    judge_must(judge, open_tasks(judge, event->application) <= AQ_TASKS_OPEN_MAX, "open tasks have a limit", "task",
               event->id);
}

static void begun(struct judge *judge, const void *data)
{
    const struct aq_task_begun *event = data;
    struct judge_task *row = known_task(judge, event->id);
    const struct judge_application *application = judge_open_application(judge, row->application);
    const struct judge_resource *resource = judge_live_resource(judge, event->resource);
    judge_must(judge, row->status == AQ_TASK_NEW, "a task begins once", "task", event->id);
    judge_must(judge, application->status == (row->when == AQ_TASK_AT_ALLOCATED ? AQ_ALLOCATED : AQ_DEALLOCATE),
               "a task begins when it is to", "task", event->id);
    judge_must(judge, application->resource == event->resource && strcmp(resource->node, event->node) == 0,
               "a task is made where its workload is", "task", event->id);
    row->status = AQ_TASK_RUNNING;
    row->resource = event->resource;
    row->begun_ms = judge->time_ms;
    snprintf(row->node, sizeof row->node, "%s", event->node);
}

static bool is_of_node(const struct judge *judge, const char *node)
{
    return judge->command == &aq_command_task_end && strncmp(judge->author, "node:", 5) == 0 &&
           strcmp(judge->author + 5, node) == 0;
}

/* Its node has said what its drivers can. */
static bool node_can(const struct judge *judge, uint64_t resource)
{
    const struct aq_node *node =
        resource != 0 ? mirror_row(&judge->mirror, &aq_entity_node, judge->resources[resource - 1].node) : NULL;
    return node != NULL && aq_texts_have(&node->identifiers, "tasks:test");
}

static bool failed_for_a_reason(const struct judge *judge, const struct judge_task *row)
{
    const struct judge_application *application = &judge->applications[row->application - 1];
    if (row->status == AQ_TASK_NEW)
        return judge_is_over(application->status) || !node_can(judge, application->resource);
    return is_of_node(judge, row->node) || !judge->resources[row->resource - 1].there ||
           (judge->command == &aq_command_task_expire && judge->time_ms >= row->begun_ms + row->timeout_s * 1000);
}

static bool cancelled_for_a_reason(struct judge *judge, const struct judge_task *row, uint64_t id)
{
    if (judge->command == &aq_command_node_tend) { /* a drain by force */
        const uint64_t resource = judge->applications[row->application - 1].resource;
        const struct judge_node *node = resource != 0 ? judge_node(judge, judge->resources[resource - 1].node) : NULL;
        return node != NULL && node->drain_force && judge->time_ms >= node->drain_ends_at;
    }
    check_author(judge, &judge->applications[row->application - 1], id);
    return judge->command == &aq_command_task_cancel;
}

static void ended(struct judge *judge, const void *data)
{
    const struct aq_task_ended *event = data;
    struct judge_task *row = known_task(judge, event->id);
    judge_must(judge, !is_over(row), "a task ends once", "task", event->id);
    if (event->status == AQ_TASK_DONE)
        judge_must(judge, row->status == AQ_TASK_RUNNING && is_of_node(judge, row->node),
                   "its node knows that a task is done", "task", event->id);
    else if (event->status == AQ_TASK_FAILED)
        judge_must(judge, failed_for_a_reason(judge, row), "a task fails for a reason", "task", event->id);
    else
        judge_must(judge, cancelled_for_a_reason(judge, row, event->id), "a task fails for a reason", "task",
                   event->id);
    row->status = event->status;
}

const struct judge_taker judge_tasks[] = {
    {&aq_event_task_created, created},
    {&aq_event_task_begun, begun},
    {&aq_event_task_ended, ended},
    {NULL, NULL},
};
