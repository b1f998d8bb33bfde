/* How a keeper ends its workload and itself. Private to the keeper. */
#ifndef AQ_DRIVERS_PROCESS_KEEPER_END_H
#define AQ_DRIVERS_PROCESS_KEEPER_END_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/process/files.h"
#include "drivers/process/job.h"
#include "drivers/process/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct keeper {
    const struct cgroup_host *host;
    struct process_job *job; /* NULL when the main process has been born */
    struct cgroup group;
    struct process_log log;
    struct process_state state;
    int directory;
    int status;  /* pipe to the agent that started it; -1 after the beginning was told */
    int signals; /* signalfd */
    int output;  /* pipe from the workload; -1: closed */
    int errors;  /* pipe from the main process until its program runs; -1 after that */

    pid_t main; /* 0: not born */
    bool main_ended;
    int wait_status; /* of the main process, when it has ended */
    bool tree_gone;  /* no child was left when last asked */

    bool failed; /* it will not run, for `reason` */
    char reason[PROCESS_REASON_SIZE];
    bool stopping;   /* SIGTERM came */
    bool killing;    /* all must end now */
    bool grace_over; /* the main process was still there at the end of the grace time */
    uint64_t kill_at_ms;
    unsigned kill_again_ms;
};

void keeper_fail(struct keeper *keeper, const char *reason); /* the first reason stays */

void keeper_signal_tree(struct keeper *keeper, int number);

/* Nothing of the workload is left: removes its groups, writes `exit`, ends this process. */
_Noreturn void keeper_finish(struct keeper *keeper);

#endif
