/* Presence: which agents are alive. Heartbeats stay in memory and in live/; a node whose agent has been silent for too
 * long is declared lost by the command node_lose. */
#ifndef AQ_CONTROLLER_HUB_PRESENCE_H
#define AQ_CONTROLLER_HUB_PRESENCE_H

#include "controller/hub/base.h"
#include "controller/hub/sessions.h"
#include "controller/state/live.h"

#include <stdatomic.h>

struct hub_presence {
    struct hub_base *base;
    struct hub_sessions *sessions;
    struct live *live;
    uint64_t lost_after_ms;
    bool leads;                /* only a leader declares nodes lost */
    uint64_t listens_since_ms; /* silence before then was ours: we did not lead, or were held up */
    uint64_t next_scan_ms;
    uint64_t beats;              /* since presence_take_beats() */
    uint64_t unstored;           /* scans whose heartbeats could not be stored, since they last could */
    atomic_uint_least64_t alive; /* agents, at the last scan; any thread */
};

/* BEAT. */
void presence_beat(struct hub_presence *presence, struct hub_agent *agent, struct hub_question *question,
                   const struct aq_beat *message);
/* The agent has asked this. `fresh`: the message cannot be a recording, so the agent is alive. */
void presence_heard(struct hub_presence *presence, struct hub_agent *agent, const struct hub_question *question,
                    bool fresh);

/* Are we the leader? Returns whether that has changed. */
bool presence_set_leader(struct hub_presence *presence, bool leads);

/* Looks for silent agents and for POLLs that have waited long enough, stores heartbeats, and sets `next_scan_ms`. */
void presence_scan(struct hub_presence *presence);

/* How many heartbeats came since the last call. */
uint64_t presence_take_beats(struct hub_presence *presence);

#endif
