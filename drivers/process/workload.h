/* A workload as the agent's side of the driver sees it. Private to the driver.
 *
 *   WAITING ──> STARTING ──> RUNNING ──> (ended, gone)
 *                   └────────────┴──> CLEARING ──> (ended, gone)
 *
 * WAITING: the nursery was busy. STARTING: a keeper was asked for, or the workload was adopted, and its main process
 * has not been seen yet. CLEARING: its keeper has died, and the processes that are left are being ended.
 *
 * All knowledge comes from the files that the keeper writes (files.h); the pipe, the pidfd and the clock only say when
 * to read them. So started and adopted workloads are treated alike. */
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
    int status; /* read end of the pipe from the keeper, until it has written or closed it; -1: none */
    int asked;  /* WAITING: the write end, for the keeper; otherwise -1 */
    int pidfd;  /* of the keeper; -1: not seen yet, or gone */
    struct process_state state;
    bool adopted;
    bool stopping;
    uint64_t due_ms; /* when to look at it; UINT64_MAX: no need */
    unsigned clear_again_ms;
    uint64_t kill_at_ms;           /* CLEARING: nothing is killed before */
    struct process_exit lost;      /* CLEARING: what will be reported */
    struct process_workload *next; /* WAITING: the next in the queue */
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
    unsigned told_lacking; /* controllers whose lack is in the journal already */
};

struct process_workload *process_workload_add(struct driver *driver, uint64_t resource, const char *directory);
void process_workload_free(struct process_workload *workload); /* closes its descriptors; ends nothing */

/* Wakes the agent when `fd` is readable; the event has the number of the resource. */
int process_workload_watch(struct driver *driver, struct process_workload *workload, int fd,
                           struct aq_error *error) AQ_MUST_CHECK;

void process_workload_wake_in(struct driver *driver, struct process_workload *workload, unsigned ms);

/* These may report, and free `workload`. */
void process_workload_event(struct driver *driver, struct process_workload *workload); /* a descriptor is readable */
void process_workload_due(struct driver *driver, struct process_workload *workload);   /* its time has come */
void process_workload_stop(struct driver *driver, struct process_workload *workload);
/* Finds what is left of a workload of which there is no record by its control group, and ends it. Returns whether there
 * is anything. On a host without control groups nothing is found. */
bool process_workload_end_leftover(struct driver *driver, uint64_t resource);

void process_workload_fail(struct driver *driver, struct process_workload *workload, const char *reason);

#endif
