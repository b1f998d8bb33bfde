/* A delivery: what the hub wants of this node. It is carried out one assignment after the other, since each waits for
 * the disk, and an agent that did nothing else meanwhile would be taken for lost. The next delivery is taken when this
 * one is done. */
#ifndef AQ_AGENT_DELIVERY_H
#define AQ_AGENT_DELIVERY_H

#include "agent/workloads.h"

struct delivery {
    struct workloads *workloads;
    struct aq_work work; /* in arena */
    struct aq_arena arena;
    uint32_t done;    /* assignments of it */
    bool open;        /* some are left */
    uint64_t counted; /* deliveries so far, this one included */
};

void delivery_init(struct delivery *delivery, struct workloads *workloads);
void delivery_free(struct delivery *delivery);

/* Copies the work. None may be open. */
void delivery_take(struct delivery *delivery, const struct aq_work *work);

/* Something waits for the disk: assignments, or ends to be stored. */
bool delivery_is_busy(const struct delivery *delivery);
void delivery_turn(struct delivery *delivery, unsigned ms); /* spends up to so long on it */

#endif
