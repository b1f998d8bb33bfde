/* What the tables show, compared with the judge's model (judge.h). */
#include "tests/sim/judge.h"
#include "tests/sim/judge_secrets.h"

#include <inttypes.h>
#include <string.h>

static const char *status_word(enum aq_application_status status)
{
    return aq_application_status_words.words[status];
}

static void must_be(struct judge *judge, uint64_t shown, uint64_t wanted, const char *what)
{
    if (shown != wanted)
        sim_broken(judge->sim, "the tables show what the events say", "%" PRIu64 " %s, should be %" PRIu64, shown, what,
                   wanted);
}

static void compare_application(struct judge *judge, struct state_txn *txn, uint64_t id, struct aq_arena *arena)
{
    const struct judge_application *row = &judge->applications[id - 1];
    struct aq_application shown = {0};
    bool there = state_application(txn, id, &shown, arena);
    if (there != row->there || (there && (shown.status != row->status || shown.resource != row->resource ||
                                          strcmp(shown.user, row->user) != 0)))
        sim_broken(judge->sim, "the tables show what the events say", "application %" PRIu64 " is %s, should be %s", id,
                   there ? status_word(shown.status) : "absent", row->there ? status_word(row->status) : "absent");
}

static void compare_resource(struct judge *judge, struct state_txn *txn, uint64_t id, struct aq_arena *arena)
{
    const struct judge_resource *row = &judge->resources[id - 1];
    struct aq_resource shown = {0};
    bool there = state_resource(txn, id, &shown, arena);
    if (there != row->there || (there && (shown.application != row->application || strcmp(shown.node, row->node) != 0 ||
                                          !aq_amounts_equal(&shown.amounts, &row->amounts))))
        sim_broken(judge->sim, "the tables show what the events say", "resource %" PRIu64, id);
}

static void compare_node(struct judge *judge, struct state_txn *txn, const struct judge_node *row,
                         struct aq_arena *arena)
{
    struct aq_node shown = {0};
    if (!state_node(txn, row->name, &shown, arena) || !aq_amounts_equal(&shown.used, &row->used) ||
        !aq_amounts_equal(&shown.capacity, &row->capacity) || shown.maintenance != row->maintenance ||
        (shown.status == AQ_NODE_LOST) != row->lost)
        sim_broken(judge->sim, "the tables show what the events say", "node %s", row->name);
}

static void compare_key(struct judge *judge, struct state_txn *txn, const struct enrolment_key *key)
{
    char node[JUDGE_NAME] = "";
    if (state_node_of_key(txn, key->key, node, sizeof node) != (key->node[0] != '\0') || strcmp(node, key->node) != 0 ||
        state_key_was_revoked(txn, key->key) != key->dead)
        sim_broken(judge->sim, "the tables show whose a key is", "%s", key->key);
}

static void compare_token(struct judge *judge, struct state_txn *txn, uint64_t id, struct aq_arena *arena)
{
    const struct enrolment_token *token = &judge->enrolments.tokens[id - 1];
    struct aq_join_token shown = {0};
    bool there = state_join_token(txn, id, &shown, arena);
    if (there != token->there || (there && (shown.used != token->used || shown.uses != token->uses ||
                                            (shown.revoked_at != 0) != token->revoked)))
        sim_broken(judge->sim, "the tables show what the events say", "join token %" PRIu64, id);
}

void judge_compare(struct judge *judge, struct state_txn *txn)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    size_t nodes = 0, users = 0;
    if (state_seq(txn) != judge->seq)
        sim_broken(judge->sim, "the tables show what the events say",
                   "they are at seq %" PRIu64 ", the log at %" PRIu64, state_seq(txn), judge->seq);
    for (uint64_t id = 1; id <= judge->n_applications; id++)
        compare_application(judge, txn, id, &arena);
    for (uint64_t id = 1; id <= judge->n_resources; id++)
        compare_resource(judge, txn, id, &arena);
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++)
        if (judge->nodes[i].there) {
            compare_node(judge, txn, &judge->nodes[i], &arena);
            nodes++;
        }
    for (size_t i = 0; i < judge->enrolments.n_keys; i++)
        compare_key(judge, txn, &judge->enrolments.keys[i]);
    for (uint64_t id = 1; id <= judge->enrolments.n_tokens; id++)
        compare_token(judge, txn, id, &arena);
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        users += judge->users[i].there;
    must_be(judge, state_count(txn, &aq_entity_node), nodes, "nodes");
    must_be(judge, state_count(txn, &aq_entity_user), users, "users");
    judge_secrets_compare(judge, txn);
    mirror_compare(&judge->mirror, txn, judge->sim);
    mirror_compare_indexes(&judge->mirror, txn, judge->sim);
}
