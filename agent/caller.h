/* Which workload calls, by the address of its connection on a network of its driver. */
#ifndef AQ_AGENT_CALLER_H
#define AQ_AGENT_CALLER_H

#include "agent/workloads.h"

/* The workload of the driver that runs and has the address; that of its hardware address, if the driver does not know
 * the workload's IP address. NULL with the error: none has it, or several. AQ_E_BUSY: one that is being started may
 * have it. */
const struct workload *caller_find(const struct workloads *workloads, const struct opened_driver *driver,
                                   const char *address, struct aq_error *error) AQ_MUST_CHECK;

#endif
