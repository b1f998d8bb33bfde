/* A keeper looks after one workload from its first process to its last, whether an agent runs or not.
 *
 * It starts the main process, writes the log, and when the main process has ended or SIGTERM tells the keeper to
 * stop, it sees to it that the whole tree ends: it is the one to whom orphans fall (a subreaper), so it knows that
 * the tree is gone when it has no children left. Then it writes the file `exit` and ends.
 *
 * Told to stop, it sends SIGTERM to all processes of the workload, and after the grace time SIGKILL. When the main
 * process ends by itself, the rest is killed at once. */
#ifndef AQ_DRIVERS_PROCESS_KEEPER_H
#define AQ_DRIVERS_PROCESS_KEEPER_H

#include "drivers/cgroup/cgroup.h"

/* Runs as a process of its own, with one thread, and standard input, output and error on /dev/null. `job` is the
 * memory file, `status` a pipe to the agent: a byte comes when the main process runs; it is closed at the end. */
_Noreturn void process_keeper_run(int job, int status, const struct cgroup_host *host);

#endif
