/* The options of a workload, as its driver takes them, and what they say of its ports. */
#ifndef AQ_AGENT_WORKLOAD_OPTIONS_H
#define AQ_AGENT_WORKLOAD_OPTIONS_H

#include "agent/workloads.h"

/* Sets `options` to the driver's struct, in the arena of the workloads. */
int workload_read_options(struct workloads *workloads, const struct driver_type *type,
                          const struct aq_assignment *assignment, const void **options,
                          struct aq_error *error) AQ_MUST_CHECK;
/* Notes whether its ports are those of the host. Fails if its health is checked at ports that it cannot reach itself.
 */
int workload_check_ports(struct workload *workload, const void *options, struct aq_error *error) AQ_MUST_CHECK;
/* The same for one that was started by an earlier run of the agent. */
void workload_adopt_ports(struct workloads *workloads, struct workload *workload,
                          const struct aq_assignment *assignment);

#endif
