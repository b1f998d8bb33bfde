/* All that a keeper must know to run a program (drivers/keeper/job.h). */
#ifndef AQ_DRIVERS_PROCESS_JOB_H
#define AQ_DRIVERS_PROCESS_JOB_H

#include "drivers/driver.h"
#include "drivers/keeper/job.h"

#include <stdbool.h>
#include <stddef.h>

#define PROCESS_KIND_NAME "process"

/* A directory of the host that the label names. */
struct process_place {
    const char *path;   /* "": none */
    const char *inside; /* directory that it must not lead out of */
    const char *target; /* where the workload sees it; "": under the same path */
};

struct process_job {
    struct keeper_job common;
    uint32_t argument_count;
    uint32_t environment_count;
    uint32_t place_count;
    uint32_t writable_count;      /* so many places, which come first, may be written */
    uint64_t processes;           /* most of a user that only this workload has */
    bool isolate;                 /* shut in; the next ones are only for such a workload */
    bool own_network;             /* with nothing but a loopback interface */
    uint64_t disk_mib;            /* size of the disk that has its directory; 0: that is the host's */
    uint64_t memory_bytes;        /* most that its files in memory take */
    struct process_place root;    /* "": made of the host's system directories */
    struct process_place *places; /* what else it sees */
    struct process_place working; /* where to run; "": in work/ of `directory` */
    const char *secrets;          /* directory that it sees as DRIVER_SECRETS; "": none */
    const char *user;             /* name or number of the user to run as; "": the agent's */
    bool user_is_named;           /* by the label; else it is the one that the node's owner presets */
    uint32_t own_first;           /* the user is one of so many numbers from here on: */
    uint32_t own_count;           /* 0: `user` says which one */
    bool own_shared;              /* the host may use some of them otherwise */
    bool may_be_root;             /* node and label say so */
    bool new_privileges;          /* as may_be_root */
    char **arguments;             /* NULL ends them; the first is the program */
    char **environment;           /* NULL ends them, and there is room for one more */
};

/* Returns the descriptor of a memory file that holds the job, or -1. `node` is the agent's name. `allowance` allows it.
 */
int process_job_encode(const struct driver_spec *spec, const char *node, const struct aq_allowance *allowance,
                       struct aq_error *error) AQ_MUST_CHECK;

/* Maps what process_job_encode() wrote; NULL if it is something else. */
struct keeper_job *process_job_map(int fd);

#endif
