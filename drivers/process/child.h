/* The main process of a workload, from fork to exec. */
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
    int errors;    /* closed by exec; if the program cannot run, the reason is written here first */
    pid_t keeper;
};

/* Creates the main process, which is killed when its keeper dies. Returns -1 with errno on failure. */
pid_t process_child_start(const struct process_child *child);

#endif
