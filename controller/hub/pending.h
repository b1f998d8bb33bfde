/* What one agent still has to be told about its resources: the numbers of those that have changed, or all from a number
 * on. What the last delivery told is kept until the agent has seen it: a lost delivery is made again from the tables,
 * for deliveries say what is wanted now. */
#ifndef AQ_CONTROLLER_HUB_PENDING_H
#define AQ_CONTROLLER_HUB_PENDING_H

#include "controller/hub/numbers.h"

struct pending {
    uint64_t delivery; /* number of the last one */
    bool all;          /* all resources from `all_from` on are pending, */
    uint64_t all_from;
    struct numbers changed; /* and these */
    bool sent_all;          /* the last delivery told all from `sent_from` on, */
    uint64_t sent_from;
    struct numbers sent; /* or these */
};

/* Everything is pending again. The numbers of deliveries go on: else one may have the number of an earlier one, which
 * the agent has seen. */
void pending_reset(struct pending *pending);
void pending_free(struct pending *pending);

void pending_add(struct pending *pending, uint64_t number);
void pending_add_all(struct pending *pending);
bool pending_is_empty(const struct pending *pending);

/* The last delivery told `all` up to before `next`; 0: to the end. */
void pending_sent_all(struct pending *pending, uint64_t next);
/* The last delivery told the first `count` of `changed`. */
void pending_sent_changed(struct pending *pending, uint32_t count);
/* The agent has seen delivery `seen`. If that is not the last one, what the last one told is pending again. */
void pending_seen(struct pending *pending, uint64_t seen);

#endif
