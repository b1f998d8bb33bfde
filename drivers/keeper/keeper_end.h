/* How a keeper ends its workload and itself. Private to the keeper. */
#ifndef AQ_DRIVERS_KEEPER_KEEPER_END_H
#define AQ_DRIVERS_KEEPER_KEEPER_END_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/keeper/files.h"
#include "drivers/keeper/kind.h"
#include "drivers/keeper/log.h"
#include "drivers/keeper/watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct keeper {
    const struct cgroup_host *host;
    const struct keeper_kind *kind;
    struct keeper_job *job; /* NULL once it is not needed any more */
    struct cgroup group;
    struct keeper_log log;
    struct keeper_state state;
    int directory;
    int status;  /* pipe to the agent; -1 after the start was reported */
    int signals; /* signalfd */
    int output;  /* pipe from the workload; -1: closed */

    uint64_t log_rate; /* of the job */
    int64_t room;      /* bytes that may be copied now; below 0: more than that were */
    uint64_t room_at_ms;

    struct keeper_watch watch; /* of its files */

    int errors; /* pipe from the starting process; -1 once the workload runs */

    pid_t starting; /* process that starts the workload and is not its main process; 0: none, or it has ended */
    pid_t main;     /* 0: none yet */
    pid_t init;     /* process 1 of its process namespace; 0: it has none, or that has ended */
    int stop_signal;
    bool main_ended;
    int wait_status; /* of the main process, once it has ended */
    bool tree_gone;  /* no child was left at the last check */

    bool failed; /* the program could not run, see `reason` */
    char reason[KEEPER_REASON_SIZE];
    bool stopping;   /* SIGTERM was received */
    bool killing;    /* all processes are being killed */
    bool grace_over; /* the main process still ran at the end of the grace time */
    uint64_t kill_at_ms;

    uint64_t lease_ms; /* 0: it has none */
    char *lease_path;
    uint64_t touched_ms; /* when the agent was last in touch, as far as is known */
    int lease_timer;     /* -1: none */
    bool lease_over;
    unsigned kill_again_ms;
};

void keeper_fail(struct keeper *keeper, const char *reason); /* keeps the first reason */

void keeper_signal_tree(struct keeper *keeper, int number);

/* Once no process of the workload is left: removes its groups, writes `exit`, and ends this process. */
_Noreturn void keeper_finish(struct keeper *keeper);

#endif
