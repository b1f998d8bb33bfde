/* Who this agent is, in its directory (home.h):
 *
 *   node.key   the secret half of its static key; made at the first start, mode 0600
 *   cluster    what it has learned by joining: the fingerprint of the cluster's authority, the hub's public key, and
 * where the hub is, if the join token said so
 *
 * The public half of the key is known to the cluster when the agent has enrolled (schema/wire/join.h). */
#ifndef AQ_AGENT_IDENTITY_H
#define AQ_AGENT_IDENTITY_H

#include "schema/wire/sealed.h"
#include "schema/wire/signature.h"

#define IDENTITY_KEY     "node.key"
#define IDENTITY_CLUSTER "cluster"

struct identity {
    struct aq_identity seals;
    char fingerprint[AQ_FINGERPRINT_SIZE]; /* "": it has not joined */
};

/* Reads it from the directory `root`, and makes a key if there is none. Wipe it. */
int identity_open(struct identity *identity, int root, struct aq_error *error) AQ_MUST_CHECK;
void identity_wipe(struct identity *identity);

/* Stores, durably, what was learned by joining. */
int identity_set_cluster(struct identity *identity, int root, const char *fingerprint,
                         const unsigned char hub[AQ_NOISE_KEY_SIZE], struct aq_error *error) AQ_MUST_CHECK;

#endif
