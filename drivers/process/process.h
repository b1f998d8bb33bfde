/* The `process` driver runs a program on the agent's host, with the limits that the label asks for. Its workloads have
 * keepers (drivers/keeper/driver.h):
 *
 *   agent ──socket──> nursery ──fork──> keeper ──fork──> main process ──> whatever it starts
 *
 * Besides the keeper's files, a workload's directory has `work/`, where it runs. */
#ifndef AQ_DRIVERS_PROCESS_PROCESS_H
#define AQ_DRIVERS_PROCESS_PROCESS_H

#include "drivers/driver.h"

extern const struct driver_type process_driver_type;

#endif
