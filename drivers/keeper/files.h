/* The files that a keeper writes in its workload's directory for this and later runs of the agent.
 *
 * `state` names the keeper. It is created once, by a link that fails if it exists already: either the keeper creates it
 * and may start the workload, or an agent that finds none creates it without a keeper, and a keeper that comes later
 * gives up. After that, only the keeper adds to it. A process is identified by its number, its start time and the boot,
 * because numbers are reused.
 *
 * `exit` says how the workload ended. It is written once, durably, when no process of the workload is left. */
#ifndef AQ_DRIVERS_KEEPER_FILES_H
#define AQ_DRIVERS_KEEPER_FILES_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_id {
    pid_t pid; /* 0: none */
    uint64_t start_ticks;
};

struct keeper_state {
    struct process_id keeper; /* pid 0: an agent gave the workload up before there was a keeper */
    struct process_id main;   /* pid 0: not started yet */
    unsigned stop_grace_s;
    unsigned lacking; /* limits that cannot be set, see struct cgroup */
};

enum { KEEPER_REASON_SIZE = 512 };

struct keeper_exit {
    bool failed;     /* it never ran */
    int exit_status; /* if it ran */
    char reason[KEEPER_REASON_SIZE];
};

enum keeper_read {
    KEEPER_READ,
    KEEPER_MISSING,
    KEEPER_TORN,       /* incomplete: it was being written when the host went down */
    KEEPER_OTHER_BOOT, /* of an earlier boot, so no process of it is left */
    KEEPER_UNREADABLE, /* such as without a free descriptor; says nothing about the workload: try again */
};

/* These take a descriptor of the workload's directory. */
enum keeper_read keeper_state_read(int directory, struct keeper_state *state);
enum keeper_read keeper_exit_read(int directory, struct keeper_exit *end);

/* Creates `state`, without a main process. Returns 0 if it was created, 1 if it exists already, -1 with `error`. */
int keeper_state_claim(int directory, const struct keeper_state *state, struct aq_error *error) AQ_MUST_CHECK;
int keeper_state_add_main(int directory, const struct keeper_state *state, struct aq_error *error) AQ_MUST_CHECK;

/* `durable`: waits until the disk has it. */
int keeper_exit_write(int directory, const struct keeper_exit *end, bool durable, struct aq_error *error) AQ_MUST_CHECK;

/* Identifies a process, which may be a zombie. Returns false with ESRCH if there is none; after any other error, try
 * again. */
bool process_id_of(pid_t pid, struct process_id *id);

/* Opens a pidfd of exactly that process. Returns -1 with ESRCH if it is gone; after any other error, try again. */
int process_id_open(const struct process_id *id);

/* Whether a process of this process group runs. A zombie does not: process 1 may never wait for it, as in a container
 * without an init. */
bool process_group_runs(pid_t group);

/* Whether the pidfd's process still runs. */
bool process_runs(int pidfd);

#endif
