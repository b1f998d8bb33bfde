/* Changes: reads all nodes from the tables at start, and new events from then on. Keeps the table of agents up to date,
 * and notes which agents must be told what. */
#ifndef AQ_CONTROLLER_HUB_CHANGES_H
#define AQ_CONTROLLER_HUB_CHANGES_H

#include "controller/hub/base.h"
#include "controller/hub/presence.h"

struct hub_changes {
    struct hub_base *base;
    struct hub_sessions *sessions;
    struct hub_presence *presence;
    struct hub_usages *usages;
    bool loaded;       /* the nodes were read from the tables */
    uint64_t seen_seq; /* the last event that was read */
};

/* Reads new events, up to a bound. True: there are more. */
bool changes_read(struct hub_changes *changes);

#endif
