/* Answers to commands that came with an idempotency key, kept for a day: a command that is repeated with the same key
 * gets the same answer and is not decided again. */
#ifndef AQ_CONTROLLER_PROJECT_ANSWERS_H
#define AQ_CONTROLLER_PROJECT_ANSWERS_H

#include "controller/project/project.h"

enum { ANSWER_KEPT_MS = 24 * 3600 * 1000, ANSWERS_REMOVED_AT_ONCE = 8 };

/* As it is stored. */
struct project_answer {
    uint64_t fingerprint; /* of the command */
    uint64_t seq;         /* of the last event of its decision */
    char id[65];          /* key of the row that was created or changed */
};

/* Stores the answer to a decision, and removes a few that are older than ANSWER_KEPT_MS. An empty `key` is none. */
void project_store_answer(struct project *project, const char *author, const char *key, uint64_t fingerprint,
                          uint64_t seq, const char *id);

/* False: the key is new. */
bool project_find_answer(struct state_txn *txn, const char *author, const char *key, struct project_answer *out);

#endif
