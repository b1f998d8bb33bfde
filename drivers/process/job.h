/* A job is all that a keeper must know to run a workload, in one block of memory that is passed to another process: the
 * agent encodes it into a memory file, and the keeper maps that file. Both are the same binary, so the layout may
 * change at any time. */
#ifndef AQ_DRIVERS_PROCESS_JOB_H
#define AQ_DRIVERS_PROCESS_JOB_H

#include "drivers/driver.h"

#include <stddef.h>

struct process_job {
    uint64_t resource;
    uint64_t cpu_milli;
    uint64_t ram_mib;
    uint64_t pids;      /* 0: no limit */
    uint64_t log_size;  /* size at which the log continues in a new file */
    uint32_t log_files; /* how many files are kept */
    uint32_t stop_grace_s;
    uint32_t argument_count;
    uint32_t environment_count;
    const char *node;
    const char *directory; /* the workload's */
    const char *working;   /* where to run; "": in work/ of `directory` */
    const char *user;      /* name or number of the user to run as; "": the agent's */
    char **arguments;      /* NULL ends them; the first is the program */
    char **environment;    /* NULL ends them, and there is room for one more */
    size_t mapped;         /* size of the mapping */
};

/* Returns the descriptor of a memory file that holds the job, or -1. `node` is the agent's name. */
int process_job_encode(const struct driver_spec *spec, const char *node, struct aq_error *error) AQ_MUST_CHECK;

/* Maps what process_job_encode() wrote; NULL if it is something else. The descriptor may be closed afterwards. */
struct process_job *process_job_map(int fd);

/* Unmaps the job and all that it points to. */
void process_job_unmap(struct process_job *job);

#endif
