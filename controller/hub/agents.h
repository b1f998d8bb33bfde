/* What the hub knows of nodes and their agents: one entry for each node in the tables, and for each agent that is
 * saying hello. All in memory, all on the hub's thread; after a restart it is built anew from the tables, and agents
 * say hello. */
#ifndef AQ_CONTROLLER_HUB_AGENTS_H
#define AQ_CONTROLLER_HUB_AGENTS_H

#include "controller/hub/channel.h"
#include "controller/hub/pending.h"
#include "controller/state/live.h"

enum { HUB_AGENTS_MAX = 20000, HUB_NAME_SIZE = 65 };

struct hub_join;
struct hub_report;

/* A POLL that waits for a delivery; without a question there is none. */
struct hub_poll {
    struct hub_question question;
    uint64_t seen; /* what it says */
    uint64_t until_ms;
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

    struct hub_poll poll;
    struct pending pending;
    uint32_t fetches; /* open ones of logs on this node */
    bool ready;       /* is in the list of those that may have to be told something */
    struct hub_agent *next_ready;
};

/* Zeroed memory is an empty table. */
struct agents {
    struct hub_agent **buckets;
    struct hub_agent **all; /* in no order */
    uint32_t count, capacity, bucket_count;
    struct hub_agent *ready; /* those that may have to be told something, in no order */
};

struct hub_agent *agents_find(const struct agents *agents, const char *name); /* NULL: none */
/* Found, or new; NULL: HUB_AGENTS_MAX are there. */
struct hub_agent *agents_add(struct agents *agents, const char *name);
void agents_remove(struct agents *agents, struct hub_agent *agent); /* frees it; must not be joining */
void agents_free(struct agents *agents);

/* It has given a sign of life now. */
void agent_mark_alive(struct hub_agent *agent, uint64_t now_ms);

/* There may be something to tell the agent: puts it into the list of ready ones if it has an open POLL. */
void agents_mark_ready(struct agents *agents, struct hub_agent *agent);
struct hub_agent *agents_take_ready(struct agents *agents); /* NULL: none is left */

/* The agent must be told of this resource, or of all. Without a session there is nothing to do: the next one begins
 * with all. */
void agents_tell(struct agents *agents, struct hub_agent *agent, uint64_t resource);
void agents_tell_all(struct agents *agents, struct hub_agent *agent);

#endif
