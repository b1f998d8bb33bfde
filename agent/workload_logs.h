/* What the workloads of an agent write, as their drivers keep it (drivers/output.h). */
#ifndef AQ_AGENT_WORKLOAD_LOGS_H
#define AQ_AGENT_WORKLOAD_LOGS_H

#include "schema/wire/messages.h"

struct workloads;

/* Appends up to `max` bytes of a workload's log from the position `after` on (drivers/output.h), even if it is over. */
int workloads_log(struct workloads *workloads, uint64_t resource, uint64_t after, size_t max, struct aq_buffer *out,
                  struct aq_extent *extent, struct aq_error *error) AQ_MUST_CHECK;
/* What is kept of it, as above. */
int workloads_measure(struct workloads *workloads, uint64_t resource, struct aq_extent *extent,
                      struct aq_error *error) AQ_MUST_CHECK;

/* Fills *logs with up to AQ_BEAT_LOGS_MAX logs that have changed since they were listed here last, with memory from
 * `arena`. Each call looks at so many workloads, and the next one goes on from there. */
void workloads_list_logs(struct workloads *workloads, struct aq_list *logs, struct aq_arena *arena);
void workloads_list_all_logs(struct workloads *workloads); /* from now on: as if none had been listed */

#endif
