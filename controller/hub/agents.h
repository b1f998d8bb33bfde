/* What the hub knows about nodes and their agents: one entry for each node in the tables, and for each agent whose
 * HELLO is being handled. All of it is in memory. After a restart it is filled from the tables, and agents send HELLO
 * again. */
#ifndef AQ_CONTROLLER_HUB_AGENTS_H
#define AQ_CONTROLLER_HUB_AGENTS_H

#include "controller/hub/channel.h"
#include "controller/hub/pending.h"
#include "controller/state/live.h"

enum { HUB_AGENTS_MAX = 20000, HUB_NAME_SIZE = 65, HUB_ADDRESS_SIZE = 129 };

struct hub_join;
struct hub_rival;
struct hub_report;

/* A POLL that waits for a delivery. If its question is empty, there is none. */
struct hub_poll {
    struct hub_question question;
    uint64_t seen;     /* the delivery that the agent has seen */
    uint64_t until_ms; /* answered with nothing then */
};

struct hub_agent {
    char name[HUB_NAME_SIZE]; /* of the node */
    struct hub_agent *next;   /* in its bucket */
    uint32_t place;           /* in agents.all */

    /* The node in the tables; see changes.h. */
    bool known, active; /* it is there; it is ACTIVE */
    uint64_t instance;  /* of its agent */
    char address[HUB_ADDRESS_SIZE];
    bool has_key;                         /* it has enrolled, and the key was not revoked */
    unsigned char key[AQ_NOISE_KEY_SIZE]; /* of its agent */
    struct hub_agent *next_of_key;        /* in the bucket of its key */
    struct seals_holder seals;            /* sessions with this key */

    /* See sessions.h. */
    uint64_t session;             /* 0: none */
    struct aq_buffer hello;       /* packed HELLO of the session, for sessions_rejoin() */
    uint64_t form, process, home; /* as HELLO says */
    uint64_t hellos;              /* the highest number of a HELLO of this process */
    struct hub_channel *channel;  /* where it was heard last: this peer of this channel */
    uint64_t peer;
    struct hub_join *joining; /* a HELLO that is not committed yet */

    /* See rivals.h. */
    struct hub_rival *rival; /* another agent of this name waits */
    uint64_t refused_ms;     /* when another one was last refused, with a line in the journal; 0: never */

    /* See presence.h. */
    uint64_t seen_ms; /* the last sign of life, or when the hub began to listen */
    uint64_t beats;   /* the highest number of a BEAT in this session */
    struct aq_node_live live;
    struct aq_arena options; /* of live.driver_options */
    bool beaten;             /* `live` has changed since it was stored */
    bool losing;             /* the command that declares the node lost is under way */

    /* See reports.h. */
    struct hub_report *report; /* not committed yet */
    uint64_t noted;            /* number of the last report that is committed */

    /* See deliveries.h and fetches.h. */
    struct hub_poll poll;
    struct pending pending;
    uint32_t fetches; /* open fetches of logs on this node */
    uint32_t execs;   /* sessions of commands there; see execs.h */
    bool ready;       /* is in agents.ready */
    struct hub_agent *next_ready;
};

/* Zeroed memory is an empty table. */
struct agents {
    struct hub_agent **buckets, **key_buckets;
    struct hub_agent **all; /* in no particular order */
    uint32_t count, capacity, bucket_count;
    struct hub_agent *ready; /* agents with an open POLL for which there may be something, in no particular order */
};

struct hub_agent *agents_find(const struct agents *agents, const char *name); /* NULL: there is none */
/* Finds or adds an agent. NULL: there are HUB_AGENTS_MAX already. */
struct hub_agent *agents_add(struct agents *agents, const char *name);
/* The agent of the node that has this key; NULL: there is none. */
struct hub_agent *agents_find_by_key(const struct agents *agents, const unsigned char key[AQ_NOISE_KEY_SIZE]);
/* Notes the key of a node, as the tables have it. "": it has none that is admitted. */
void agents_set_key(struct agents *agents, struct hub_agent *agent, const char *key);
void agents_remove(struct agents *agents, struct hub_agent *agent); /* frees the agent, which must not be joining */
void agents_free(struct agents *agents);

/* Notes whose agent's the node is, as the tables say. */
void agent_set_owner(struct hub_agent *agent, uint64_t instance, const char *address);
/* Whether an answer renews the leases of what it runs. Not once its node is LOST, or is about to be: from then on, they
 * run out. */
bool agent_renews_leases(const struct hub_agent *agent);
/* Notes a sign of life: at `now_ms` on the hub's clock, `log_ms` in the time of the log. */
void agent_mark_alive(struct hub_agent *agent, uint64_t now_ms, uint64_t log_ms);

/* Puts the agent into the list of ready agents, if it has an open POLL. */
void agents_mark_ready(struct agents *agents, struct hub_agent *agent);
struct hub_agent *agents_take_ready(struct agents *agents); /* NULL: none is left */

/* Notes that the agent must be told about this resource, or about all. Does nothing without a session: a new one begins
 * with all resources. */
void agents_tell(struct agents *agents, struct hub_agent *agent, uint64_t resource);
void agents_tell_all(struct agents *agents, struct hub_agent *agent);

#endif
