/* Answers to commands that came with an idempotency key, kept for a day: a command that is repeated with the same key
 * gets the same answer and is not decided again. */
#ifndef AQ_CONTROLLER_PROJECT_ANSWERS_H
#define AQ_CONTROLLER_PROJECT_ANSWERS_H

#include "controller/project/project.h"
#include "schema/model/access.h"

enum { ANSWER_KEPT_MS = 24 * 3600 * 1000, ANSWERS_REMOVED_AT_ONCE = 8, ANSWER_ROWS_BYTES_MAX = 65536 };

struct project_answer {
    uint64_t fingerprint; /* of the command */
    uint64_t seq;         /* at which it was decided */
    uint32_t count;       /* of the rows that were created or changed */
    bool changed;         /* there were events */
    char id[65];          /* key of the first one */
    struct aq_list ids;   /* const char *: keys of all; empty if they are consecutive numbers from `id` on */
    struct aq_bytes rows; /* as they were at `seq` (kept_rows.h); empty if they take more than ANSWER_ROWS_BYTES_MAX */
};

/* Stores the answer to a decision whose events were projected just now, and removes a few that are older than
 * ANSWER_KEPT_MS. Without a key it does nothing. `seq`: of the last event up to and including the decision's. */
void project_store_answer(struct project *project, const struct aq_logged_decision *decision, uint64_t seq);

/* False: the key is new. What `out` points to is in `arena`. */
bool project_find_answer(struct state_txn *txn, const struct aq_caller *author, const char *key,
                         struct project_answer *out, struct aq_arena *arena);

#endif
