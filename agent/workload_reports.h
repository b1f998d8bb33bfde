/* What happens to a workload, as its driver and the checks of its health report it: its state changes with it, and it
 * is told to the hub, ends and restarts once they are stored (workloads_store_next()). */
#ifndef AQ_AGENT_WORKLOAD_REPORTS_H
#define AQ_AGENT_WORKLOAD_REPORTS_H

#include "agent/workloads.h"

enum { STATUS_UNKNOWN = -1 }; /* instead of an exit status: there is none, or none that is known */

/* What is reported of a workload of which there is no record. */
struct workload_gap {
    enum aq_happened what;
    const char *nothing_left, *ended; /* reasons: nothing of it was found; what was found was ended */
};

/* A driver_report_fn and a health_changed_fn, with the workloads as their context. */
void workload_take_report(void *context, const struct driver_report *report);
void workload_note_health(void *context, uint64_t resource, enum aq_health health, const char *reason);

/* It is over: it is reported once that is stored. Repeating is harmless. */
void workload_note_end(struct workloads *workloads, struct workload *workload, enum aq_happened what, int exit_status,
                       const char *reason);
/* A run has ended by itself, or could not be begun. It is reported as a restart, or is the end of the workload. */
void workload_note_run(struct workloads *workloads, struct workload *workload, int exit_status, const char *reason);

void workload_queue_unstored(struct workloads *workloads, struct workload *workload); /* if it is not in the queue */

#endif
