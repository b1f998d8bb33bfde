/* What the hub knows of nodes and their agents: one entry for each node in the tables, and for each agent that is
 * saying hello. All in memory, all on the hub's thread; after a restart it is built anew from the tables, and agents
 * say hello. */
#ifndef AQ_CONTROLLER_HUB_AGENTS_H
#define AQ_CONTROLLER_HUB_AGENTS_H

#include "controller/hub/channel.h"
#include "controller/hub/numbers.h"

enum { HUB_AGENTS_MAX = 20000, HUB_NAME_SIZE = 65 };

struct hub_join;
struct hub_report;

/* What is to be told to an agent, and what was told but not yet seen. Deliveries say what is wanted now, so one that
 * may have been lost is made anew from the tables. See work.c. */
struct hub_work {
    struct hub_question poll; /* an open POLL */
    uint64_t poll_seen;       /* what it says */
    uint64_t poll_until_ms;
    uint64_t delivery; /* number of the last one */
    bool full;         /* the agent is to hear of all resources from `full_from` on */
    uint64_t full_from;
    struct numbers changed; /* resources to be told of */
    bool sent_full;         /* what the last delivery told, until it is seen: all from `sent_from` on, */
    uint64_t sent_from;
    struct numbers sent; /* or these */
    uint32_t asks;       /* open questions about its resources */
};

struct hub_agent {
    char name[HUB_NAME_SIZE];
    struct hub_agent *next; /* in its bucket */
    uint32_t place;         /* in agents.all */

    bool known, active; /* the tables have the node; it is ACTIVE there */
    bool losing;        /* a command to declare it lost is under way */
    uint64_t seen_ms;   /* last sign of life, or when we began to listen */

    uint64_t session;       /* 0: has not said hello to us */
    bool offered;           /* its number is ours; an older agent draws it, and may be taken for its own recording */
    uint64_t beats;         /* the highest number of a BEAT in it */
    struct aq_buffer hello; /* packed HELLO of the session, to join again with */
    struct hub_join *joining;
    struct aq_node_live live;
    bool beaten; /* live has changed since it was stored */

    struct hub_report *report; /* being made durable */
    uint64_t noted;            /* number of the last report that is */

    struct hub_work work;
    bool ready; /* is in the list of those that may have to be told something */
    struct hub_agent *next_ready;
};

/* Zeroed memory is an empty table. */
struct agents {
    struct hub_agent **buckets;
    struct hub_agent **all; /* in no order */
    uint32_t count, capacity, bucket_count;
};

struct hub_agent *agents_find(const struct agents *agents, const char *name); /* NULL: none */
struct hub_agent *agents_add(struct agents *agents,
                             const char *name);                     /* found, or new; NULL: HUB_AGENTS_MAX are there */
void agents_remove(struct agents *agents, struct hub_agent *agent); /* frees it; must not be ready nor joining */
void agents_free(struct agents *agents);

#endif
