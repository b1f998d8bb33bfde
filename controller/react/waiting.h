/* Places applications that wait, when something has happened that may have made room for them. */
#ifndef AQ_CONTROLLER_REACT_WAITING_H
#define AQ_CONTROLLER_REACT_WAITING_H

#include "controller/react/commands.h"
#include "controller/state/keys.h"
#include "controller/state/state.h"

enum { WAITING_LABELS = 64 };

struct waiting {
    struct react_commands *commands;
    uint64_t seen_seq; /* events up to here were read */
    bool room;         /* something may have made room: a sweep over all that wait is due */
    /* The sweep that is under way: where it goes on. If each one began at the front, those behind would starve. */
    struct state_key swept;          /* empty: none is under way */
    uint64_t labels[WAITING_LABELS]; /* tried in this sweep, */
    unsigned tries[WAITING_LABELS];  /* so often */
    unsigned label_count;
};

/* Reads new events. Call it before the snapshot for waiting_sweep() is taken: the snapshot then shows them. */
void waiting_read_events(struct waiting *waiting);
bool waiting_is_due(const struct waiting *waiting);
/* Goes on with the sweep as far as one snapshot and the commands under way allow. */
void waiting_sweep(struct waiting *waiting, struct state_txn *txn);

#endif
