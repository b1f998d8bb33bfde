/* Which entry of the log the tables have applied last. */
#ifndef AQ_CONTROLLER_STATE_APPLIED_H
#define AQ_CONTROLLER_STATE_APPLIED_H

#include "controller/state/state.h"
#include "schema/codec/entry.h"

struct state_applied {
    uint64_t index; /* raft's, of the entry; 0: none yet */
    uint64_t seq;   /* of its last event */
    uint64_t time_ms;
    unsigned char hash[AQ_HASH_SIZE];
};

struct state_applied state_applied_get(struct state_txn *txn);
void state_applied_set(struct state_txn *txn, const struct state_applied *applied);

#endif
