#include "schema/model/user.h"

#include "controller/project/project.h"

#include <stdio.h>

static void created(struct project *project, const void *data)
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
    project_store(project, "user", &key, &user);
}
PROJECT(aq_event_user_created, created);

static struct aq_user get(struct project *project, const char *name)
{
    struct aq_user user = {0};
    bool found = state_user(project->txn, name, &user, project->arena);
    struct aq_error error;
    aq_assert(found || state_failed(project->txn, &error));
    return user;
}

static void updated(struct project *project, const void *data)
{
    const struct aq_user_updated *event = data;
    struct aq_user user = get(project, event->name);
    user.role = event->role;
    user.max_applications = event->max_applications;
    struct state_key key = state_key_name(event->name);
    project_store(project, "user", &key, &user);
}
PROJECT(aq_event_user_updated, updated);

static void token_changed(struct project *project, const void *data)
{
    const struct aq_user_token_changed *event = data;
    struct aq_user user = get(project, event->name);
    user.hash = event->hash;
    struct state_key key = state_key_name(event->name);
    project_store(project, "user", &key, &user);
}
PROJECT(aq_event_user_token_changed, token_changed);

static void deleted(struct project *project, const void *data)
{
    const struct aq_user_deleted *event = data;
    struct state_key key = state_key_name(event->name);
    project_remove(project, "user", &key);
}
PROJECT(aq_event_user_deleted, deleted);
