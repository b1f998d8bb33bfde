/* Control groups: they hold a workload's processes together, even if these fork and detach, and limit them.
 *
 * A host may have version 1 (one hierarchy for each controller), version 2 (one for all), or both, with each controller
 * in one of them. cgroup_host_read() finds out. A workload has a group `aquarium/<node>/r<resource>`:
 *  - in version 2, if there is one, even without controllers: for cgroup.kill and cgroup.events;
 *  - in each hierarchy of version 1 that sets one of its limits, and in no other;
 *  - without version 2 and without limits, in one hierarchy of version 1, to hold the processes together.
 * A limit whose controller is missing is not set, and marked in `lacking`; the caller reports that.
 *
 * No function waits. Killing and removing may take several attempts, which the caller repeats. A process that runs as
 * root can leave its group: groups guard against accidents, not against root. */
#ifndef AQ_DRIVERS_CGROUP_CGROUP_H
#define AQ_DRIVERS_CGROUP_CGROUP_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_TOP "aquarium" /* below each mount; workloads' groups are CGROUP_TOP/<node>/r<resource> */

enum cgroup_controller { CGROUP_CPU, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_IO, CGROUP_CONTROLLERS };

enum { CGROUP_PATH_SIZE = 512, CGROUP_ROOT_SIZE = 192, CGROUP_NAME_SIZE = 256 };

/* What the host offers. */
struct cgroup_host {
    char unified[CGROUP_ROOT_SIZE];                      /* mount of version 2; "": none that is writable */
    char version1[CGROUP_CONTROLLERS][CGROUP_ROOT_SIZE]; /* the same for each controller of version 1 */
    bool in_unified[CGROUP_CONTROLLERS];                 /* version 2 has the controller */
};

/* 0 means no limit. */
struct cgroup_limits {
    uint64_t cpu_milli;
    uint64_t memory_bytes;
    uint64_t pids;
    uint64_t read_bytes, written_bytes; /* in a second, of the disk that has `directory` */
    int directory;                      /* descriptor; for these two */
};

/* A workload's group, in all hierarchies. */
struct cgroup {
    const struct cgroup_host *host;
    char name[CGROUP_NAME_SIZE]; /* below each mount: "aquarium/<node>/r<resource>" */
    unsigned lacking;            /* bit 1 << controller: this limit cannot be set */
};

/* Reads /proc/self/mountinfo and checks which mounts are writable. Finding none is not an error. */
void cgroup_host_read(struct cgroup_host *host);

/* The same from a text in that format, for tests; calls `writable` for each mount. */
void cgroup_host_parse(struct cgroup_host *host, const char *mountinfo, bool (*writable)(const char *path));

/* Sets finite limits of processes and memory where none are asked for, if the host has their controllers. */
void cgroup_limits_preset(const struct cgroup_host *host, struct cgroup_limits *limits);

const char *cgroup_controller_name(enum cgroup_controller controller); /* "cpu", "memory", "pids", "io" */

/* The whole disk that has the directory, as "MAJOR:MINOR". False: that cannot be found out. */
bool cgroup_disk_of(int directory, char disk[24]);

/* Names a group that may or may not exist. `host` must outlive it. */
void cgroup_name(struct cgroup *group, const struct cgroup_host *host, const char *node, uint64_t resource);

/* Creates the group and sets its limits. Fails if the kernel refuses a limit. */
int cgroup_make(struct cgroup *group, const struct cgroup_limits *limits, struct aq_error *error) AQ_MUST_CHECK;

bool cgroup_exists(const struct cgroup *group); /* in any hierarchy */

/* A descriptor of the directory in version 2, for clone3(CLONE_INTO_CGROUP), or -1. */
int cgroup_open_unified(const struct cgroup *group);

/* Moves the calling process, which has one thread, into the group in all hierarchies; not in version 2 if it was
 * created there. */
int cgroup_join(const struct cgroup *group, bool created_in_unified, struct aq_error *error) AQ_MUST_CHECK;

void cgroup_signal(const struct cgroup *group, int number); /* to each process in it */
void cgroup_kill(const struct cgroup *group);               /* repeat until it is empty */
bool cgroup_is_empty(const struct cgroup *group);           /* or does not exist */
bool cgroup_ran_out_of_memory(const struct cgroup *group);  /* the kernel has killed a process in it for that */

/* What the group has used, as its files say; 0: not known, else one more than the number, as in aq_sample. Where no
 * file says it, of memory and disks what its processes tell of themselves, unless these are many. */
struct cgroup_usage {
    uint64_t cpu_us, memory, read, written; /* memory: without what the kernel would give back at once */
    uint64_t read_ms;                       /* when all of it was read; 0: never */
};
/* `usage` is {0}, or what was read before. Most groups are at rest: while the processor time is the same as before,
 * nothing has run in the group. Then what it holds, and what its processes tell, is taken for true for
 * CGROUP_USAGE_REST_MS. */
enum { CGROUP_USAGE_REST_MS = 60000 };
void cgroup_read_usage(const struct cgroup *group, struct cgroup_usage *usage, uint64_t now_ms);

/* Removes the group, the groups inside it, and its parents if they are empty. Returns -1 if it is in use: try again. */
int cgroup_remove(const struct cgroup *group) AQ_MUST_CHECK;

/* Whether a process, or thread, of the host is in a workload's group or in a group inside one. Fails if that cannot be
 * found out: with AQ_E_NOT_FOUND if the process is gone. */
int cgroup_process_is_of_workload(pid_t pid, bool *is, struct aq_error *error) AQ_MUST_CHECK;

/* Which user has connected a local socket, as the kernel says. False: it belongs to a workload, or that cannot be found
 * out, because the process has ended; then it has no rights of its own. */
bool cgroup_peer_is_outside(int fd, uid_t *uid);

/* The same as cgroup_process_is_of_workload() from the text of /proc/<pid>/cgroup, which is changed. */
bool cgroup_text_is_of_workload(char *text);

#endif
