#include "schema/model/user.h"

#include "controller/project/memberships.h"
#include "controller/project/tokens.h"
#include "controller/state/indexes.h"

#include <string.h>

/* Earlier builds knew one token for each user, and had it in the user's row. */
static uint64_t add_first_token(struct project *project, const struct aq_user *user, const char *hash)
{
    const struct aq_token token = {
        .id = counter_last_id(project->txn, &aq_entity_token) + 1,
        .user = user->name,
        .name = AQ_TOKEN_FIRST,
        .role = "",
        .hash = hash,
        .created_at = project->time_ms,
        .created_by = project->author,
        .user_number = user->number,
        .project = "",
    };
    project_add_token(project, &token);
    return token.id;
}

static void create_user(struct project *project, const void *data)
{
    const struct aq_user_created *event = data;
    struct aq_user user = {
        .name = event->name,
        .role = event->role,
        .max_applications = event->max_applications,
        .created_at = project->time_ms,
        .created_by = project->author,
        .number = counter_last_id(project->txn, &aq_entity_user) + 1,
    };
    struct state_key key = state_key_name(event->name);
    counter_set_last_id(project->txn, &aq_entity_user, user.number);
    user.first_token = add_first_token(project, &user, event->hash);
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
    project_remove_token(project, user.first_token);
    user.first_token = add_first_token(project, &user, event->hash);
    struct state_key key = state_key_name(event->name);
    state_store(project->txn, &aq_entity_user, &key, &user);
}
PROJECT(aq_event_user_token_changed, change_token);

static void move_uid(struct project *project, const char *name, uint64_t from, uint64_t to)
{
    struct state_key old = {0}, fresh = {0};
    state_key_add_number(&old, from);
    state_key_add_number(&fresh, to);
    if (from != 0)
        index_remove(project->txn, INDEX_USER_UID, &old);
    if (to != 0)
        index_put(project->txn, INDEX_USER_UID, &fresh, name, strlen(name));
}

static void set_uid(struct project *project, const void *data)
{
    const struct aq_user_uid_set *event = data;
    struct aq_user user;
    if (!project_expect(project, state_user(project->txn, event->name, &user, project->arena)))
        return;
    move_uid(project, event->name, user.uid, event->uid);
    user.uid = event->uid;
    struct state_key key = state_key_name(event->name);
    state_store(project->txn, &aq_entity_user, &key, &user);
}
PROJECT(aq_event_user_uid_set, set_uid);

static void delete_user(struct project *project, const void *data)
{
    const struct aq_user_deleted *event = data;
    struct aq_user user;
    if (project_expect(project, state_user(project->txn, event->name, &user, project->arena))) {
        move_uid(project, event->name, user.uid, 0);
        project_remove_tokens(project, user.number);
        project_remove_memberships(project, &user);
    }
    struct state_key key = state_key_name(event->name);
    state_remove(project->txn, &aq_entity_user, &key);
}
PROJECT(aq_event_user_deleted, delete_user);
