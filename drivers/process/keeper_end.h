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
    struct process_job *job; /* NULL once the main process exists */
    struct cgroup group;
    struct process_log log;
    struct process_state state;
    int directory;
    int status;  /* pipe to the agent; -1 after the start was reported */
    int signals; /* signalfd */
    int output;  /* pipe from the workload; -1: closed */
    int errors;  /* pipe from the main process; -1 once its program runs */

    pid_t main; /* 0: none yet */
    bool main_ended;
    int wait_status; /* of the main process, once it has ended */
    bool tree_gone;  /* no child was left at the last check */

    bool failed; /* the program could not run, see `reason` */
    char reason[PROCESS_REASON_SIZE];
    bool stopping;   /* SIGTERM was received */
    bool killing;    /* all processes are being killed */
    bool grace_over; /* the main process still ran at the end of the grace time */
    uint64_t kill_at_ms;
    unsigned kill_again_ms;
};

void keeper_fail(struct keeper *keeper, const char *reason); /* keeps the first reason */

void keeper_signal_tree(struct keeper *keeper, int number);

/* Once no process of the workload is left: removes its groups, writes `exit`, and ends this process. */
_Noreturn void keeper_finish(struct keeper *keeper);

#endif
