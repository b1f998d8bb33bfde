/* Finding the entry of the log that holds a seq, by bisection: seqs grow with the index. Private to events_lmdb.c. */
#ifndef AQ_CONTROLLER_STATE_LOG_SEARCH_H
#define AQ_CONTROLLER_STATE_LOG_SEARCH_H

#include "controller/state/log_cursor.h"

/* An entry of decisions. */
struct log_spot {
    uint64_t index; /* 0: none */
    uint64_t first_seq;
};

/* The seq of an entry's first event; 0: it is raft's own and has none. */
int log_first_seq(const struct log_row *row, uint64_t *first_seq, struct aq_error *error) AQ_MUST_CHECK;

/* The first entry of decisions at `index` or after it. */
int log_search_from(struct log_cursor *cursor, uint64_t index, struct log_spot *spot,
                    struct aq_error *error) AQ_MUST_CHECK;

/* The last entry that does not begin after `seq`, or else the first one. `end` is the index of the log's last entry. */
int log_search_seq(struct log_cursor *cursor, uint64_t seq, struct log_spot *spot, uint64_t *end,
                   struct aq_error *error) AQ_MUST_CHECK;

#endif
