#include "schema/model/join_token.h"

#include "controller/decide/decide.h"

#include <inttypes.h>

enum {
    TOKENS_MAX = 2000,     /* rows at once: all are looked at when one is created */
    TOKENS_CROWDED = 1000, /* from then on those that are over leave sooner */
    REMOVED_MAX = 100,     /* in one decision */
};
/* How long one that is over can be looked at. */
static const uint64_t kept_ms = UINT64_C(30) * 86400000, kept_crowded_ms = 3600000;

/* ---- create --------------------------------------------------------------------------------------------- */

static bool is_pattern(const char *text)
{
    for (; *text != '\0'; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (!letter && !(*text >= '0' && *text <= '9') && *text != '.' && *text != '_' && *text != '-' &&
            *text != '*' && *text != '?')
            return false;
    }
    return true;
}

/* Since when it cannot be used; in future: when it will expire. */
static uint64_t over_since(const struct aq_join_token *token)
{
    if (token->revoked_at != 0)
        return token->revoked_at;
    return token->used >= token->uses && token->used_at < token->expires_at ? token->used_at : token->expires_at;
}

static bool remove_old(void *context, const struct state_key *key, const void *object)
{
    struct decide *decide = context;
    const struct aq_join_token *token = object;
    const bool crowded = state_count(decide->txn, &aq_entity_join_token) >= TOKENS_CROWDED;
    (void)key;
    if (over_since(token) + (crowded ? kept_crowded_ms : kept_ms) > decide->time_ms)
        return true;
    struct aq_join_token_removed event = {token->id};
    decide_emit(decide, &aq_event_join_token_removed, &event);
    return decide->count < REMOVED_MAX;
}

/* A host that enrols with it stays, so it cannot be used for longer than the token that asks for it. */
static int check_end(const struct decide *decide, uint64_t expires_at, struct aq_error *error)
{
    const uint64_t end = decide_token_end(decide);
    if (end == 0 || expires_at <= end)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "the join token would be valid for longer than the token that asks for it, which ends in %" PRIu64
                   " s: give it a shorter ttl",
                   (end - decide->time_ms) / 1000);
}

static int create_token(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_join_token_create *command = record;
    if (!is_pattern(command->name))
        return aq_fail(error, AQ_E_INVALID,
                       "name is \"%s\", but must be a pattern of letters, digits, \".\", \"_\", \"-\", \"*\" and \"?\"",
                       command->name);
    if (command->hash[0] == '\0')
        return aq_fail(error, AQ_E_INTERNAL, "no secret was created for the join token");
    const uint64_t expires_at = decide->time_ms + (command->ttl != 0 ? command->ttl : AQ_JOIN_TTL) * 1000;
    if (check_end(decide, expires_at, error) != 0)
        return -1;
    state_scan(decide->txn, &aq_entity_join_token, NULL, remove_old, decide);
    if (state_count(decide->txn, &aq_entity_join_token) >= TOKENS_MAX + decide->count)
        return aq_fail(error, AQ_E_LIMIT,
                       "there are %d join tokens, the most at once: revoke some, or make one for several nodes",
                       TOKENS_MAX);
    struct aq_join_token_created event = {
        .id = counter_last_id(decide->txn, &aq_entity_join_token) + 1,
        .name = command->name,
        .replaces = command->replaces,
        .uses = command->uses != 0 ? command->uses : 1,
        .expires_at = expires_at,
        .hash = command->hash,
    };
    decide_emit(decide, &aq_event_join_token_created, &event);
    decide_id_number(decide, event.id);
    return 0;
}
DECIDE(aq_command_join_token_create, create_token);

/* ---- revoke --------------------------------------------------------------------------------------------- */

static int revoke_token(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_join_token_revoke *command = record;
    struct aq_join_token token;
    if (decide_find_number(decide, &aq_entity_join_token, command->id, &token, error) != 0 ||
        decide_check_owner(decide, token.created_by_number, NULL, &aq_entity_join_token, aq_key_number(command->id),
                           error) != 0)
        return -1;
    decide_id_number(decide, command->id);
    if (token.revoked_at != 0)
        return 0;
    struct aq_join_token_revoked event = {command->id};
    decide_emit(decide, &aq_event_join_token_revoked, &event);
    if (token.used > 0)
        decide_warn(decide, "%" PRIu64 " node%s enrolled with it and stay%s: see `aq nodes revoke`", token.used,
                    token.used == 1 ? "" : "s", token.used == 1 ? "s" : "");
    return 0;
}
DECIDE(aq_command_join_token_revoke, revoke_token);
