/* Reading the log: events by their seq. Works on the log's LMDB environment, which the controller shares with its
 * own threads, and which other processes (aq-fs) open for reading. */
#ifndef AQ_CONTROLLER_STATE_EVENTS_H
#define AQ_CONTROLLER_STATE_EVENTS_H

#include "controller/state/state.h"
#include "schema/codec/entry.h"

struct events;

/* For another process than the controller: opens <directory>/log for reading. */
int events_open(struct events **events, const char *directory, struct aq_error *error) AQ_MUST_CHECK;
void events_close(struct events *events); /* NULL is fine */

/* Calls `row` for each event from `first` to `last` (both included), in order, until it returns false.
 * The event holds only during the call. Returns -1 when the log cannot be read or is damaged. */
typedef bool events_row_fn(void *context, const struct aq_event *event);
int events_scan(struct events *events, uint64_t first, uint64_t last, events_row_fn *row, void *context,
                struct aq_error *error) AQ_MUST_CHECK;

/* The same for the events about one application, oldest first, as far as `txn` has seen them. */
int events_of_application(struct events *events, struct state_txn *txn, uint64_t application, events_row_fn *row,
                          void *context, struct aq_error *error) AQ_MUST_CHECK;

/* For who goes on behind an entry that is damaged: the first event of the entry behind the one that holds `seq`, or
 * would hold it. 0: there is none. */
uint64_t events_behind(struct events *events, uint64_t seq);

/* The oldest event that is still kept. */
uint64_t events_first(struct events *events);

#endif
