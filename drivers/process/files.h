/* What a keeper leaves in its workload's directory for the agent of now and for the agent after it.
 *
 * `state` says who keeps the workload. It is made once, by a link that fails if there is one already: so either
 * the keeper makes it, and may start the workload, or an agent that found none makes an empty one, and the keeper
 * that comes too late gives up. After that the keeper alone adds to it. A process is named by its number and its
 * start time, for numbers are used again, and by the boot that both belong to.
 *
 * `exit` says how it went. It is written once, durably, when nothing of the workload is left. */
#ifndef AQ_DRIVERS_PROCESS_FILES_H
#define AQ_DRIVERS_PROCESS_FILES_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_id {
    pid_t pid; /* 0: none */
    uint64_t start_ticks;
};

struct process_state {
    struct process_id keeper; /* pid 0: an agent gave the workload up before its keeper came */
    struct process_id main;   /* pid 0: not running yet */
    unsigned stop_grace_s;
    unsigned lacking; /* limits that could not be set, see struct cgroup */
};

enum { PROCESS_REASON_SIZE = 512 };

struct process_exit {
    bool failed;     /* it never ran */
    int exit_status; /* if it ran */
    char reason[PROCESS_REASON_SIZE];
};

enum process_read {
    PROCESS_READ,
    PROCESS_MISSING,
    PROCESS_TORN,       /* it was being written when the machine went down */
    PROCESS_OTHER_BOOT, /* so nothing of it can run any more */
    PROCESS_UNREADABLE, /* for want of a descriptor, say: it tells nothing about the workload; try again */
};

/* All take a descriptor of the workload's directory. */
enum process_read process_state_read(int directory, struct process_state *state);
enum process_read process_exit_read(int directory, struct process_exit *end);

/* 0: this state, without its main process, is now the state. 1: there is one already. -1: could not be written. */
int process_state_claim(int directory, const struct process_state *state, struct aq_error *error) AQ_MUST_CHECK;
int process_state_add_main(int directory, const struct process_state *state, struct aq_error *error) AQ_MUST_CHECK;

/* `durable`: waits for the disk. */
int process_exit_write(int directory, const struct process_exit *end, bool durable,
                       struct aq_error *error) AQ_MUST_CHECK;

/* The name of a living process, or of one that is dead and not yet waited for. False: there is none if errno is
 * ESRCH; otherwise it cannot be found out now. */
bool process_id_of(pid_t pid, struct process_id *id);

/* A pidfd of just that process. -1: it is gone if errno is ESRCH; otherwise try again. */
int process_id_open(const struct process_id *id);

/* Does the pidfd's process still run? */
bool process_runs(int pidfd);

#endif
