/* Places applications that wait, when an event may have made room for them.
 *
 * A sweep tries all that wait, in several parts if there are many. It continues where the last part ended: if each part
 * began at the front, applications at the front would keep those behind them waiting for ever. */
#ifndef AQ_CONTROLLER_REACT_WAITING_H
#define AQ_CONTROLLER_REACT_WAITING_H

#include "controller/react/commands.h"
#include "controller/state/keys.h"
#include "controller/state/state.h"

enum { WAITING_LABELS = 64 };

struct waiting {
    struct react_commands *commands;
    uint64_t seen_seq;               /* the last event that was read */
    bool room;                       /* there may be room: a new sweep is due */
    struct state_key swept;          /* how far the sweep has come; empty: no sweep is under way */
    uint64_t labels[WAITING_LABELS]; /* labels, each with a project and perhaps a user, that this sweep has tried, */
    unsigned tries[WAITING_LABELS];  /* and how often */
    unsigned label_count;
};

/* Reads new events. Call it before the snapshot for waiting_sweep() is taken, so that the snapshot is not older. */
void waiting_read_events(struct waiting *waiting);
bool waiting_is_due(const struct waiting *waiting); /* is there something to sweep? */
/* Begins or continues a sweep, until no more commands can be sent. */
void waiting_sweep(struct waiting *waiting, struct state_txn *txn);

#endif
