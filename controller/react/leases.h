/* Leases of what runs on lost nodes: when one is over, its workload has certainly ended. */
#ifndef AQ_CONTROLLER_REACT_LEASES_H
#define AQ_CONTROLLER_REACT_LEASES_H

#include "controller/react/commands.h"
#include "controller/state/state.h"

/* A node that is LOST, and has resources with leases. Counted from when this leader has seen it so: the log's time may
 * jump when a controller starts, and a lease must not end early. */
struct leases_node {
    uint64_t number, since_ms; /* steady */
};

struct leases {
    struct react_commands *commands;
    struct leases_node *nodes;
    size_t count;
    uint64_t next_ms; /* steady: when to look again; 0: there are none */
};

/* Sends resource_lease for what may be over, at most once a second, until no more commands can be sent. */
void leases_look(struct leases *leases, struct state_txn *txn, uint64_t steady_ms);
void leases_close(struct leases *leases);

#endif
