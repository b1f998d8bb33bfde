#include "schema/model/label.h"

#include "controller/project/secrets.h"

static struct state_key version_key(const char *name, uint64_t version)
{
    struct state_key key = {0};
    state_key_add_text(&key, name);
    state_key_add_number(&key, version);
    return key;
}

static void create_label(struct project *project, const void *data)
{
    const struct aq_label_created *event = data;
    struct aq_label label = {
        .id = event->id,
        .name = event->name,
        .version = event->version,
        .definitions = event->definitions,
        .metadata = event->metadata,
        .created_at = project->time_ms,
        .created_by = project->author,
        .description = event->description,
        .locked = event->locked,
        .project = event->project,
        .arguments = event->arguments,
        .secrets = event->secrets,
        .sealed = event->sealed,
        .wrap = event->wrap,
    };
    struct state_key key = state_key_number(event->id), version = version_key(event->name, event->version),
                     in_project = index_project_key(event->project, event->id);
    state_store(project->txn, &aq_entity_label, &key, &label);
    index_put(project->txn, INDEX_LABEL_PROJECT, &in_project, "", 0);
    index_put(project->txn, INDEX_LABEL_VERSION, &version, &event->id, sizeof event->id);
    project_hold_secrets(project, &event->wrap, &aq_entity_label, event->id);
    counter_set_last_id(project->txn, &aq_entity_label, event->id);
    counter_set_label_version(project->txn, event->name, event->version);
}
PROJECT(aq_event_label_created, create_label);

static void delete_label(struct project *project, const void *data)
{
    const struct aq_label_deleted *event = data;
    struct aq_label label;
    if (!state_label(project->txn, event->id, &label, project->arena))
        return;
    struct state_key key = state_key_number(event->id), version = version_key(label.name, label.version),
                     in_project = index_project_key(label.project, label.id);
    index_remove(project->txn, INDEX_LABEL_PROJECT, &in_project);
    project_drop_secrets(project, &label.wrap, &aq_entity_label, label.id);
    state_remove(project->txn, &aq_entity_label, &key);
    index_remove(project->txn, INDEX_LABEL_VERSION, &version);
}
PROJECT(aq_event_label_deleted, delete_label);
