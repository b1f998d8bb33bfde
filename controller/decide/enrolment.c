/* How a node gets its key, and loses it. */
#include "controller/decide/decide.h"
#include "schema/model/join_token.h"
#include "schema/model/node.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

enum { KEY_LENGTH = 64 };

/* ---- enrol ---------------------------------------------------------------------------------------------- */

static int check_key(const char *key, struct aq_error *error)
{
    if (strspn(key, "0123456789abcdef") == KEY_LENGTH && key[KEY_LENGTH] == '\0')
        return 0;
    return aq_fail(error, AQ_E_INVALID, "key must be %d hexadecimal digits", KEY_LENGTH);
}

/* In the order in which the reasons help: an operator who revoked a token wants to read that, not that it expired. */
static int check_token(const struct decide *decide, const struct aq_join_token *token, const char *node,
                       struct aq_error *error)
{
    if (token->revoked_at != 0)
        return aq_fail(error, AQ_E_FORBIDDEN, "join token %" PRIu64 " was revoked", token->id);
    if (decide->time_ms >= token->expires_at)
        return aq_fail(error, AQ_E_FORBIDDEN, "join token %" PRIu64 " expired %" PRIu64 " s ago", token->id,
                       (decide->time_ms - token->expires_at) / 1000);
    if (token->used >= token->uses)
        return aq_fail(error, AQ_E_FORBIDDEN, "join token %" PRIu64 " is used up: it was for %" PRIu64 " node%s",
                       token->id, token->uses, token->uses == 1 ? "" : "s");
    if (fnmatch(token->name, node, FNM_NOESCAPE) != 0)
        return aq_fail(error, AQ_E_FORBIDDEN, "join token %" PRIu64 " is for nodes called %s, and not for %s",
                       token->id, token->name, node);
    return 0;
}

/* Nobody else may use the key. */
static int check_key_is_free(const struct decide *decide, const struct aq_node_enrol *command, struct aq_error *error)
{
    char other[DECIDE_ID_SIZE];
    if (state_key_was_revoked(decide->txn, command->key))
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "the key of this agent was revoked, and never works again: remove it from the agent's "
                       "directory");
    if (state_node_of_key(decide->txn, command->key, other, sizeof other) && strcmp(other, command->name) != 0)
        return aq_fail(error, AQ_E_EXISTS, "node %s has this key: the directory of its agent was copied", other);
    return 0;
}

/* May the agent become this node, which is there already? */
static int check_node(const struct aq_node *node, const struct aq_node_enrol *command,
                      const struct aq_join_token *token, struct aq_error *error)
{
    if (token->replaces)
        return 0;
    if (node->key[0] == '\0' && !node->revoked && node->instance == command->instance && node->instance != 0)
        return 0; /* its agent was of an earlier build */
    if (node->revoked)
        return aq_fail(error, AQ_E_EXISTS,
                       "node %s was revoked: a new key for it needs a join token that says that it replaces",
                       node->name);
    return aq_fail(error, AQ_E_EXISTS,
                   "node %s %s: give this agent another name, or use a join token that says that it replaces",
                   node->name, node->key[0] != '\0' ? "has another key" : "is another agent's");
}

static void set_lost(struct decide *decide, const struct aq_node *node)
{
    struct aq_node_status_set lost = {node->name, AQ_NODE_LOST};
    if (node->status != AQ_NODE_LOST)
        decide_emit(decide, &aq_event_node_status_set, &lost);
}

static void emit_enrolled(struct decide *decide, const struct aq_node_enrol *command, uint64_t number,
                          const struct aq_join_token *token)
{
    struct aq_join_token_used used = {token->id, command->name};
    struct aq_node_enrolled enrolled = {command->name, number, command->key};
    decide_emit(decide, &aq_event_join_token_used, &used);
    decide_emit(decide, &aq_event_node_enrolled, &enrolled);
}

static int find_token(const struct decide *decide, const char *hash, struct aq_join_token *token,
                      struct aq_error *error)
{
    uint64_t id = state_join_token_of_hash(decide->txn, hash);
    if (id != 0 && state_join_token(decide->txn, id, token, decide->arena))
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "there is no such join token: it is of another cluster, or very old");
}

/* An agent that is enrolled asks again when the answer did not reach it: that takes no other use of the token. */
static int enrol_node(struct decide *decide, const void *record, struct aq_error *error)
{
    static const char *const reserved[] = {NULL};
    const struct aq_node_enrol *command = record;
    struct aq_join_token token;
    struct aq_node node;
    decide_id_name(decide, command->name);
    if (check_key(command->key, error) != 0)
        return -1;
    bool known = state_node(decide->txn, command->name, &node, decide->arena);
    if (known && !node.revoked && strcmp(node.key, command->key) == 0)
        return 0;
    if (find_token(decide, command->hash, &token, error) != 0 ||
        check_token(decide, &token, command->name, error) != 0 || check_key_is_free(decide, command, error) != 0)
        return -1;
    if (!known) {
        if (decide_check_name(command->name, reserved, error) != 0)
            return -1;
        emit_enrolled(decide, command, counter_last_id(decide->txn, &aq_entity_node) + 1, &token);
        return 0;
    }
    if (check_node(&node, command, &token, error) != 0)
        return -1;
    if (node.instance != command->instance)
        set_lost(decide, &node); /* the agent before it is out: what that one ran is unknown */
    emit_enrolled(decide, command, node.number, &token);
    return 0;
}
DECIDE(aq_command_node_enrol, enrol_node);

/* ---- revoke --------------------------------------------------------------------------------------------- */

static bool count_resource(void *context, const struct state_key *key, const void *value, size_t length)
{
    uint64_t *count = context;
    (void)key, (void)value, (void)length;
    ++*count;
    return true;
}

static void warn_of_workloads(struct decide *decide, const struct aq_node *node)
{
    uint64_t count = 0;
    struct state_key prefix = state_key_number(node->number);
    index_scan(decide->txn, INDEX_NODE_RESOURCE, &prefix, count_resource, &count);
    if (count == 0)
        return;
    decide_warn(decide,
                "node %s holds %" PRIu64 " resource%s, as a lost node does: what runs there is neither ended nor "
                "started elsewhere; `aq nodes delete %s` counts it as ended",
                node->name, count, count == 1 ? "" : "s", node->name);
}

static int revoke_node(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_revoke *command = record;
    struct aq_node node;
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (!node.revoked) {
        struct aq_node_revoked event = {command->name, node.key};
        set_lost(decide, &node);
        decide_emit(decide, &aq_event_node_revoked, &event);
    }
    warn_of_workloads(decide, &node);
    return 0;
}
DECIDE(aq_command_node_revoke, revoke_node);
