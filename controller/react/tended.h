/* Nodes for which something becomes due: their drains and shutdowns go on, their quarantines end. */
#ifndef AQ_CONTROLLER_REACT_TENDED_H
#define AQ_CONTROLLER_REACT_TENDED_H

#include "controller/react/commands.h"
#include "controller/state/state.h"

struct tended {
    struct react_commands *commands;
    struct state_key last; /* the node that was looked at last; empty: all were */
    uint64_t next_ms;      /* steady: when to look again; 0: there are none */
};

/* Sends node_tend for each of them, at most once a second, until no more commands can be sent. */
void tended_look(struct tended *tended, struct state_txn *txn, uint64_t steady_ms);

#endif
