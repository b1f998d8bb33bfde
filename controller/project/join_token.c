#include "schema/model/join_token.h"

#include "controller/project/project.h"

static void store(struct project *project, const struct aq_join_token *token)
{
    struct state_key key = state_key_number(token->id);
    state_store(project->txn, &aq_entity_join_token, &key, token);
}

static struct state_key hash_key(const char *hash)
{
    struct state_key key = {0};
    state_key_add_text(&key, hash);
    return key;
}

static void create_token(struct project *project, const void *data)
{
    const struct aq_join_token_created *event = data;
    struct aq_join_token token = {
        .id = event->id,
        .name = event->name,
        .replaces = event->replaces,
        .uses = event->uses,
        .expires_at = event->expires_at,
        .hash = event->hash,
        .created_at = project->time_ms,
        .created_by = project->author,
        .created_by_number = project->author_number,
    };
    struct state_key key = hash_key(event->hash);
    index_put(project->txn, INDEX_JOIN_SECRET, &key, &event->id, sizeof event->id);
    counter_set_last_id(project->txn, &aq_entity_join_token, event->id);
    store(project, &token);
}
PROJECT(aq_event_join_token_created, create_token);

static void use_token(struct project *project, const void *data)
{
    const struct aq_join_token_used *event = data;
    struct aq_join_token token;
    if (!project_expect(project, state_join_token(project->txn, event->id, &token, project->arena)))
        return;
    token.used++;
    token.used_at = project->time_ms;
    store(project, &token);
}
PROJECT(aq_event_join_token_used, use_token);

static void revoke_token(struct project *project, const void *data)
{
    const struct aq_join_token_revoked *event = data;
    struct aq_join_token token;
    if (!project_expect(project, state_join_token(project->txn, event->id, &token, project->arena)))
        return;
    token.revoked_at = project->time_ms;
    store(project, &token);
}
PROJECT(aq_event_join_token_revoked, revoke_token);

static void remove_token(struct project *project, const void *data)
{
    const struct aq_join_token_removed *event = data;
    struct aq_join_token token;
    if (!project_expect(project, state_join_token(project->txn, event->id, &token, project->arena)))
        return;
    struct state_key secret = hash_key(token.hash), key = state_key_number(event->id);
    index_remove(project->txn, INDEX_JOIN_SECRET, &secret);
    state_remove(project->txn, &aq_entity_join_token, &key);
}
PROJECT(aq_event_join_token_removed, remove_token);
