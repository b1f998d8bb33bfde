/* The `process` driver runs a program on the agent's host, with the limits that the label asks for.
 *
 *   agent ──socket──> nursery ──fork──> keeper ──fork──> main process ──> whatever it starts
 *     └──── pidfd, files in the workload's directory ─────┘
 *
 * Each workload has a keeper: a small process that outlives the agent. It holds the pipe of the workload's output,
 * writes and rotates the log, ends all processes of the workload when the main process has ended, and stores the exit
 * status in a file. So the agent may die and come back, and still learns what became of each workload.
 *
 * Keepers are forked by the nursery: the agent's binary, executed once and idle since. The agent cannot fork them
 * itself. It has threads, whose locks a fork would copy in whatever state they are; a large heap, of which each keeper
 * would hold a copy; and secrets. Executing the binary for each keeper would cost time and memory for dynamic linking.
 * A fork of the nursery costs neither and may use any library function, and the agent only sends a message.
 *
 * Files in a workload's directory (see files.h, log.h): `state`, `exit`, `log`, `log.1` ..., `work/`. */
#ifndef AQ_DRIVERS_PROCESS_PROCESS_H
#define AQ_DRIVERS_PROCESS_PROCESS_H

#include "drivers/driver.h"

extern const struct driver_type process_driver_type;

#endif
