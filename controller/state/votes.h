/* Votes as people read them, from the ballots as they are stored; and the answer to "why" in words. */
#ifndef AQ_CONTROLLER_STATE_VOTES_H
#define AQ_CONTROLLER_STATE_VOTES_H

#include "controller/state/state.h"
#include "schema/model/vote.h"

/* Calls `row` for every vote about the application, by round, definition and node, until it returns false. */
typedef bool votes_row_fn(void *context, const struct aq_vote *vote);
void votes_scan(struct state_txn *txn, uint64_t application, votes_row_fn *row, void *context);

/* Appends the explanation, in lines of English: where it stands, which nodes were looked at in each round, who answered
 * what, why the chosen one was chosen. False: no such application. */
bool votes_why(struct state_txn *txn, uint64_t application, struct aq_buffer *out);

#endif
