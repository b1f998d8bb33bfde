/* The leases of workloads: the file that tells their keepers when the agent was last in touch with the cluster. */
#ifndef AQ_AGENT_WORKLOAD_LEASES_H
#define AQ_AGENT_WORKLOAD_LEASES_H

#include "agent/workloads.h"

/* What was sent at `sent_ms` has reached the cluster, and the node is ACTIVE: leases are counted from then. */
void workloads_touch(struct workloads *workloads, uint64_t sent_ms);

/* Before a start, if the assignment has a lease: the keeper reads the file before it starts anything. */
int workload_begin_lease(struct workloads *workloads, const struct workload *workload,
                         const struct aq_assignment *assignment, struct aq_error *error) AQ_MUST_CHECK;

#endif
