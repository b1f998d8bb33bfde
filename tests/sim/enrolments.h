/* Join tokens and keys of nodes, as the events tell: no token is used more often than it says, too late, after it was
 * revoked, or for another name; and a key that was revoked or replaced is never that of a node again.
 *
 * Besides the nodes with agents, for which the operator cares, there are spare ones, which only enrol and are revoked:
 * with tokens and keys that are drawn, so that most of that is refused. */
#ifndef AQ_TESTS_SIM_ENROLMENTS_H
#define AQ_TESTS_SIM_ENROLMENTS_H

#include "tests/sim/sim.h"

#include "controller/auth/tokens.h"
#include "schema/model/join_token.h"
#include "schema/model/node.h"

enum { ENROLMENTS_NAME = 65 };

struct enrolment_token {
    bool there, revoked, replaces;
    char name[ENROLMENTS_NAME], hash[TOKEN_HASH_SIZE];
    uint64_t uses, used, expires_at;
};

struct enrolment_key {
    char key[ENROLMENTS_NAME];
    char node[ENROLMENTS_NAME]; /* whose it is now; "": nobody's */
    bool dead;                  /* revoked or replaced */
};

struct enrolments {
    struct enrolment_token *tokens; /* by id, from 1 */
    struct enrolment_key *keys;
    size_t n_tokens, tokens_room, n_keys, keys_room;
    uint64_t last_used; /* token; in the present decision */
};

void enrolments_free(struct enrolments *enrolments);

/* Events, in order; `time_ms` is the log's, `author` that of the decision. */
void enrolments_created(struct enrolments *enrolments, const struct aq_join_token_created *event);
void enrolments_used(struct enrolments *enrolments, struct sim *sim, const struct aq_join_token_used *event,
                     uint64_t time_ms, const char *author);
void enrolments_token_revoked(struct enrolments *enrolments, struct sim *sim, uint64_t id);
void enrolments_removed(struct enrolments *enrolments, struct sim *sim, uint64_t id, uint64_t time_ms);
void enrolments_enrolled(struct enrolments *enrolments, struct sim *sim, const struct aq_node_enrolled *event);
void enrolments_revoked(struct enrolments *enrolments, struct sim *sim, const struct aq_node_revoked *event);
void enrolments_deleted(struct enrolments *enrolments, const char *node);

/* Has a node ever enrolled with this key? */
bool enrolments_knows(const struct enrolments *enrolments, const char *key);
/* Is this the node's key, by the events? */
bool enrolments_admits(const struct enrolments *enrolments, const char *key, const char *node);

struct clients;
struct asked;
struct writer;

/* As clients_ask(). */
struct asked *enrolments_ask(struct clients *clients);

#endif
