#include "drivers/program/state.h"

#include <inttypes.h>

static struct program_task *find(const struct driver *driver, uint64_t number)
{
    for (size_t i = 0; i < driver->task_count; i++)
        if (driver->tasks[i].number == number)
            return &driver->tasks[i];
    return NULL;
}

int program_workload_task(struct driver *driver, const struct driver_task *task, struct aq_error *error)
{
    static const char *const kinds[] = {[DRIVER_TASK_SNAPSHOT] = "snapshot", [DRIVER_TASK_IMAGE] = "image"};
    const struct program_workload *workload = roster_find(&driver->roster, task->resource);
    if (workload == NULL || workload->phase != WORKLOAD_RUNNING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", task->resource);
    if (driver->phase != PROGRAM_READY || workload->adopting)
        return aq_fail(error, AQ_E_STATE, "the program of driver %s does not run: %s", driver->name, driver->why);
    AQ_GROW(driver->tasks, driver->task_count, driver->task_capacity);
    driver->tasks[driver->task_count++] = (struct program_task){task->number, task->resource};
    driver->last_task = task->number > driver->last_task ? task->number : driver->last_task;
    program_send(driver, CALL_TASK, task->number,
                 json_pack("{sI sI ss ss ss}", "task", (json_int_t)task->number, "resource", (json_int_t)task->resource,
                           "directory", workload->directory, "kind", kinds[task->kind], "name", task->name));
    return 0;
}

void program_workload_end_task(struct driver *driver, uint64_t number)
{
    if (find(driver, number) != NULL && driver->phase == PROGRAM_READY)
        program_send(driver, CALL_END_TASK, number, json_pack("{sI}", "task", (json_int_t)number));
}

bool program_task_over(struct driver *driver, uint64_t number, const char *reason, const char *result)
{
    struct program_task *place = find(driver, number);
    if (place == NULL)
        return false;
    const struct driver_report report = {.resource = place->resource,
                                         .kind = DRIVER_TASK_ENDED,
                                         DRIVER_NOT_STARTED,
                                         .reason = reason,
                                         .task = number,
                                         .result = result};
    *place = driver->tasks[--driver->task_count];
    driver->report(driver->context, &report);
    return true;
}

void program_tasks_end(struct driver *driver, uint64_t resource, const char *reason)
{
    for (size_t i = 0; i < driver->task_count;)
        if (resource == 0 || driver->tasks[i].resource == resource) {
            const bool was = program_task_over(driver, driver->tasks[i].number, reason, NULL);
            aq_assert(was);
            i = 0;
        } else {
            i++;
        }
}
