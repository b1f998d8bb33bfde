/* What the node and its workloads have used, as heartbeats tell it. One round goes through all that run; a round of
 * many workloads takes several heartbeats, so that no turn is long. Nothing is kept: a heartbeat that is lost is a gap.
 */
#ifndef AQ_AGENT_SAMPLES_H
#define AQ_AGENT_SAMPLES_H

#include "agent/host.h"
#include "agent/workloads.h"

/* Zeroed memory begins with a round. */
struct samples {
    uint64_t next_ms; /* when the next round begins */
    bool under_way;
    uint64_t after; /* the resource that came last in this round */
};

/* The samples for a heartbeat that is sent now, in `arena`. A round begins each `interval_ms`; 0: none does. */
void samples_take(struct samples *samples, const struct host *host, const struct workloads *workloads,
                  uint64_t interval_ms, uint64_t now_ms, struct aq_list *out, struct aq_arena *arena);

#endif
