#include "schema/model/task.h"

#include "controller/project/project.h"
#include "controller/project/tasks.h"
#include "schema/model/application.h"

static bool find_task(struct project *project, uint64_t id, struct aq_task *task)
{
    return project_expect(project, state_task(project->txn, id, task, project->arena));
}

static void store_task(struct project *project, const struct aq_task *task)
{
    const struct state_key key = state_key_number(task->id);
    state_store(project->txn, &aq_entity_task, &key, task);
    project_history(project, task->application);
}

static struct state_key application_key(const struct aq_task *task)
{
    struct state_key key = state_key_number(task->application);
    state_key_add_number(&key, task->id);
    return key;
}

static struct state_key user_key(const struct aq_task *task)
{
    struct state_key key = state_key_number(task->user_number);
    state_key_add_number(&key, task->id);
    return key;
}

static struct state_key expiry_key(const struct aq_task *task)
{
    struct state_key key = state_key_number(task->expires_at);
    state_key_add_number(&key, task->id);
    return key;
}

static void create_task(struct project *project, const void *data)
{
    const struct aq_task_created *event = data;
    struct aq_application application;
    if (!project_expect(project, state_application(project->txn, event->application, &application, project->arena)))
        return;
    const struct aq_task task = {
        .id = event->id,
        .application = event->application,
        .user = application.user,
        .kind = event->kind,
        .name = event->name,
        .when = event->when,
        .status = AQ_TASK_NEW,
        .reason = "",
        .result = "{}",
        .node = "",
        .allowed = event->timeout,
        .created_at = project->time_ms,
        .created_by = project->author,
        .user_number = application.user_number,
        .project = application.project,
    };
    const struct state_key of_application = application_key(&task), own = user_key(&task),
                           in_project = index_project_key(task.project, task.id);
    index_put(project->txn, INDEX_TASK_APPLICATION, &of_application, "", 0);
    index_put(project->txn, INDEX_TASK_OPEN, &of_application, "", 0);
    index_put(project->txn, INDEX_TASK_USER, &own, "", 0);
    index_put(project->txn, INDEX_TASK_PROJECT, &in_project, "", 0);
    counter_set_last_id(project->txn, &aq_entity_task, task.id);
    store_task(project, &task);
}
PROJECT(aq_event_task_created, create_task);

static void begin_task(struct project *project, const void *data)
{
    const struct aq_task_begun *event = data;
    struct aq_task task;
    if (!find_task(project, event->id, &task))
        return;
    task.status = AQ_TASK_RUNNING;
    task.resource = event->resource;
    task.node = event->node;
    task.begun_at = project->time_ms;
    task.expires_at = project->time_ms + task.allowed * 1000;
    const struct state_key expiry = expiry_key(&task);
    index_put(project->txn, INDEX_TASK_EXPIRY, &expiry, "", 0);
    store_task(project, &task);
}
PROJECT(aq_event_task_begun, begin_task);

static void close_task(struct project *project, const struct aq_task *task)
{
    const struct state_key open = application_key(task), expiry = expiry_key(task);
    if (aq_task_is_over(task->status))
        return;
    index_remove(project->txn, INDEX_TASK_OPEN, &open);
    if (task->expires_at != 0)
        index_remove(project->txn, INDEX_TASK_EXPIRY, &expiry);
}

static void end_task(struct project *project, const void *data)
{
    const struct aq_task_ended *event = data;
    struct aq_task task;
    if (!find_task(project, event->id, &task))
        return;
    close_task(project, &task);
    task.status = event->status;
    task.reason = event->reason;
    task.result = event->result;
    task.expires_at = 0;
    task.ended_at = project->time_ms;
    store_task(project, &task);
}
PROJECT(aq_event_task_ended, end_task);

/* ---- with its application ----------------------------------------------------------------------------------- */

struct first {
    uint64_t id; /* 0: none */
};

static bool note_first(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct first *first = context;
    (void)value, (void)length;
    first->id = state_key_number_at(key, sizeof(uint64_t));
    return false;
}

void project_remove_tasks(struct project *project, uint64_t application)
{
    const struct state_key prefix = state_key_number(application);
    struct aq_task task;
    struct aq_error error;
    while (!state_failed(project->txn, &error)) {
        struct first first = {0};
        index_scan(project->txn, INDEX_TASK_APPLICATION, &prefix, note_first, &first);
        if (first.id == 0 || !find_task(project, first.id, &task))
            return;
        const struct state_key key = state_key_number(task.id), of_application = application_key(&task),
                               own = user_key(&task), in_project = index_project_key(task.project, task.id);
        close_task(project, &task);
        index_remove(project->txn, INDEX_TASK_APPLICATION, &of_application);
        index_remove(project->txn, INDEX_TASK_USER, &own);
        index_remove(project->txn, INDEX_TASK_PROJECT, &in_project);
        state_remove(project->txn, &aq_entity_task, &key);
    }
}
