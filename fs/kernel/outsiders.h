/* Processes that were just seen outside of workloads. Finding that out costs 7 us, which is much for a caller that
 * reads thousands of files. So it is remembered for a moment, which is too short for the number of a process to be used
 * again: the kernel takes them in turn. A process does not join a workload; it is made in one. */
#ifndef AQ_FS_KERNEL_OUTSIDERS_H
#define AQ_FS_KERNEL_OUTSIDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { OUTSIDERS_KEPT = 64, OUTSIDERS_KEPT_MS = 50 };

/* Zeroed memory knows none. */
struct outsiders {
    struct {
        pid_t pid;
        uint64_t until_ms;
    } seen[OUTSIDERS_KEPT]; /* by the last bits of the pid */
};

/* Whether the process, or thread, is surely outside of the workloads of this host. False, too, when that cannot be
 * found out: for a pid of 0, which the kernel gives for a process in a pid namespace that ours does not contain.
 * `now_ms` is steady. */
bool outsiders_has(struct outsiders *outsiders, pid_t pid, uint64_t now_ms);

#endif
