#include "tests/sim/joins.h"

#include "tests/sim/node_files.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 3000 /* before a token that was asked for counts as lost */ };

/* ---- tokens ------------------------------------------------------------------------------------------- */

/* NULL: the log does not say so. The command is asked for again when its answer is lost; then the last one counts. */
static const struct enrolment_token *logged(const struct joins *joins, unsigned token)
{
    const struct enrolments *enrolments = &joins->judge->enrolments;
    for (size_t i = enrolments->n_tokens; token > 0 && i > 0; i--)
        if (strcmp(enrolments->tokens[i - 1].hash, joins->tokens[token - 1].hash) == 0)
            return &enrolments->tokens[i - 1];
    return NULL;
}

/* Could the node enrol with it now? */
static bool is_good_for(const struct joins *joins, unsigned token, const char *node)
{
    const struct enrolment_token *row = logged(joins, token);
    return row != NULL && row->there && !row->revoked && row->used < row->uses &&
           joins->judge->time_ms < row->expires_at && fnmatch(row->name, node, 0) == 0 &&
           (row->replaces || judge_node(joins->judge, node) == NULL);
}

/* The newest one that is good for the node, or any that is in the log; 0: there is none. */
static unsigned find_token(const struct joins *joins, const char *node)
{
    unsigned any = 0;
    for (unsigned token = (unsigned)joins->n_tokens; token > 0; token--) {
        if (is_good_for(joins, token, node))
            return token;
        if (any == 0 && logged(joins, token) != NULL)
            any = token;
    }
    return any;
}

bool joins_give(struct joins *joins, unsigned host, struct agent_join *join)
{
    struct joins_node *node = &joins->all[host];
    node->token = find_token(joins, joins->nodes->all[host].config.name);
    if (node->token == 0)
        return false;
    *join = (struct agent_join){joins->nodes->fingerprint, joins->tokens[node->token - 1].secret};
    return true;
}

static void make_token(struct clients *clients, struct writer *writer, const char *node)
{
    static const uint64_t uses[] = {1, 1, 2, 1000};
    struct joins *joins = clients->joins;
    struct sim *sim = clients->sim;
    AQ_GROW(joins->tokens, joins->n_tokens, joins->tokens_room);
    struct joins_token *token = &joins->tokens[joins->n_tokens++];
    snprintf(token->secret, sizeof token->secret, "secret-%zu", joins->n_tokens);
    token_hash(token->secret, token->hash);
    joins->asked_ms = sim->now_ms;
    asked_submit(CLIENTS_ASK(clients, join_token_create, "admin", .name = sim_happens(sim, 50) ? "node-*" : node,
                             .uses = uses[sim_draw(sim, AQ_LENGTH(uses))],
                             .ttl = sim_happens(sim, 70) ? 3600 : sim_between(sim, 5, 60),
                             .replaces = judge_node(joins->judge, node) != NULL || sim_happens(sim, 50),
                             .hash = aq_arena_text(&clients->requests->arena, token->hash, strlen(token->hash))),
                 writer);
}

/* ---- agents ------------------------------------------------------------------------------------------- */

/* Its key is that of the node. */
static bool is_in(const struct joins *joins, const struct node *node)
{
    char key[AQ_NOISE_TEXT_SIZE];
    return node_files_key(node->directory, node->config.name, key) &&
           enrolments_admits(&joins->judge->enrolments, key, node->config.name);
}

bool joins_look(struct clients *clients, struct writer *writer)
{
    struct joins *joins = clients->joins;
    for (unsigned i = 0; i < NODES; i++) {
        struct node *node = &joins->nodes->all[i];
        const char *name = node->config.name;
        if (!node->joins || node->gone || is_in(joins, node) || is_good_for(joins, joins->all[i].token, name))
            continue;
        if (is_good_for(joins, find_token(joins, name), name)) {
            if (node->agent != NULL)
                node_restart(node);
        } else if (joins->asked_ms == 0 || clients->sim->now_ms > joins->asked_ms + PATIENCE_MS) {
            make_token(clients, writer, name);
            return true;
        }
    }
    return false;
}

void joins_lost_directory(struct joins *joins, unsigned host)
{
    joins->all[host].lost_at = joins->n_keys;
}

/* ---- what is judged ----------------------------------------------------------------------------------- */

/* Has its agent shown the key since its directory was lost? */
static bool was_shown(const struct joins *joins, const struct joins_node *node, const char *key)
{
    for (size_t i = node->lost_at; i < joins->n_keys; i++)
        if (strcmp(joins->keys[i], key) == 0)
            return true;
    return false;
}

void joins_enrolled(struct joins *joins, const struct aq_node_enrolled *event)
{
    for (unsigned i = 0; i < NODES; i++) {
        const struct node *node = &joins->nodes->all[i];
        struct joins_node *own = &joins->all[i];
        if (!node->joins || strcmp(node->config.name, event->name) != 0)
            continue;
        if (strcmp(own->enrolled, event->key) != 0 && was_shown(joins, own, own->enrolled))
            sim_broken(joins->judge->sim, "a key is stored before it is told", "%s comes with another one",
                       event->name);
        snprintf(own->enrolled, sizeof own->enrolled, "%s", event->key);
    }
}

void joins_ask(struct joins *joins, unsigned host, uint32_t number)
{
    const struct node *node = &joins->nodes->all[host];
    struct joins_node *own = &joins->all[host];
    AQ_GROW(joins->keys, joins->n_keys, joins->keys_room);
    if (host >= NODES || !node_files_key(node->directory, node->config.name, joins->keys[joins->n_keys]))
        sim_broken(joins->judge->sim, "a key is stored before it is told", "%s has none", node->machine.name);
    own->asked[own->n_asked % JOINS_ASKED].number = number;
    own->asked[own->n_asked++ % JOINS_ASKED].key = (unsigned)++joins->n_keys;
    sim_say(joins->judge->sim, "join: %s says its secret", node->machine.name);
}

unsigned joins_asked(const struct joins *joins, unsigned host, uint32_t number)
{
    for (unsigned i = 0; host < NODES && i < JOINS_ASKED; i++)
        if (joins->all[host].asked[i].key != 0 && joins->all[host].asked[i].number == number)
            return joins->all[host].asked[i].key;
    return 0;
}

void joins_answered(const struct joins *joins, unsigned key, const char *name)
{
    if (key == 0 || !enrolments_knows(&joins->judge->enrolments, joins->keys[key - 1]))
        sim_broken(joins->judge->sim, "an enrolment is told when it is durable", "%s", name);
    sim_say(joins->judge->sim, "join: %s has enrolled", name);
}

/* ---- open and free ------------------------------------------------------------------------------------ */

void joins_open(struct joins *joins, struct judge *judge, struct nodes *nodes)
{
    *joins = (struct joins){.judge = judge, .nodes = nodes};
}

void joins_free(struct joins *joins)
{
    free(joins->tokens);
    free(joins->keys);
}
