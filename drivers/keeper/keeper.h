/* A keeper looks after one workload from its first process to its last, whether an agent runs or not.
 *
 * It starts the main process and writes the log. When the main process has ended, or the keeper gets SIGTERM, it ends
 * all processes of the workload. It is their subreaper, so none of them is left when it has no children any more. Then
 * it writes the file `exit` and ends.
 *
 * On SIGTERM it sends SIGTERM to all processes of the workload, and SIGKILL after the grace time. When the main process
 * ends by itself, the others are killed at once. */
#ifndef AQ_DRIVERS_KEEPER_KEEPER_H
#define AQ_DRIVERS_KEEPER_KEEPER_H

#include "drivers/cgroup/cgroup.h"

/* Prepares, in the process that forks keepers, what all of them need. */
void keeper_prepare_kinds(void);

/* Runs in a process of its own, with one thread, and with standard input, output and error on /dev/null. `job` is the
 * memory file. `status` is a pipe to the agent: it gets a byte when the main process runs, and is closed at the end. */
_Noreturn void keeper_run(int job, int status, const struct cgroup_host *host);

struct keeper_kind;

/* The same, but gets itself ready for a job of the kind first, says so with a byte, and waits for the job (pass.h).
 * Ends when the other end of the socket is closed. */
_Noreturn void keeper_run_spare(int socket, const struct keeper_kind *kind, const struct cgroup_host *host);

#endif
