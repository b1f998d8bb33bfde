#include "tests/sim/operator.h"

#include "schema/model/join_token.h"
#include "schema/wire/key_file.h"
#include "tests/sim/joins.h"
#include "tests/sim/liars.h"

#include <inttypes.h>

enum {
    TOKEN_LOOKS = 16 /* until there is another join token: the clock may have jumped past the expiry of the last */
};

static void make_token(struct clients *clients, struct writer *writer)
{
    const char *hash = aq_arena_format(&clients->requests->arena, "hash-%zu", clients->requests->count);
    asked_submit(CLIENTS_ASK(clients, join_token_create, "admin", .name = "*", .uses = 1000000, .replaces = true,
                             .ttl = AQ_JOIN_TTL_MAX, .hash = hash),
                 writer);
}

static void enrol(struct clients *clients, struct writer *writer, const char *name)
{
    struct aq_arena *arena = &clients->requests->arena;
    const struct judge_node *node = judge_node(clients->judge, name);
    struct aq_noise_pair pair;
    char *key = aq_arena_alloc(arena, AQ_NOISE_TEXT_SIZE);
    test_node_pair(&pair, name);
    aq_noise_key_to_text(pair.public, key);
    asked_submit(CLIENTS_ASK(clients, node_enrol, aq_arena_format(arena, "node:%s", name), .name = name, .key = key,
                             .hash = clients->judge->join_hash, .instance = node != NULL ? node->instance : 0),
                 writer);
}

static const char node_names[] = "node";

/* The name of the first of them that has no key, and does not join by itself; NULL: there is none. */
static const char *find_missing(struct clients *clients, const char *what, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const char *name = aq_arena_format(&clients->requests->arena, "%s-%u", what, i);
        const struct aq_node *row = mirror_row(&clients->judge->mirror, &aq_entity_node, name);
        if (what == node_names && clients->joins->nodes->all[i].joins)
            continue;
        if (row == NULL || row->key[0] == '\0')
            return name;
    }
    return NULL;
}

/* One request at a time: the writer may have a short queue. */
void operator_look(struct clients *clients, struct writer *writer)
{
    if (writer == NULL || !writer_is_leader(writer) || joins_look(clients, writer))
        return;
    const char *name = find_missing(clients, node_names, NODES);
    if (name == NULL)
        name = find_missing(clients, "liar", LIARS);
    if (name == NULL)
        return;
    if (clients->looks++ % TOKEN_LOOKS == 0 || clients->judge->join_hash[0] == '\0')
        make_token(clients, writer);
    else
        enrol(clients, writer, name);
}
