/* Finished applications leave the tables: their rows, their history with its ballots, what is known of their resources,
 * and their keys in every index. */
#include "controller/project/project.h"
#include "controller/project/quota.h"
#include "controller/project/tasks.h"
#include "schema/codec/ranges.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"

enum { KEYS_AT_ONCE = 64 };

struct keys {
    struct state_key keys[KEYS_AT_ONCE];
    size_t count;
};

static bool note_key(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct keys *keys = context;
    (void)value;
    (void)length;
    keys->keys[keys->count++] = *key;
    return keys->count < KEYS_AT_ONCE;
}

static void remove_history(struct project *project, uint64_t application)
{
    struct keys keys = {.count = KEYS_AT_ONCE};
    const struct state_key prefix = state_key_number(application);
    while (keys.count == KEYS_AT_ONCE) {
        keys.count = 0;
        index_scan(project->txn, INDEX_HISTORY, &prefix, note_key, &keys);
        for (size_t i = 0; i < keys.count; i++)
            index_remove(project->txn, INDEX_HISTORY, &keys.keys[i]);
    }
}

static void remove_resources(struct project *project, uint64_t last)
{
    struct aq_ended ended;
    for (uint64_t id = last; id != 0 && state_ended(project->txn, id, &ended, project->arena); id = ended.previous) {
        const struct state_key key = state_key_number(id);
        index_remove(project->txn, INDEX_ENDED, &key);
    }
}

static bool remove_application(void *context, uint64_t id)
{
    struct project *project = context;
    struct aq_application application;
    struct aq_error error;
    if (!project_expect(project, state_application(project->txn, id, &application, project->arena)))
        return false;
    struct state_key key = state_key_number(id), owned = state_key_number(application.user_number),
                     over = state_key_number(application.ended_at),
                     in_project = index_project_key(application.project, id);
    state_key_add_number(&owned, id);
    state_key_add_number(&over, id);
    state_remove(project->txn, &aq_entity_application, &key);
    index_remove(project->txn, INDEX_OWNED, &owned);
    index_remove(project->txn, INDEX_APPLICATION_PROJECT, &in_project);
    index_remove(project->txn, INDEX_OVER, &over);
    quota_remove_application(project, application.project);
    project_remove_tasks(project, id);
    remove_history(project, id);
    remove_resources(project, aq_number_or(application.last_resource, 0));
    return !state_failed(project->txn, &error);
}

static void remove_applications(struct project *project, const void *data)
{
    const struct aq_application_removed *event = data;
    aq_ranges_each(event->applications, remove_application, project);
}
PROJECT(aq_event_application_removed, remove_applications);
