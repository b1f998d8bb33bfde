#include "schema/model/token.h"

#include "controller/project/tokens.h"
#include "schema/model/user.h"

#include <string.h>

static struct state_key own_key(const struct aq_token *token)
{
    struct state_key key = state_key_number(token->user_number);
    state_key_add_number(&key, token->id);
    return key;
}

static struct state_key hash_key(const struct aq_token *token)
{
    struct state_key key = {0};
    state_key_add_text(&key, token->hash);
    return key;
}

static struct state_key expiry_key(const struct aq_token *token)
{
    struct state_key key = state_key_number(token->expires_at);
    state_key_add_number(&key, token->id);
    return key;
}

void project_add_token(struct project *project, const struct aq_token *token)
{
    const struct state_key key = state_key_number(token->id), own = own_key(token), hash = hash_key(token),
                           expiry = expiry_key(token), in_project = index_project_key(token->project, token->id);
    index_put(project->txn, INDEX_TOKEN_USER, &own, token->name, strlen(token->name));
    index_put(project->txn, INDEX_TOKEN_HASH, &hash, &token->id, sizeof token->id);
    if (token->expires_at != 0)
        index_put(project->txn, INDEX_TOKEN_EXPIRY, &expiry, "", 0);
    if (token->project[0] != '\0')
        index_put(project->txn, INDEX_TOKEN_PROJECT, &in_project, "", 0);
    counter_set_last_id(project->txn, &aq_entity_token, token->id);
    state_store(project->txn, &aq_entity_token, &key, token);
}

void project_remove_token(struct project *project, uint64_t id)
{
    struct aq_token token;
    if (!state_token(project->txn, id, &token, project->arena))
        return;
    const struct state_key key = state_key_number(id), own = own_key(&token), hash = hash_key(&token),
                           expiry = expiry_key(&token), in_project = index_project_key(token.project, id);
    index_remove(project->txn, INDEX_TOKEN_USER, &own);
    index_remove(project->txn, INDEX_TOKEN_HASH, &hash);
    if (token.expires_at != 0)
        index_remove(project->txn, INDEX_TOKEN_EXPIRY, &expiry);
    if (token.project[0] != '\0')
        index_remove(project->txn, INDEX_TOKEN_PROJECT, &in_project);
    state_remove(project->txn, &aq_entity_token, &key);
}

struct own {
    uint64_t ids[AQ_TOKENS_OF_USER_MAX + 1]; /* and the first one, which has no limit */
    size_t count;
};

static bool note_own(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct own *own = context;
    (void)value;
    (void)length;
    aq_assert(own->count < AQ_LENGTH(own->ids));
    own->ids[own->count++] = state_key_number_at(key, sizeof(uint64_t));
    return true;
}

void project_remove_tokens(struct project *project, uint64_t user_number)
{
    struct own own = {.count = 0};
    const struct state_key all = state_key_number(user_number);
    index_scan(project->txn, INDEX_TOKEN_USER, &all, note_own, &own);
    for (size_t i = 0; i < own.count; i++)
        project_remove_token(project, own.ids[i]);
}

struct bound {
    uint64_t id; /* of the first token that acts in the project alone; 0: none */
};

static bool note_bound(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct bound *bound = context;
    (void)value;
    (void)length;
    bound->id = state_key_number_at(key, key->length - sizeof(uint64_t));
    return false;
}

void project_remove_tokens_of(struct project *project, const char *name)
{
    const struct state_key prefix = index_project_prefix(name);
    struct bound bound = {.id = 1};
    struct aq_error error;
    while (bound.id != 0 && !state_failed(project->txn, &error)) {
        bound.id = 0;
        index_scan(project->txn, INDEX_TOKEN_PROJECT, &prefix, note_bound, &bound);
        if (bound.id != 0)
            project_remove_token(project, bound.id);
    }
}

static void create_token(struct project *project, const void *data)
{
    const struct aq_token_created *event = data;
    struct aq_user user;
    if (!project_expect(project, state_user(project->txn, event->user, &user, project->arena)))
        return;
    const struct aq_token token = {
        .id = event->id,
        .user = event->user,
        .name = event->name,
        .role = event->role,
        .only = event->only,
        .expires_at = event->expires_at,
        .hash = event->hash,
        .created_at = project->time_ms,
        .created_by = project->author,
        .user_number = user.number,
        .project = event->project,
    };
    project_add_token(project, &token);
}
PROJECT(aq_event_token_created, create_token);

static void delete_token(struct project *project, const void *data)
{
    const struct aq_token_deleted *event = data;
    struct aq_token token;
    struct aq_user user;
    if (!project_expect(project, state_token(project->txn, event->id, &token, project->arena)))
        return;
    if (project_expect(project, state_user(project->txn, token.user, &user, project->arena)) &&
        user.first_token == token.id) {
        struct state_key key = state_key_name(user.name);
        user.first_token = 0;
        state_store(project->txn, &aq_entity_user, &key, &user);
    }
    project_remove_token(project, event->id);
}
PROJECT(aq_event_token_deleted, delete_token);
