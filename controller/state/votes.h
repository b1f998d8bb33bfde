/* Votes, made from the stored ballots; and the explanation of a placement in words. */
#ifndef AQ_CONTROLLER_STATE_VOTES_H
#define AQ_CONTROLLER_STATE_VOTES_H

#include "controller/state/state.h"
#include "schema/model/vote.h"

/* Calls `row` for every vote about the application, by round, definition and node, until it returns false. */
typedef bool votes_row_fn(void *context, const struct aq_vote *vote);
void votes_scan(struct state_txn *txn, uint64_t application, votes_row_fn *row, void *context);

/* Appends the explanation, in lines of English: the application's status at the time `now_ms`, and for each round which
 * nodes were asked, what each answered, and why the chosen one was chosen. False: there is no such application. */
bool votes_why(struct state_txn *txn, uint64_t application, uint64_t now_ms, struct aq_buffer *out);

#endif
