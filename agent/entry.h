/* How the agent gets into the cluster: with a join token the first time, and from then on with its key.
 *
 * It joins (schema/wire/join.h) when it has a token and does not belong to that token's cluster yet, and when the hub
 * says that no node has its key. When the hub has another key, as after a restore without it, the agent asks for a
 * proof that the new one is of its cluster. */
#ifndef AQ_AGENT_ENTRY_H
#define AQ_AGENT_ENTRY_H

#include "agent/identity.h"
#include "schema/wire/ask.h"

/* What a join token says. The texts are the caller's, and are copied. */
struct agent_join {
    const char *fingerprint; /* of the cluster's authority */
    const char *secret;
};

enum { ENTRY_TEXT_SIZE = 600 };

struct entry {
    struct identity identity;
    int root; /* the agent's directory */
    char name[AQ_NAME_MAX + 1];
    struct aq_join token;  /* fingerprint "": there is none */
    struct aq_join asked;  /* under way, or the last one */
    enum aq_denial denied; /* told in the journal; 0: nothing is */
    char refusal[ENTRY_TEXT_SIZE];
};

/* `join` NULL: there is no token. `name` is the node's, and is copied: settings that are read again free theirs;
 * `instance` is its number (home.h). The entry must not move. */
int entry_open(struct entry *entry, int root, const struct agent_join *join, const char *name, uint64_t instance,
               struct aq_error *error) AQ_MUST_CHECK;
void entry_close(struct entry *entry);

/* Call it when the asker has been opened, and after answers were taken: joins if that is needed, stores what it has
 * learned, and says in the journal what is wrong, once. */
void entry_begin(struct entry *entry, struct aq_asker *asker);
void entry_turn(struct entry *entry, struct aq_asker *asker);

/* Why the agent is not let in, in words; "": nothing is known. */
const char *entry_refusal(const struct entry *entry);

#endif
