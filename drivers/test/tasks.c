#include "drivers/test/tasks.h"

#include <stdio.h>
#include <stdlib.h>

void test_tasks_free(struct test_tasks *tasks)
{
    free(tasks->items);
    *tasks = (struct test_tasks){0};
}

void test_tasks_add(struct test_tasks *tasks, const struct driver_task *task, uint64_t due_ms, const char *fails)
{
    AQ_GROW(tasks->items, tasks->count, tasks->capacity);
    struct test_task *place = &tasks->items[tasks->count++];
    *place = (struct test_task){.number = task->number, .resource = task->resource, .due_ms = due_ms};
    snprintf(place->reason, sizeof place->reason, "%s", fails);
    snprintf(place->result, sizeof place->result, "{\"%s\":\"%s\"}",
             task->kind == DRIVER_TASK_IMAGE ? "image" : "snapshot", task->name);
}

void test_tasks_end(struct test_tasks *tasks, uint64_t resource, uint64_t number, const char *reason)
{
    for (size_t i = 0; i < tasks->count; i++) {
        struct test_task *task = &tasks->items[i];
        if (task->resource != resource && task->number != number)
            continue;
        task->due_ms = 0;
        snprintf(task->reason, sizeof task->reason, "%s", reason);
    }
}

uint64_t test_tasks_next_ms(const struct test_tasks *tasks)
{
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < tasks->count; i++)
        next_ms = tasks->items[i].due_ms < next_ms ? tasks->items[i].due_ms : next_ms;
    return next_ms;
}

/* The callback may begin another one. */
void test_tasks_work(struct test_tasks *tasks, uint64_t now_ms, driver_report_fn *report, void *context)
{
    for (size_t i = 0; i < tasks->count;) {
        if (tasks->items[i].due_ms > now_ms) {
            i++;
            continue;
        }
        const struct test_task task = tasks->items[i];
        tasks->items[i] = tasks->items[--tasks->count];
        const struct driver_report end = {.resource = task.resource,
                                          .kind = DRIVER_TASK_ENDED,
                                          DRIVER_NOT_STARTED,
                                          .reason = task.reason,
                                          .task = task.number,
                                          .result = task.reason[0] == '\0' ? task.result : NULL};
        report(context, &end);
    }
}
