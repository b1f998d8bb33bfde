/* Agents that enrol by themselves, over the network, with join tokens that the operator gives them: few uses, some for
 * one node only, some for a short time. When an agent cannot enrol with its token, the operator makes another, and
 * starts the agent again with that. */
#ifndef AQ_TESTS_SIM_JOINS_H
#define AQ_TESTS_SIM_JOINS_H

#include "agent/entry.h"
#include "controller/auth/tokens.h"
#include "schema/wire/key_file.h"
#include "tests/sim/clients.h"
#include "tests/sim/nodes.h"

enum { JOINS_ASKED = 8 /* ENROLs of a host that are remembered */ };

struct joins_token {
    char secret[AQ_JOIN_SECRET_SIZE], hash[TOKEN_HASH_SIZE];
};

struct joins_node {
    unsigned token;                    /* with which its agent was started, from 1; 0: none */
    char enrolled[AQ_NOISE_TEXT_SIZE]; /* its key, by the events; "": it has none yet */
    size_t lost_at;                    /* keys that were shown before its directory was lost */
    struct {
        uint32_t number; /* of the question */
        unsigned key;
    } asked[JOINS_ASKED];
    unsigned n_asked;
};

struct joins {
    struct judge *judge;
    struct nodes *nodes;
    struct joins_token *tokens;
    size_t n_tokens, tokens_room;
    char (*keys)[AQ_NOISE_TEXT_SIZE]; /* that were shown in ENROLs */
    size_t n_keys, keys_room;
    uint64_t asked_ms; /* when another token was asked for */
    struct joins_node all[NODES];
};

void joins_open(struct joins *joins, struct judge *judge, struct nodes *nodes);
void joins_free(struct joins *joins);

/* The token for the agent of the host. False: there is none yet, and it needs one. */
bool joins_give(struct joins *joins, unsigned host, struct agent_join *join);
/* The operator looks whether agents get in. True: it has asked for something. */
bool joins_look(struct clients *clients, struct writer *writer);
void joins_lost_directory(struct joins *joins, unsigned host);

/* An event. An agent stores its key before it sends it, so only one that has lost its directory comes with another. */
void joins_enrolled(struct joins *joins, const struct aq_node_enrolled *event);

/* The agent sends ENROL. */
void joins_ask(struct joins *joins, unsigned host, uint32_t number);
/* The key of the host's agent when it sent that; 0: it did not. */
unsigned joins_asked(const struct joins *joins, unsigned host, uint32_t number);
/* The hub says that a node has enrolled: then the log says it, too. */
void joins_answered(const struct joins *joins, unsigned key, const char *name);

#endif
