/* Sees what really runs: each start, adoption and end of a workload, on each host, as the driver does and reports it
 * (driver.h), whatever agents and controller say about it. */
#ifndef AQ_TESTS_SIM_WITNESS_H
#define AQ_TESTS_SIM_WITNESS_H

#include "drivers/driver.h"
#include "tests/sim/judge.h"

enum { WITNESS_HOSTS_MAX = 16 };

/* Each bit is a host. */
struct witness_workload {
    uint16_t started; /* start() of its driver was called there, and succeeded */
    uint16_t runs;    /* and its end has not been reported since */
    uint16_t to_end;  /* its agent was told to end it */
    uint64_t written; /* bytes of output, on the host that has written most */
    uint64_t over_ms; /* by then it has ended by itself; 0: it does not */
};

struct witness_host {
    char name[JUDGE_NAME]; /* of the node that its agent stands for */
    bool copied;           /* another host has, or had, a copy of its directory: what is on it may be there twice */
};

/* A task, by its number. */
struct witness_task {
    bool made; /* its driver said so */
};

struct witness {
    struct sim *sim;
    const struct judge *judge;
    struct runners *runners; /* those who run commands in workloads */
    struct keepers *keepers; /* of workloads with a lease */
    struct witness_host hosts[WITNESS_HOSTS_MAX];
    struct witness_workload *workloads; /* by the numbers of their resources, from 1 */
    size_t n_workloads, workloads_room;
    struct witness_task *tasks;
    size_t tasks_room;
};

void witness_open(struct witness *witness, struct sim *sim, const struct judge *judge);
void witness_free(struct witness *witness);

/* What drivers do. */
/* Before it is tried. `takes_ms`: until it ends by itself; 0: it does not. */
void witness_start(struct witness *witness, unsigned host, uint64_t resource, uint64_t takes_ms);
/* What it is told to run. */
void witness_command(struct witness *witness, uint64_t resource, const struct aq_list *arguments);
void witness_runs(struct witness *witness, unsigned host, uint64_t resource, bool adopted);
void witness_ended(struct witness *witness, unsigned host, uint64_t resource);
void witness_stop(struct witness *witness, unsigned host, uint64_t resource); /* as its agent wants */

/* A driver begins a task, and has made what it is for. */
void witness_task(struct witness *witness, unsigned host, const struct driver_task *task);
void witness_task_made(struct witness *witness, uint64_t number);
bool witness_saw_task_made(const struct witness *witness, uint64_t number);

/* It has written so many bytes. */
void witness_wrote(struct witness *witness, uint64_t resource, uint64_t bytes);
/* The agent there was told that this is to end. */
void witness_to_end(struct witness *witness, unsigned host, uint64_t resource);
void witness_shuts_down(const struct witness *witness, unsigned host);
/* The host's directory is gone, and all workloads of the driver `test` with it. */
void witness_lost_directory(struct witness *witness, unsigned host);

/* It runs on a host, as far as that is known of hosts that were not copied. */
bool witness_sees_anywhere(const struct witness *witness, uint64_t resource);
bool witness_sees(const struct witness *witness, unsigned host, uint64_t resource); /* it runs there */
uint64_t witness_written(const struct witness *witness, uint64_t resource);
bool witness_is_overdue(const struct witness *witness, uint64_t resource); /* it should have ended by now */
bool witness_saw_start(const struct witness *witness, unsigned host, uint64_t resource);

#endif
