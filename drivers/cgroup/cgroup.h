/* Control groups: they hold a workload's processes together, however these fork and detach, and limit them.
 *
 * A machine may have version 1 (one hierarchy for each controller), version 2 (one for all), or both at once with
 * each controller in one of them. cgroup_host_read() finds out. A workload then has a group
 * `aquarium/<node>/r<resource>`:
 *  - in version 2, where there is one, even if no controller works there: for cgroup.kill and cgroup.events;
 *  - in a hierarchy of version 1 where one of its limits is set, and no other: joining such a group costs the
 *    kernel up to 15 ms, while a process can be born into a group of version 2 for nothing;
 *  - without version 2 and without limits in one hierarchy of version 1, to hold the processes together.
 * A limit whose controller is not to be had is left out, and named in `lacking`: it is the caller's to tell.
 *
 * Nothing here waits. What takes several attempts (ending, removing) says so, and is repeated by the caller.
 * Whoever is root inside a group can leave it: groups guard against accidents, not against root. */
#ifndef AQ_DRIVERS_CGROUP_CGROUP_H
#define AQ_DRIVERS_CGROUP_CGROUP_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum cgroup_controller { CGROUP_CPU, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CONTROLLERS };

enum { CGROUP_PATH_SIZE = 512, CGROUP_ROOT_SIZE = 192, CGROUP_NAME_SIZE = 256 };

/* What the machine offers. */
struct cgroup_host {
    char unified[CGROUP_ROOT_SIZE];                      /* where version 2 is mounted; "": nowhere writable */
    char version1[CGROUP_CONTROLLERS][CGROUP_ROOT_SIZE]; /* likewise for each controller of version 1 */
    bool in_unified[CGROUP_CONTROLLERS];                 /* version 2 has the controller */
};

/* 0 means no limit. */
struct cgroup_limits {
    uint64_t cpu_milli;
    uint64_t memory_bytes;
    uint64_t pids;
};

/* One workload's group, in as many hierarchies as it has one. */
struct cgroup {
    const struct cgroup_host *host;
    char name[CGROUP_NAME_SIZE]; /* below each mount: "aquarium/<node>/r<resource>" */
    unsigned lacking;            /* bit 1 << controller: this limit was asked for and cannot be had */
};

/* Reads /proc/self/mountinfo and looks which mounts can be written. Finding nothing is no error. */
void cgroup_host_read(struct cgroup_host *host);

/* The same from a text in that format, for the tests; asks `writable` about each mount. */
void cgroup_host_parse(struct cgroup_host *host, const char *mountinfo, bool (*writable)(const char *path));

const char *cgroup_controller_name(enum cgroup_controller controller); /* "cpu", "memory", "pids" */

/* Names the group; touches nothing. `host` must stay. Enough for finding a group that another process made. */
void cgroup_name(struct cgroup *group, const struct cgroup_host *host, const char *node, uint64_t resource);

/* Makes the named group's directories and sets the limits. -1: a limit was refused by the kernel. */
int cgroup_make(struct cgroup *group, const struct cgroup_limits *limits, struct aq_error *error) AQ_MUST_CHECK;

bool cgroup_exists(const struct cgroup *group); /* in any hierarchy */

/* For clone3(CLONE_INTO_CGROUP): a descriptor of the directory in version 2, or -1. */
int cgroup_open_unified(const struct cgroup *group);

/* Moves the calling process into the group: in every hierarchy, or in all but version 2 if it was born there. */
int cgroup_join(const struct cgroup *group, bool born_in_unified, struct aq_error *error) AQ_MUST_CHECK;

void cgroup_signal(const struct cgroup *group, int number); /* each process that is in it now */
void cgroup_kill(const struct cgroup *group);               /* SIGKILL to all; repeat until it is empty */
bool cgroup_is_empty(const struct cgroup *group);           /* no living process; also when it does not exist */
bool cgroup_ran_out_of_memory(const struct cgroup *group);  /* the kernel killed something in it for that */

/* Removes the group, groups inside it, and parents that nothing else is in. -1: still in use, try again. */
int cgroup_remove(const struct cgroup *group) AQ_MUST_CHECK;

#endif
