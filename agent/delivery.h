/* A delivery: what the hub wants this node to run. The agent carries it out over several turns, because each assignment
 * waits for the disk, and an agent that sends no heartbeat meanwhile would be considered lost. */
#ifndef AQ_AGENT_DELIVERY_H
#define AQ_AGENT_DELIVERY_H

#include "agent/workloads.h"

struct delivery {
    struct workloads *workloads;
    struct aq_work work; /* in arena */
    struct aq_arena arena;
    uint32_t done;    /* assignments of it */
    bool open;        /* assignments are left */
    uint64_t counted; /* deliveries so far, this one included */
    unsigned steps;   /* in a turn */
    uint64_t turn_ms; /* when the last turn began */
    bool left;        /* it left something to do */
};

void delivery_init(struct delivery *delivery, struct workloads *workloads);
void delivery_free(struct delivery *delivery);

/* Copies the work. No delivery may be open. */
void delivery_take(struct delivery *delivery, const struct aq_work *work);

/* There is work that waits for the disk: assignments, or ends of workloads to store. */
bool delivery_is_busy(const struct delivery *delivery);
/* Does some of it: more, the quicker the disk is. While something is left, the next turn is due at once. */
void delivery_turn(struct delivery *delivery, uint64_t now_ms);

#endif
