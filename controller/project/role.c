#include "schema/model/role.h"

#include "controller/project/project.h"

static void create_role(struct project *project, const void *data)
{
    const struct aq_role_created *event = data;
    struct aq_role role = {
        .name = event->name,
        .may = event->may,
        .description = event->description,
        .created_at = project->time_ms,
        .created_by = project->author,
        .changed_at = project->time_ms,
    };
    struct state_key key = state_key_name(event->name);
    state_store(project->txn, &aq_entity_role, &key, &role);
}
PROJECT(aq_event_role_created, create_role);

static void update_role(struct project *project, const void *data)
{
    const struct aq_role_updated *event = data;
    struct aq_role role;
    if (!project_expect(project, state_role(project->txn, event->name, &role, project->arena)))
        return;
    role.may = event->may;
    role.description = event->description;
    role.changed_at = project->time_ms;
    struct state_key key = state_key_name(event->name);
    state_store(project->txn, &aq_entity_role, &key, &role);
}
PROJECT(aq_event_role_updated, update_role);

static void delete_role(struct project *project, const void *data)
{
    const struct aq_role_deleted *event = data;
    const struct aq_role *built_in = aq_role_built_in(event->name); /* it comes back: see aq_role_may_be_older() */
    struct state_key key = state_key_name(event->name);
    if (built_in != NULL)
        state_store(project->txn, &aq_entity_role, &key, built_in);
    else
        state_remove(project->txn, &aq_entity_role, &key);
}
PROJECT(aq_event_role_deleted, delete_role);
