/* Events out of the log, by their seq. There are two kinds: out of the log's LMDB environment, which the controller
 * shares with its own log store, and which other processes (aq-fs) open for reading; and out of the simulator's model
 * of a disk (tests/sim/disk.h). */
#ifndef AQ_CONTROLLER_STATE_EVENTS_H
#define AQ_CONTROLLER_STATE_EVENTS_H

#include "controller/state/state.h"
#include "schema/codec/entry.h"

struct events_kind;

struct events {
    const struct events_kind *kind;
};

/* Opens <directory>/log for reading; for other processes than the controller. */
int events_open(struct events **events, const char *directory, struct aq_error *error) AQ_MUST_CHECK;
void events_close(struct events *events); /* NULL is fine */

/* Calls `row` for each event from `first` to `last` (inclusive), in order, until it returns false. The event is valid
 * during the call only. Fails when the log cannot be read or is damaged. */
typedef bool events_row_fn(void *context, const struct aq_event *event);
int events_scan(struct events *events, uint64_t first, uint64_t last, events_row_fn *row, void *context,
                struct aq_error *error) AQ_MUST_CHECK;

/* The same for the events about one application, oldest first, as far as `txn` shows them. */
int events_of_application(struct events *events, struct state_txn *txn, uint64_t application, events_row_fn *row,
                          void *context, struct aq_error *error) AQ_MUST_CHECK;

/* Where a reader continues after damage: the first event of the first intact entry after the one that holds `seq`, or
 * would hold it. 0: there is none. */
uint64_t events_after_damage(struct events *events, uint64_t seq);

/* The oldest event in the log; 1 if there is none. */
uint64_t events_first(struct events *events);

/* ---- for the kinds ------------------------------------------------------------------------------------ */

/* Takes an entry of decisions (schema/codec/entry.h), which is valid during the call only. Returns 1 to continue, 0 to
 * stop, -1 on damage. */
typedef int events_entry_fn(void *context, uint64_t index, const void *payload, size_t size, struct aq_error *error);

struct events_kind {
    void (*close)(struct events *events);
    /* Calls `visit` for entries of decisions in order, from the last one that does not begin after `seq`, or else from
     * the first one. */
    int (*read)(struct events *events, uint64_t seq, events_entry_fn *visit, void *context, struct aq_error *error);
    uint64_t (*after_damage)(struct events *events, uint64_t seq);
    uint64_t (*first)(struct events *events);
};

#endif
