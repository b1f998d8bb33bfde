/* The secrets of one workload: taken when it starts, and awaited when they went with the host. */
#ifndef AQ_AGENT_WORKLOAD_SECRETS_H
#define AQ_AGENT_WORKLOAD_SECRETS_H

#include "agent/workloads.h"

/* Fills in what the driver gets: of secrets as they were just `delivered`, or as they are in memory since then.
 * `secret` is wiped by the caller after the start. Fails with the reason when they are lost. */
int workload_secrets_take(struct workloads *workloads, const struct aq_assignment *assignment, bool delivered,
                          struct driver_spec *spec, struct aq_arena *secret, struct aq_error *error) AQ_MUST_CHECK;

/* Before it is started again: true if its secrets are not here. After a start of the host, the hub delivers them once
 * more. */
bool workload_secrets_are_missing(struct workloads *workloads, uint64_t resource);

#endif
