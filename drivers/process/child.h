/* The main process of a workload between its birth and its program. */
#ifndef AQ_DRIVERS_PROCESS_CHILD_H
#define AQ_DRIVERS_PROCESS_CHILD_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/process/job.h"

#include <stdbool.h>
#include <sys/types.h>

struct process_child {
    struct process_job *job;
    const struct cgroup *group;
    int directory; /* the workload's */
    int output;    /* becomes standard output and error */
    int errors;    /* closed when the program runs; if it cannot, a line that says why goes here before */
    pid_t keeper;
};

/* Bears the main process; -1 with errno. It dies with its keeper. */
pid_t process_child_start(const struct process_child *child);

#endif
