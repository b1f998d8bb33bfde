/* What the agent's side of the driver knows of one workload, and how it moves on. Private to the driver.
 *
 *   WAITING ──> STARTING ──> RUNNING ──> (ended, gone)
 *                   └────────────┴──> CLEARING ──> (ended, gone)
 *
 * WAITING: the nursery was busy. STARTING: a keeper was asked for, or the workload was adopted, and nothing was
 * seen of it yet. CLEARING: its keeper died before its time, and what is left is being ended.
 *
 * All that is known comes from the files that the keeper writes (files.h); the pipe, the pidfd and the clock only say
 * when to look at them. So a workload that was started and one that was adopted are the same thing. */
#ifndef AQ_DRIVERS_PROCESS_WORKLOAD_H
#define AQ_DRIVERS_PROCESS_WORKLOAD_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/driver.h"
#include "drivers/process/files.h"
#include "drivers/process/nursery.h"
#include "drivers/roster.h"
#include "drivers/schedule.h"

enum process_phase { PROCESS_WAITING, PROCESS_STARTING, PROCESS_RUNNING, PROCESS_CLEARING };

struct process_workload {
    uint64_t resource;
    enum process_phase phase;
    char *directory;
    int job;    /* WAITING: the memory file; otherwise -1 */
    int status; /* read end of the pipe from the keeper, until it has spoken; -1: none */
    int asked;  /* WAITING: write end, for the keeper; otherwise -1 */
    int pidfd;  /* of the keeper; -1: not seen yet, or gone */
    struct process_state state;
    bool adopted;
    bool stopping;
    uint64_t due_ms; /* look at it then; UINT64_MAX: no need */
    unsigned clear_again_ms;
    struct process_exit lost;      /* CLEARING: what will be said of it */
    struct process_workload *next; /* WAITING: who is behind in the queue */
};

struct driver {
    driver_report_fn *report;
    void *context;
    char *node;
    int epoll;
    struct cgroup_host host;
    struct nursery nursery;
    struct roster roster;
    struct schedule schedule;
    struct process_workload *first_waiting;
    struct process_workload *last_waiting;
    unsigned told_lacking; /* controllers whose lack was told */
};

struct process_workload *process_workload_add(struct driver *driver, uint64_t resource, const char *directory);
void process_workload_free(struct process_workload *workload); /* closes what it holds; nothing else */

/* Wakes when `fd` is readable; the event carries the resource's id. */
int process_workload_watch(struct driver *driver, struct process_workload *workload, int fd,
                           struct aq_error *error) AQ_MUST_CHECK;

void process_workload_wake_in(struct driver *driver, struct process_workload *workload, unsigned ms);

/* These may report, and `workload` may be gone afterwards. */
void process_workload_event(struct driver *driver, struct process_workload *workload); /* a descriptor is readable */
void process_workload_due(struct driver *driver, struct process_workload *workload);   /* its time has come */
void process_workload_stop(struct driver *driver, struct process_workload *workload);
void process_workload_fail(struct driver *driver, struct process_workload *workload, const char *reason);

#endif
