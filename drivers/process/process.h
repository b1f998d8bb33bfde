/* The `process` driver runs a program on the agent's own machine, under the limits that the label asks for.
 *
 *   agent ──socket──> nursery ──fork──> keeper ──fork──> main process ──> whatever it starts
 *     └──── pidfd, files in the workload's directory ─────┘
 *
 * Each workload has a keeper: a small process that outlives the agent, holds the pipe of the workload's output,
 * writes and rotates the log, ends the whole tree when its main process has ended, and leaves the exit status in
 * a file. So the agent may die and come back, and finds each workload either kept or accounted for.
 *
 * Keepers are forked by the nursery: the agent's own binary, executed once and asleep since. Forking them from
 * the agent would not do: an agent has threads, of which a fork copies the locks and not the holders; it has a
 * large heap, which each keeper would pin a copy of; and it has secrets. Executing the binary for each keeper
 * would cost its dynamic linking in time and memory every time. A fork of the nursery costs neither, may use any
 * function of the library, and the agent does no more than send a message.
 *
 * Files in a workload's directory (see files.h, log.h): `state`, `exit`, `log`, `log.1` ..., `work/`. */
#ifndef AQ_DRIVERS_PROCESS_PROCESS_H
#define AQ_DRIVERS_PROCESS_PROCESS_H

#include "drivers/driver.h"

extern const struct driver_type process_driver_type;

#endif
