/* A job is all that a keeper must know to run one workload, in one piece of memory that can be handed to another
 * process: the agent encodes it into a memory file, the keeper maps that file and points into it. Both are the
 * same binary, so the layout need not last. */
#ifndef AQ_DRIVERS_PROCESS_JOB_H
#define AQ_DRIVERS_PROCESS_JOB_H

#include "drivers/driver.h"

#include <stddef.h>

struct process_job {
    uint64_t resource;
    uint64_t cpu_milli;
    uint64_t ram_mib;
    uint64_t pids;      /* 0: no limit */
    uint64_t log_size;  /* bytes at which the log goes on in a new file */
    uint32_t log_files; /* how many files there may be */
    uint32_t stop_grace_s;
    uint32_t argument_count;
    uint32_t environment_count;
    const char *node;
    const char *directory; /* the workload's */
    const char *working;   /* where to run; "": the workload's own place */
    const char *user;      /* whom to run as, name or number; "": as the agent does */
    char **arguments;      /* ended by NULL; the first is the program */
    char **environment;    /* ended by NULL, with room for one more */
    size_t mapped;         /* bytes at this address, for process_job_unmap() */
};

/* Returns a memory file that holds the job; -1 and `error`. `node` is the agent's name. */
int process_job_encode(const struct driver_spec *spec, const char *node, struct aq_error *error) AQ_MUST_CHECK;

/* What process_job_encode() wrote; NULL if it is not that. The descriptor may be closed afterwards. */
struct process_job *process_job_map(int fd);

/* Gives the memory back, all that the job points to included. */
void process_job_unmap(struct process_job *job);

#endif
