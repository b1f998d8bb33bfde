#include "schema/model/task.h"

#include "controller/decide/tasks.h"
#include "schema/model/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the tasks of an application that are not over -------------------------------------------------------- */

struct open_tasks {
    struct state_txn *txn;
    struct aq_arena *arena;
    struct aq_task tasks[AQ_TASKS_OPEN_MAX];
    unsigned count;
};

static bool note_open(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct open_tasks *open = context;
    (void)value, (void)length;
    const uint64_t id = state_key_number_at(key, sizeof(uint64_t));
    aq_assert(open->count < AQ_TASKS_OPEN_MAX);
    open->count += state_task(open->txn, id, &open->tasks[open->count], open->arena);
    return true;
}

static void find_open(struct decide *decide, uint64_t application, struct open_tasks *open)
{
    const struct state_key prefix = state_key_number(application);
    *open = (struct open_tasks){.txn = decide->txn, .arena = decide->arena};
    index_scan(decide->txn, INDEX_TASK_OPEN, &prefix, note_open, open);
}

unsigned decide_tasks_open(struct decide *decide, uint64_t application)
{
    struct open_tasks open;
    find_open(decide, application, &open);
    return open.count;
}

/* ---- beginning and ending --------------------------------------------------------------------------------- */

static void emit_ended(struct decide *decide, uint64_t id, enum aq_task_status status, const char *reason,
                       const char *result)
{
    const struct aq_task_ended event = {.id = id, .status = status, .reason = reason, .result = result};
    decide_emit(decide, &aq_event_task_ended, &event);
}

static void fail_task(struct decide *decide, uint64_t id, const char *reason)
{
    emit_ended(decide, id, AQ_TASK_FAILED, reason, "{}");
}

/* As its node has said. */
static bool driver_makes(struct decide *decide, const struct aq_resource *resource)
{
    struct aq_node node;
    return state_node(decide->txn, resource->node, &node, decide->arena) &&
           aq_texts_have(&node.identifiers, aq_arena_format(decide->arena, AQ_TASK_DRIVERS "%s", resource->driver));
}

static const char *cannot_text(struct decide *decide, const struct aq_resource *resource)
{
    return aq_arena_format(decide->arena, "driver %s on node %s makes no snapshots and images", resource->driver,
                           resource->node);
}

/* Returns whether it is under way now. */
static bool begin_task(struct decide *decide, uint64_t id, const struct aq_resource *resource)
{
    const struct aq_task_begun event = {.id = id, .resource = resource->id, .node = resource->node};
    if (!driver_makes(decide, resource)) {
        fail_task(decide, id, cannot_text(decide, resource));
        return false;
    }
    decide_emit(decide, &aq_event_task_begun, &event);
    return true;
}

void decide_tasks_allocated(struct decide *decide, const struct aq_resource *resource)
{
    struct open_tasks open;
    find_open(decide, resource->application, &open);
    for (unsigned i = 0; i < open.count; i++)
        if (open.tasks[i].status == AQ_TASK_NEW && open.tasks[i].when == AQ_TASK_AT_ALLOCATED)
            (void)begin_task(decide, open.tasks[i].id, resource);
}

/* Returns whether a task is under way then. */
static bool begin_last(struct decide *decide, const struct aq_resource *resource)
{
    struct open_tasks open;
    bool waits = false;
    find_open(decide, resource->application, &open);
    for (unsigned i = 0; i < open.count; i++)
        waits |= open.tasks[i].status == AQ_TASK_RUNNING || begin_task(decide, open.tasks[i].id, resource);
    return waits;
}

void decide_give_back(struct decide *decide, const struct aq_application *application, const char *reason)
{
    struct aq_resource resource;
    const bool runs = application->status == AQ_ALLOCATED;
    const struct aq_application_moved moved = {application->id, runs ? AQ_DEALLOCATE : AQ_RECALLED, reason};
    const struct aq_resource_stopped stopped = {application->resource, reason};
    decide_emit(decide, &aq_event_application_moved, &moved);
    if (!state_resource(decide->txn, application->resource, &resource, decide->arena) ||
        (runs && begin_last(decide, &resource)))
        return;
    decide_emit(decide, &aq_event_resource_stopped, &stopped);
}

void decide_give_back_at_once(struct decide *decide, const struct aq_application *application, const char *reason)
{
    const struct aq_resource_stopped stopped = {application->resource, reason};
    const struct aq_application_moved moved = {application->id, AQ_DEALLOCATE, reason};
    struct open_tasks open;
    if (application->status != AQ_ALLOCATED && application->status != AQ_DEALLOCATE) {
        decide_give_back(decide, application, reason);
        return;
    }
    if (application->status == AQ_ALLOCATED)
        decide_emit(decide, &aq_event_application_moved, &moved);
    find_open(decide, application->id, &open);
    for (unsigned i = 0; i < open.count; i++)
        emit_ended(decide, open.tasks[i].id, AQ_TASK_CANCELLED, reason, "{}");
    decide_emit(decide, &aq_event_resource_stopped, &stopped);
}

/* Its resource is gone. */
static void end_of_resource(struct decide *decide, const void *data)
{
    const struct aq_resource_ended *event = data;
    struct aq_resource resource;
    struct open_tasks open;
    if (!state_resource(decide->txn, event->id, &resource, decide->arena))
        return;
    find_open(decide, resource.application, &open);
    for (unsigned i = 0; i < open.count; i++)
        if (open.tasks[i].status == AQ_TASK_RUNNING && open.tasks[i].resource == event->id)
            fail_task(decide, open.tasks[i].id,
                      aq_arena_format(decide->arena, "its workload is gone: %.400s", event->reason));
}
FOLLOW(aq_event_resource_ended, end_of_resource);

/* What it waits for never comes. Those that are under way end with the resource. */
static void end_of_application(struct decide *decide, const void *data)
{
    const struct aq_application_moved *event = data;
    struct open_tasks open;
    if (!aq_application_is_over(event->status))
        return;
    find_open(decide, event->id, &open);
    for (unsigned i = 0; i < open.count; i++)
        if (open.tasks[i].status == AQ_TASK_NEW)
            fail_task(decide, open.tasks[i].id,
                      aq_arena_format(decide->arena, "its application is over: %.400s", event->description));
}
FOLLOW(aq_event_application_moved, end_of_application);

/* A deallocation that has waited for this task goes on, unless another is under way. */
static void go_on(struct decide *decide, const struct aq_task *task)
{
    struct aq_application application;
    struct aq_resource resource;
    struct open_tasks open;
    if (!state_application(decide->txn, task->application, &application, decide->arena) ||
        application.status != AQ_DEALLOCATE ||
        !state_resource(decide->txn, application.resource, &resource, decide->arena) ||
        resource.status == AQ_RESOURCE_STOPPING)
        return;
    find_open(decide, application.id, &open);
    for (unsigned i = 0; i < open.count; i++)
        if (open.tasks[i].id != task->id)
            return;
    const struct aq_resource_stopped stopped = {resource.id, application.description};
    decide_emit(decide, &aq_event_resource_stopped, &stopped);
}

/* ---- create ------------------------------------------------------------------------------------------------ */

/* The application, by its number or that of its resource. */
static int find_application(struct decide *decide, const struct aq_task_create *command,
                            struct aq_application *application, struct aq_error *error)
{
    struct aq_resource resource;
    uint64_t id = command->application;
    if ((id == 0) == (command->resource == 0))
        return aq_fail(error, AQ_E_INVALID, "%s: give one of application and resource",
                       id == 0 ? "application is missing" : "application and resource are both given");
    if (id == 0) {
        if (decide_find_number(decide, &aq_entity_resource, command->resource, &resource, error) != 0 ||
            decide_check_owner(decide, resource.user_number, resource.project, &aq_entity_resource,
                               aq_key_number(resource.id), error) != 0)
            return -1;
        id = resource.application;
    }
    if (decide_find_number(decide, &aq_entity_application, id, application, error) != 0)
        return -1;
    return decide_check_owner(decide, application->user_number, application->project, &aq_entity_application,
                              aq_key_number(id), error);
}

static int check_open(struct decide *decide, const struct aq_application *application,
                      const struct aq_task_create *command, struct aq_error *error)
{
    struct open_tasks open;
    const char *status = aq_application_status_words.words[application->status];
    if (aq_application_is_over(application->status) || application->status == AQ_DEALLOCATE)
        return aq_fail(error, AQ_E_STATE, "application %" PRIu64 " is %s: a task needs a workload that runs",
                       application->id, status);
    find_open(decide, application->id, &open);
    if (open.count == AQ_TASKS_OPEN_MAX)
        return aq_fail(error, AQ_E_LIMIT,
                       "application %" PRIu64 " has %u tasks that are not over, which is the limit: wait for them, or "
                       "cancel some",
                       application->id, open.count);
    for (unsigned i = 0; i < open.count; i++)
        if (open.tasks[i].kind == command->kind && strcmp(open.tasks[i].name, command->name) == 0)
            return aq_fail(error, AQ_E_EXISTS, "name is \"%s\", but task %" PRIu64 " makes a %s of this name already",
                           command->name, open.tasks[i].id, aq_task_kind_words.words[command->kind]);
    return 0;
}

static int create_task(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_task_create *command = record;
    struct aq_application application;
    struct aq_resource resource = {0};
    if (find_application(decide, command, &application, error) != 0 ||
        check_open(decide, &application, command, error) != 0)
        return -1;
    const bool placed =
        application.resource != 0 && state_resource(decide->txn, application.resource, &resource, decide->arena);
    if (placed && !driver_makes(decide, &resource))
        return aq_fail(error, AQ_E_STATE, "%s", cannot_text(decide, &resource));
    const uint64_t id = counter_last_id(decide->txn, &aq_entity_task) + 1;
    const struct aq_task_created event = {
        .id = id,
        .application = application.id,
        .kind = command->kind,
        .name = command->name[0] != '\0' ? command->name : aq_arena_format(decide->arena, "task-%" PRIu64, id),
        .when = command->when,
        .timeout = command->timeout != 0 ? command->timeout : AQ_TASK_TIMEOUT,
    };
    decide_emit(decide, &aq_event_task_created, &event);
    if (application.status == AQ_ALLOCATED && command->when == AQ_TASK_AT_ALLOCATED && placed)
        (void)begin_task(decide, id, &resource);
    decide_id_number(decide, id);
    return 0;
}
DECIDE(aq_command_task_create, create_task);

/* ---- cancel, end, expire ----------------------------------------------------------------------------------- */

static int cancel_task(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_task_cancel *command = record;
    struct aq_task task;
    decide_id_number(decide, command->id);
    if (decide_find_number(decide, &aq_entity_task, command->id, &task, error) != 0 ||
        decide_check_owner(decide, task.user_number, task.project, &aq_entity_task, aq_key_number(task.id), error) != 0)
        return -1;
    if (aq_task_is_over(task.status))
        return 0; /* which is all that the caller wants */
    emit_ended(decide, task.id, AQ_TASK_CANCELLED,
               aq_arena_format(decide->arena, "cancelled by %s", decide->caller.name), "{}");
    go_on(decide, &task);
    return 0;
}
DECIDE(aq_command_task_cancel, cancel_task);

/* It may have been cancelled, or have taken too long, meanwhile. */
static int end_task(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_task_end *command = record;
    struct aq_task task;
    decide_id_number(decide, command->id);
    if (decide_find_number(decide, &aq_entity_task, command->id, &task, error) != 0)
        return -1;
    if (strcmp(task.node, command->node) != 0)
        return aq_fail(error, AQ_E_FORBIDDEN, "task %" PRIu64 " is not one of node %s", task.id, command->node);
    if (aq_task_is_over(task.status))
        return 0;
    emit_ended(decide, task.id, command->failed ? AQ_TASK_FAILED : AQ_TASK_DONE, command->reason, command->result);
    go_on(decide, &task);
    return 0;
}
DECIDE(aq_command_task_end, end_task);

static int expire_task(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_task_expire *command = record;
    struct aq_task task;
    decide_id_number(decide, command->id);
    if (decide_find_number(decide, &aq_entity_task, command->id, &task, error) != 0)
        return -1;
    if (task.status != AQ_TASK_RUNNING || decide->time_ms < task.expires_at)
        return 0;
    fail_task(decide, task.id,
              aq_arena_format(decide->arena, "it was not made within %" PRIu64 " s, its timeout", task.allowed));
    go_on(decide, &task);
    return 0;
}
DECIDE(aq_command_task_expire, expire_task);
