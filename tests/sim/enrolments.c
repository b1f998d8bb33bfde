#include "tests/sim/enrolments.h"

#include "tests/sim/clients.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPARES = 3, SPARE_KEYS = 24, KEPT_DAYS = 30 };
static const uint64_t day_ms = 86400000;

void enrolments_free(struct enrolments *enrolments)
{
    free(enrolments->tokens);
    free(enrolments->keys);
    *enrolments = (struct enrolments){0};
}

/* ---- tokens ------------------------------------------------------------------------------------------- */

void enrolments_created(struct enrolments *enrolments, const struct aq_join_token_created *event)
{
    AQ_GROW(enrolments->tokens, enrolments->n_tokens, enrolments->tokens_room);
    struct enrolment_token *token = &enrolments->tokens[enrolments->n_tokens++];
    *token = (struct enrolment_token){
        .there = true, .uses = event->uses, .replaces = event->replaces, .expires_at = event->expires_at};
    snprintf(token->name, sizeof token->name, "%s", event->name);
    snprintf(token->hash, sizeof token->hash, "%s", event->hash);
}

static struct enrolment_token *the_token(struct enrolments *enrolments, struct sim *sim, uint64_t id)
{
    if (id == 0 || id > enrolments->n_tokens || !enrolments->tokens[id - 1].there)
        sim_broken(sim, "an event is about a row", "join token %" PRIu64, id);
    return &enrolments->tokens[id - 1];
}

void enrolments_used(struct enrolments *enrolments, struct sim *sim, const struct aq_join_token_used *event,
                     uint64_t time_ms, const char *author)
{
    struct enrolment_token *token = the_token(enrolments, sim, event->id);
    const char *why = token->revoked                         ? "it was revoked"
                      : time_ms >= token->expires_at         ? "it had expired"
                      : ++token->used > token->uses          ? "it was used up"
                      : fnmatch(token->name, event->node, 0) ? "it is for others"
                      : strncmp(author, "node:", 5) != 0     ? "no node did so"
                      : strcmp(author + 5, event->node) != 0 ? "another node did so"
                                                             : NULL;
    if (why != NULL)
        sim_broken(sim, "a join token is good for what it says", "%s used token %" PRIu64 ": %s", event->node,
                   event->id, why);
    enrolments->last_used = event->id;
}

void enrolments_token_revoked(struct enrolments *enrolments, struct sim *sim, uint64_t id)
{
    the_token(enrolments, sim, id)->revoked = true;
}

void enrolments_removed(struct enrolments *enrolments, struct sim *sim, uint64_t id, uint64_t time_ms)
{
    struct enrolment_token *token = the_token(enrolments, sim, id);
    if (!token->revoked && token->used < token->uses && token->expires_at + KEPT_DAYS * day_ms > time_ms)
        sim_broken(sim, "a join token can be looked at for a month", "token %" PRIu64, id);
    token->there = false;
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static struct enrolment_key *key_of_node(struct enrolments *enrolments, const char *node)
{
    for (size_t i = 0; i < enrolments->n_keys; i++)
        if (strcmp(enrolments->keys[i].node, node) == 0)
            return &enrolments->keys[i];
    return NULL;
}

static struct enrolment_key *find_key(const struct enrolments *enrolments, const char *key)
{
    for (size_t i = 0; i < enrolments->n_keys; i++)
        if (strcmp(enrolments->keys[i].key, key) == 0)
            return &enrolments->keys[i];
    return NULL;
}

static void bury(struct enrolment_key *key)
{
    key->dead = true;
    key->node[0] = '\0';
}

void enrolments_enrolled(struct enrolments *enrolments, struct sim *sim, const struct aq_node_enrolled *event)
{
    struct enrolment_key *key = find_key(enrolments, event->key), *before = key_of_node(enrolments, event->name);
    if (key != NULL && key->dead)
        sim_broken(sim, "a revoked key never works again", "%s enrolled with it", event->name);
    if (key != NULL && key->node[0] != '\0')
        sim_broken(sim, "a key is that of one node", "%s enrolled with that of %s", event->name, key->node);
    if (enrolments->last_used == 0)
        sim_broken(sim, "what enrols uses a join token", "%s did not", event->name);
    if (before != NULL && !enrolments->tokens[enrolments->last_used - 1].replaces)
        sim_broken(sim, "a key is replaced only with a token that says so", "that of %s", event->name);
    enrolments->last_used = 0;
    if (before != NULL)
        bury(before);
    if (key == NULL) {
        AQ_GROW(enrolments->keys, enrolments->n_keys, enrolments->keys_room);
        key = &enrolments->keys[enrolments->n_keys++];
        *key = (struct enrolment_key){.dead = false};
        snprintf(key->key, sizeof key->key, "%s", event->key);
    }
    snprintf(key->node, sizeof key->node, "%s", event->name);
}

void enrolments_revoked(struct enrolments *enrolments, struct sim *sim, const struct aq_node_revoked *event)
{
    struct enrolment_key *key = key_of_node(enrolments, event->name);
    if ((key != NULL) != (event->key[0] != '\0') || (key != NULL && strcmp(key->key, event->key) != 0))
        sim_broken(sim, "the node's own key is revoked", "another one of %s", event->name);
    if (key != NULL)
        bury(key);
}

void enrolments_deleted(struct enrolments *enrolments, const char *node)
{
    struct enrolment_key *key = key_of_node(enrolments, node);
    if (key != NULL)
        key->node[0] = '\0';
}

bool enrolments_knows(const struct enrolments *enrolments, const char *key)
{
    return find_key(enrolments, key) != NULL;
}

bool enrolments_admits(const struct enrolments *enrolments, const char *key, const char *node)
{
    const struct enrolment_key *known = find_key(enrolments, key);
    return known != NULL && !known->dead && strcmp(known->node, node) == 0;
}

/* ---- what is asked for -------------------------------------------------------------------------------- */

static struct asked *make_token(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const char *hash = aq_arena_format(&clients->requests->arena, "spare-hash-%zu", clients->requests->count);
    return CLIENTS_ASK(clients, join_token_create, "admin",
                       .name = sim_happens(sim, 50) ? "spare-*" : clients_draw_name(clients, "spare", SPARES),
                       .uses = sim_draw(sim, 4), .ttl = sim_between(sim, 1, 60), .replaces = sim_happens(sim, 40),
                       .hash = hash);
}

/* One of the newest: the number is often one too high. */
static uint64_t drawn_token(struct clients *clients)
{
    enum { LAST = 5 };
    uint64_t count = clients->judge->enrolments.n_tokens;
    return (count > LAST ? count - LAST : 0) + 1 + sim_draw(clients->sim, LAST + 1);
}

static struct asked *enrol(struct clients *clients)
{
    const struct enrolments *enrolments = &clients->judge->enrolments;
    struct aq_arena *arena = &clients->requests->arena;
    uint64_t token = drawn_token(clients);
    const char *name = clients_draw_name(clients, "spare", SPARES);
    const char *hash = token <= enrolments->n_tokens ? enrolments->tokens[token - 1].hash : "unknown";
    return CLIENTS_ASK(clients, node_enrol, aq_arena_format(arena, "node:%s", name), .name = name,
                       .key = aq_arena_format(arena, "%064" PRIx64, 1 + sim_draw(clients->sim, SPARE_KEYS)),
                       .hash = aq_arena_text(arena, hash, strlen(hash)), .instance = sim_draw(clients->sim, 3));
}

static struct asked *revoke_token(struct clients *clients)
{
    uint64_t token = drawn_token(clients);
    const struct enrolments *enrolments = &clients->judge->enrolments;
    /* The operator makes others for agents; the rest is needed. */
    if (token <= enrolments->n_tokens && strncmp(enrolments->tokens[token - 1].hash, "hash-", 5) == 0)
        return NULL;
    return CLIENTS_ASK(clients, join_token_revoke, "admin", .id = token);
}

static struct asked *revoke_node(struct clients *clients)
{
    return CLIENTS_ASK(clients, node_revoke, "admin", .name = clients_draw_name(clients, "spare", SPARES));
}

static struct asked *delete_node(struct clients *clients)
{
    return CLIENTS_ASK(clients, node_delete, "admin", .name = clients_draw_name(clients, "spare", SPARES));
}

struct asked *enrolments_ask(struct clients *clients)
{
    uint64_t what = sim_draw(clients->sim, 10);
    return what < 3   ? make_token(clients)
           : what < 7 ? enrol(clients)
           : what < 8 ? revoke_token(clients)
           : what < 9 ? revoke_node(clients)
                      : delete_node(clients);
}
