/* The tests that every driver passes: the contract of drivers/driver.h as code.
 *
 * A driver describes itself in a struct conformance, in tests/unit/test_drivers_conformance_<driver>.c, and passes that
 * to conformance_run(). What a driver does not have, such as limits, is NULL there, and its tests are skipped. */
#ifndef AQ_TESTS_LIB_CONFORMANCE_H
#define AQ_TESTS_LIB_CONFORMANCE_H

#include "tests/lib/driver_rig.h"

/* Files that an earlier version of the driver left in a workload's directory: tests/data/drivers/<driver>/<name>/. What
 * an agent that adopts them is told. */
struct conformance_sample {
    const char *name; /* NULL ends the list */
    enum driver_report_kind kind;
    int exit_status;    /* ENDED */
    const char *reason; /* FAILED, ENDED: a part of it */
};

struct conformance_end {
    int status;
    const char *reason; /* a part of it */
};

struct conformance {
    const char *driver;
    const char *(*program)(void);    /* the path of a driver that is a program; NULL: it is built in */
    const struct driver_type *type;  /* one that is not built in, in this process; NULL: none */
    bool (*works)(void);             /* can it be tested on this host? NULL: everywhere */
    void (*opened)(struct rig *rig); /* after each rig_open(); NULL: nothing is to be done then */

    /* Options of workloads, as rig_start() takes them. */
    const char *runs;        /* until it is stopped; ends at SIGTERM */
    const char *exits;       /* ends by itself with status 3; NULL: none does */
    const char *unstartable; /* cannot be started, which is not seen before it is tried */
    const char *slow;        /* takes an hour to start, and can be stopped meanwhile */
    const char *says;        /* writes "hello" and a line break, and ends with status 0 */
    const char *deaf;        /* writes "ready"; at SIGTERM writes "asked" and goes on; grace of 1 s */
    const char *patient;     /* the same, with a grace of an hour; need not write anything; NULL: none */
    const char *hungry;      /* takes more memory than ram_mib */
    uint64_t ram_mib;
    uint64_t many; /* so many at once; 0: 200 */

    /* What the driver says where others have exit statuses and signals; NULL: as they do. */
    const struct conformance_end *exit_end, *kill_end;
    const char *const *only; /* names of tests, NULL ends them: the others are left out; NULL: none are */
    bool forgets;            /* workloads end with the process of their driver */

    /* Kills its main process from outside, by SIGKILL. NULL: there is none. */
    void (*kill)(struct rig *rig, uint64_t resource);
    /* As if the host had restarted while it ran: its processes are gone, and its files of an earlier boot. NULL: the
     * workload does not depend on that. */
    void (*reboot)(struct rig *rig, uint64_t resource);
    /* Rewrites the files of a workload that runs in the oldest form that the driver still reads. */
    void (*make_old)(struct rig *rig, uint64_t resource);
    /* Does it run, whatever becomes of its agent? NULL: as long as the process does whose pid is in its identifier. */
    bool (*is_running)(struct rig *rig, uint64_t resource);
    /* Is anything of the workload left on the host, outside of its directory? */
    bool (*is_left)(struct rig *rig, uint64_t resource);
    /* Does end_leftover() find a workload on this host? NULL: never. */
    bool (*finds_leftovers)(void);

    /* Commands that are run in a workload; NULL: it takes none, or `own_commands` but no programs. */
    bool own_commands;
    const char *const *command;       /* writes "out", and ends with status 5 */
    const char *const *long_command;  /* does not end by itself */
    const char *const *wrong_command; /* there is no such program */

    const struct conformance_sample *samples;
};

int conformance_run(const struct conformance *driver); /* for main() */

/* The same for drivers whose workloads have a keeper (drivers/keeper/), a control group as drivers/cgroup/cgroup.h
 * names it, and the pid of the main process in their identifier. Sets the functions from kill() to finds_leftovers(),
 * and drops `hungry` on a host that cannot limit memory. */
int conformance_run_kept(struct conformance *driver);

/* The same for drivers whose workloads are in the control groups that the agent makes, which have a file `boot` with
 * the boot of the host that they run in, and the pid of the main process in their identifier. */
int conformance_run_grouped(struct conformance *driver);

#endif
