/* Presence: which agents are alive. Heartbeats are kept in memory and in live/. When an agent has been silent for too
 * long, the command node_lose declares its node LOST. */
#ifndef AQ_CONTROLLER_HUB_PRESENCE_H
#define AQ_CONTROLLER_HUB_PRESENCE_H

#include "controller/hub/base.h"
#include "controller/hub/sessions.h"
#include "controller/hub/usages.h"
#include "controller/state/live.h"

#include <stdatomic.h>

struct hub_presence {
    struct hub_base *base;
    struct hub_sessions *sessions;
    struct hub_usages *usages;
    struct live *live;
    bool leads;                /* only the leader declares nodes lost */
    uint64_t listens_since_ms; /* silence counts from here: before, we did not lead or did not read messages */
    uint64_t next_scan_ms;
    uint64_t beats;       /* since presence_take_beats() */
    uint64_t unstored;    /* scans in a row whose heartbeats could not be stored */
    struct aq_kept *logs; /* to be stored; end 0: to be removed */
    size_t log_count, log_capacity;
    atomic_uint_least64_t alive; /* number of agents that were alive at the last scan; any thread */
};

void presence_close(struct hub_presence *presence);

/* Handles BEAT. */
void presence_beat(struct hub_presence *presence, struct hub_agent *agent, struct hub_question *question,
                   const struct aq_beat *message);
/* Stores what heartbeats have told of logs; call it a few times per second. */
void presence_store_logs(struct hub_presence *presence);
/* The resource is gone: its log is not in heartbeats any more. */
void presence_drop_log(struct hub_presence *presence, uint64_t resource);
/* Notes that a question came from the agent: a sign of life. */
void presence_heard(struct hub_presence *presence, struct hub_agent *agent, const struct hub_question *question);

/* Sets whether this controller leads. Returns whether that has changed. */
bool presence_set_leader(struct hub_presence *presence, bool leads);

/* Looks for agents that are lost and for POLLs that have expired, stores heartbeats, and sets `next_scan_ms`. */
void presence_scan(struct hub_presence *presence);

/* The number of heartbeats since the last call. */
uint64_t presence_take_beats(struct hub_presence *presence);

#endif
