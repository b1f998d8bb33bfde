/* From the log to the tables: applies what the tables lack, rebuilds them, and proves that they agree with the log. */
#ifndef AQ_CONTROLLER_LOG_REPLAY_H
#define AQ_CONTROLLER_LOG_REPLAY_H

#include "controller/log/store.h"
#include "controller/place/index.h"
#include "controller/state/state.h"

/* Projects the entries after the one that the tables applied last, up to raft index `last`, and checks their hash
 * chain. `index` may be NULL. */
int replay(struct log_store *store, struct state *state, struct place_index *index, uint64_t last,
           struct aq_error *error) AQ_MUST_CHECK;

/* Fails unless the log has the entry that the tables applied last. */
int replay_check_applied(struct log_store *store, struct state *state, struct aq_error *error) AQ_MUST_CHECK;

/* Checks the pages of log and tables, replays the whole log into fresh tables below `directory`, checking its hash
 * chain, and compares them with the tables in use, as of one snapshot. Appends a report in words. Fails when they
 * differ or the log is damaged. */
int replay_verify(struct log_store *store, struct state *state, const char *directory, uint64_t map_bytes,
                  struct aq_buffer *report, struct aq_error *error) AQ_MUST_CHECK;

#endif
