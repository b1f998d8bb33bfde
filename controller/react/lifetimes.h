/* Ends resources that have outlived their lifetime, tokens that have expired, and tasks that take too long. */
#ifndef AQ_CONTROLLER_REACT_LIFETIMES_H
#define AQ_CONTROLLER_REACT_LIFETIMES_H

#include "controller/react/commands.h"
#include "controller/state/state.h"

struct lifetimes {
    struct react_commands *commands;
    uint64_t now_ms;  /* the log's time, of this turn */
    uint64_t next_ms; /* the log's time when the next lifetime ends; 0: unknown */
};

/* Sends resource_expire for all resources whose lifetime is over at `time_ms` (and so on for tokens and tasks), the
 * log's time, until no more commands can be sent. */
void lifetimes_end_old(struct lifetimes *lifetimes, struct state_txn *txn, uint64_t time_ms);

#endif
