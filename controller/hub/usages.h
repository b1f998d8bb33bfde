/* Usages: what heartbeats tell of the use of nodes and their workloads. An agent is believed about its own node, and
 * about resources that the tables have on it. What is used now goes into live/, where every reader finds it; the
 * history is in memory (controller/usage). */
#ifndef AQ_CONTROLLER_HUB_USAGES_H
#define AQ_CONTROLLER_HUB_USAGES_H

#include "controller/hub/base.h"
#include "controller/state/live.h"
#include "controller/usage/usage.h"

struct hub_usages {
    struct hub_base *base;
    struct live *live;
    struct usage *usage;     /* NULL: none is kept */
    struct live_usage *rows; /* to be stored */
    size_t count, capacity;
    uint64_t next_scan_ms;
};

void usages_close(struct hub_usages *usages);

/* Is the resource one of the agent's node? Agents are believed about no others. */
bool usages_is_of(struct hub_usages *usages, const struct hub_agent *agent, uint64_t resource);

/* Takes the samples of a heartbeat. */
void usages_take(struct hub_usages *usages, struct hub_agent *agent, const struct aq_list *samples);
/* The resource is gone. */
void usages_drop(struct hub_usages *usages, uint64_t resource);
/* Stores what has come, and looks now and then for rows of which nothing has come for long: call it a few times per
 * second. */
void usages_store(struct hub_usages *usages);

#endif
