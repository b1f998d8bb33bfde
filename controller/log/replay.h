/* From the log to tables: at start for what they lack, from nothing when they are in doubt, and to prove that both
 * agree. */
#ifndef AQ_CONTROLLER_LOG_REPLAY_H
#define AQ_CONTROLLER_LOG_REPLAY_H

#include "controller/log/store.h"
#include "controller/place/index.h"
#include "controller/state/state.h"

/* Projects the entries behind the tables' place, up to raft index `last`, checking the hash chain on the way.
 * `index` may be NULL. */
int replay(struct log_store *store, struct state *state, struct place_index *index, uint64_t last,
           struct aq_error *error) AQ_MUST_CHECK;

/* Is the entry at the tables' place the one that they were made from? */
int replay_check_place(struct log_store *store, struct state *state, struct aq_error *error) AQ_MUST_CHECK;

/* Looks through the pages of log and tables, walks the whole chain, replays it into fresh tables below `directory`, and
 * compares them with those in use, as of one snapshot. Appends a report in words. -1: they differ, or the log is
 * damaged. */
int replay_verify(struct log_store *store, struct state *state, const char *directory, uint64_t map_bytes,
                  struct aq_buffer *report, struct aq_error *error) AQ_MUST_CHECK;

#endif
