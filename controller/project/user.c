#include "schema/model/user.h"

#include "controller/project/project.h"

static void create_user(struct project *project, const void *data)
{
    const struct aq_user_created *event = data;
    struct aq_user user = {
        .name = event->name,
        .role = event->role,
        .max_applications = event->max_applications,
        .hash = event->hash,
        .created_at = project->time_ms,
        .created_by = project->author,
    };
    struct state_key key = state_key_name(event->name);
    state_store(project->txn, &aq_entity_user, &key, &user);
}
PROJECT(aq_event_user_created, create_user);

static void update_user(struct project *project, const void *data)
{
    const struct aq_user_updated *event = data;
    struct aq_user user;
    if (!project_expect(project, state_user(project->txn, event->name, &user, project->arena)))
        return;
    user.role = event->role;
    user.max_applications = event->max_applications;
    struct state_key key = state_key_name(event->name);
    state_store(project->txn, &aq_entity_user, &key, &user);
}
PROJECT(aq_event_user_updated, update_user);

static void change_token(struct project *project, const void *data)
{
    const struct aq_user_token_changed *event = data;
    struct aq_user user;
    if (!project_expect(project, state_user(project->txn, event->name, &user, project->arena)))
        return;
    user.hash = event->hash;
    struct state_key key = state_key_name(event->name);
    state_store(project->txn, &aq_entity_user, &key, &user);
}
PROJECT(aq_event_user_token_changed, change_token);

static void delete_user(struct project *project, const void *data)
{
    const struct aq_user_deleted *event = data;
    struct state_key key = state_key_name(event->name);
    state_remove(project->txn, &aq_entity_user, &key);
}
PROJECT(aq_event_user_deleted, delete_user);
