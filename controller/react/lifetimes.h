/* Ends resources that have outlived their lifetime. */
#ifndef AQ_CONTROLLER_REACT_LIFETIMES_H
#define AQ_CONTROLLER_REACT_LIFETIMES_H

#include "controller/react/commands.h"
#include "controller/state/state.h"

struct lifetimes {
    struct react_commands *commands;
    uint64_t next_ms; /* wall time when the next one ends; 0: none is known */
};

/* Sends resource_expire for all whose time is over, as far as commands can be sent now. */
void lifetimes_end_old(struct lifetimes *lifetimes, struct state_txn *txn);

#endif
