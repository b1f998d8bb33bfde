#include "agent/workload_tasks.h"

#include "agent/tidy.h"
#include "agent/workload_journal.h"
#include "agent/workloads.h"
#include "schema/codec/json.h"

#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 1000, REASON_MOST = 512, RESULT_MOST = 4096 };

static struct workload_task *find(struct workload_tasks *tasks, uint64_t number)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].number == number)
            return &tasks->items[i];
    return NULL;
}

static void set_phase(struct workload_tasks *tasks, struct workload_task *task, enum workload_task_phase phase)
{
    tasks->due -= task->phase == TASK_WAITS || task->phase == TASK_ENDED;
    tasks->unreported -= task->phase == TASK_STORED;
    task->phase = phase;
    tasks->due += phase == TASK_WAITS || phase == TASK_ENDED;
    tasks->unreported += phase == TASK_STORED;
}

static struct workload_task *add(struct workload_tasks *tasks, const struct workload_task *task)
{
    AQ_GROW(tasks->items, tasks->count, tasks->capacity);
    struct workload_task *place = &tasks->items[tasks->count++];
    *place = *task;
    place->phase = TASK_NOTED; /* not counted */
    set_phase(tasks, place, task->phase);
    return place;
}

static void free_texts(struct workload_task *task)
{
    free(task->name);
    free(task->reason);
    free(task->result);
}

static void remove_task(struct workload_tasks *tasks, struct workload_task *task)
{
    set_phase(tasks, task, TASK_NOTED);
    free_texts(task);
    *task = tasks->items[--tasks->count];
}

void workload_tasks_free(struct workload_tasks *tasks)
{
    for (size_t i = 0; i < tasks->count; i++)
        free_texts(&tasks->items[i]);
    free(tasks->items);
    *tasks = (struct workload_tasks){0};
}

/* ---- what the hub wants --------------------------------------------------------------------------------------- */

static bool is_named(const struct aq_list *orders, uint64_t number)
{
    for (uint32_t i = 0; i < orders->count; i++)
        if (AQ_ITEM(*orders, struct aq_task_order, i)->task == number)
            return true;
    return false;
}

/* It was cancelled, or took too long; or the hub has noted its end. */
static void drop_unnamed(struct workload_tasks *tasks, const struct workload *workload, const struct aq_list *orders)
{
    for (size_t i = 0; i < tasks->count;) {
        struct workload_task *task = &tasks->items[i];
        if (task->resource != workload->resource || is_named(orders, task->number) || task->given_up) {
            i++;
        } else if (task->phase == TASK_RUNS) {
            task->given_up = true; /* first, as its end may come at once */
            workload->driver->type->end_task(workload->driver->driver, task->number);
            i = 0;
        } else {
            remove_task(tasks, task);
        }
    }
}

void workload_tasks_take(struct workloads *workloads, const struct workload *workload, const struct aq_list *orders)
{
    struct workload_tasks *tasks = &workloads->tasks;
    if (tasks->count > 0)
        drop_unnamed(tasks, workload, orders);
    for (uint32_t i = 0; i < orders->count; i++) {
        const struct aq_task_order *order = AQ_ITEM(*orders, struct aq_task_order, i);
        if (find(tasks, order->task) == NULL)
            (void)add(tasks, &(struct workload_task){.number = order->task,
                                                     .resource = workload->resource,
                                                     .kind = (enum aq_task_kind)order->kind,
                                                     .name = aq_strdup(order->name)});
    }
}

void workload_tasks_adopt(struct workloads *workloads, uint64_t resource)
{
    struct aq_list ended;
    if (!home_tasks(workloads->home, resource, &ended, &workloads->arena))
        return;
    for (uint32_t i = 0; i < ended.count; i++) {
        const struct aq_task_report *end = AQ_ITEM(ended, struct aq_task_report, i);
        (void)add(&workloads->tasks, &(struct workload_task){.number = end->task,
                                                             .resource = resource,
                                                             .phase = TASK_STORED,
                                                             .name = aq_strdup(""),
                                                             .failed = end->failed,
                                                             .reason = aq_strdup(end->reason),
                                                             .result = aq_strdup(end->result)});
    }
}

void workload_tasks_drop(struct workloads *workloads, uint64_t resource)
{
    struct workload_tasks *tasks = &workloads->tasks;
    for (size_t i = 0; i < tasks->count;)
        if (tasks->items[i].resource == resource)
            remove_task(tasks, &tasks->items[i]);
        else
            i++;
}

/* ---- beginning and ending ------------------------------------------------------------------------------------- */

/* A JSON object in the form in which documents are stored; of one that is too long, nothing is kept. */
static char *tidy_result(const char *result)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error ignored;
    AQ_CLEANUP_JSON json_t *json = result != NULL ? aq_json_parse(result, strlen(result), &ignored) : NULL;
    const char *text = json_is_object(json) ? aq_json_compact(json, &arena) : "{}";
    return aq_strdup(strlen(text) <= RESULT_MOST ? text : "{}");
}

static void end_task(struct workload_tasks *tasks, struct workload_task *task, const char *reason, const char *result)
{
    task->failed = reason[0] != '\0';
    task->reason = tidy_copy(reason, REASON_MOST);
    task->result = tidy_result(task->failed ? NULL : result);
    set_phase(tasks, task, TASK_ENDED);
    workload_journal(task->failed ? AQ_WARN : AQ_INFO,
                     task->failed ? "a task of a workload has failed" : "a task of a workload is done", task->resource,
                     task->failed ? task->reason : task->name);
}

void workload_tasks_end(struct workloads *workloads, const struct driver_report *report)
{
    struct workload_task *task = find(&workloads->tasks, report->task);
    if (task == NULL || task->phase != TASK_RUNS)
        return;
    if (task->given_up)
        remove_task(&workloads->tasks, task);
    else
        end_task(&workloads->tasks, task, report->reason, report->result);
}

/* A driver that is a program may have ended, and come back. */
static bool can_begin(const struct workload *workload)
{
    const struct opened_driver *driver = workload->driver;
    return workload->runs && !workload->over && !workload->stopping && driver != NULL &&
           (driver->type->life == NULL || driver->type->life->refusal(driver->driver) == NULL);
}

/* Its timeout, which the cluster counts, bounds that. */
static void wait_again(struct workloads *workloads, struct workload_task *task)
{
    set_phase(&workloads->tasks, task, TASK_WAITS);
    workloads->tasks.again_ms = workloads->now->steady_ms + AGAIN_MS;
}

static void begin_task(struct workloads *workloads, uint64_t number)
{
    static const enum driver_task_kind kinds[aq_task_kind_count] = {
        [AQ_TASK_SNAPSHOT] = DRIVER_TASK_SNAPSHOT, [AQ_TASK_IMAGE] = DRIVER_TASK_IMAGE};
    struct workload_tasks *tasks = &workloads->tasks;
    struct workload_task *task = find(tasks, number);
    const struct workload *workload = roster_find(&workloads->roster, task->resource);
    struct aq_error error;
    if (workload == NULL || !can_begin(workload)) {
        wait_again(workloads, task);
        return;
    }
    const struct driver_task wanted = {
        .number = number, .resource = task->resource, .kind = kinds[task->kind], .name = task->name};
    const struct opened_driver *driver = workload->driver;
    set_phase(tasks, task, TASK_RUNS); /* first, as it may end at once */
    int failed = driver->type->task == NULL ? aq_fail(&error, AQ_E_INVALID, "driver %s makes no snapshots and images",
                                                      driver->type->declared->name)
                                            : driver->type->task(driver->driver, &wanted, &error);
    if (failed != 0 && error.code == AQ_E_STATE) /* not yet: its program adopts the workload */
        wait_again(workloads, find(tasks, number));
    else if (failed != 0)
        end_task(tasks, find(tasks, number), error.message, NULL);
}

/* Stores all ends of a workload. If that fails, the next run of the agent begins the task again. */
static void store_ends(struct workloads *workloads, uint64_t resource)
{
    struct workload_tasks *tasks = &workloads->tasks;
    struct aq_error error;
    struct aq_task_report ends[AQ_TASKS_OPEN_MAX];
    struct aq_list list = {ends, 0};
    for (size_t i = 0; i < tasks->count; i++) {
        struct workload_task *task = &tasks->items[i];
        if (task->resource != resource || task->phase < TASK_ENDED)
            continue;
        if (list.count < AQ_LENGTH(ends))
            ends[list.count++] = (struct aq_task_report){task->number, task->failed, task->reason, task->result};
        if (task->phase == TASK_ENDED)
            set_phase(tasks, task, TASK_STORED);
    }
    if (home_set_tasks(workloads->home, resource, &list, &error) != 0)
        workload_journal(AQ_WARN, "the end of a task cannot be stored", resource, error.message);
}

void workload_tasks_work(struct workloads *workloads)
{
    struct workload_tasks *tasks = &workloads->tasks;
    bool stored = false; /* one a turn: it waits for the disk */
    if (tasks->due == 0)
        return;
    tasks->again_ms = 0;
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].phase == TASK_WAITS)
            begin_task(workloads, tasks->items[i].number);
    for (size_t i = 0; i < tasks->count && !stored; i++)
        if (tasks->items[i].phase == TASK_ENDED) {
            store_ends(workloads, tasks->items[i].resource);
            stored = true;
        }
    if (stored && tasks->due > 0)
        tasks->again_ms = workloads->now->steady_ms;
}

uint64_t workload_tasks_deadline_ms(const struct workloads *workloads)
{
    const struct workload_tasks *tasks = &workloads->tasks;
    if (tasks->due == 0)
        return UINT64_MAX;
    return tasks->again_ms != 0 ? tasks->again_ms : workloads->now->steady_ms;
}

/* ---- reporting ------------------------------------------------------------------------------------------------ */

void workload_tasks_tell(struct workloads *workloads, uint64_t number, uint32_t most, uint64_t hub_form,
                         struct aq_list *told, struct aq_arena *arena)
{
    struct workload_tasks *tasks = &workloads->tasks;
    const size_t count = tasks->unreported < most ? tasks->unreported : most;
    *told = (struct aq_list){aq_arena_alloc(arena, count * sizeof(struct aq_task_report)), 0};
    for (size_t i = 0; i < tasks->count && told->count < count; i++) {
        struct workload_task *task = &tasks->items[i];
        if (task->phase != TASK_STORED)
            continue;
        const struct aq_task_report report = {task->number, task->failed, task->reason, task->result};
        set_phase(tasks, task, TASK_REPORTED);
        task->report = number;
        if (hub_form >= AQ_FORM_TASKS)
            aq_record_copy(&aq_task_report_record, AQ_ITEM(*told, struct aq_task_report, told->count++), &report,
                           arena);
    }
}

void workload_tasks_noted(struct workloads *workloads, uint64_t number)
{
    struct workload_tasks *tasks = &workloads->tasks;
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].phase == TASK_REPORTED && tasks->items[i].report == number)
            set_phase(tasks, &tasks->items[i], TASK_NOTED);
}
