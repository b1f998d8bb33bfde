/* A workload that has a keeper, as the agent's side of its driver sees it. Private to this folder and to the drivers.
 *
 *   WAITING ──> STARTING ──> RUNNING ──> (ended, gone)
 *                   └────────────┴──> CLEARING ──> (ended, gone)
 *
 * WAITING: the nursery was busy. STARTING: a keeper was asked for, or the workload was adopted, and its main process
 * has not been seen yet. CLEARING: its keeper has died, and the processes that are left are being ended.
 *
 * All knowledge comes from the files that the keeper writes (files.h); the pipe, the pidfd and the clock only say when
 * to read them. So started and adopted workloads are treated alike. */
#ifndef AQ_DRIVERS_KEEPER_WORKLOAD_H
#define AQ_DRIVERS_KEEPER_WORKLOAD_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/driver.h"
#include "drivers/keeper/devices.h"
#include "drivers/keeper/files.h"
#include "drivers/keeper/nursery.h"
#include "drivers/roster.h"
#include "drivers/schedule.h"

enum kept_phase { KEPT_WAITING, KEPT_STARTING, KEPT_RUNNING, KEPT_CLEARING };

struct kept_workload {
    uint64_t resource;
    enum kept_phase phase;
    char *directory;
    int job;    /* WAITING: the memory file; otherwise -1 */
    int status; /* read end of the pipe from the keeper, until it has written or closed it; -1: none */
    int asked;  /* WAITING: the write end, for the keeper; otherwise -1 */
    int pidfd;  /* of the keeper; -1: not seen yet, or gone */
    struct keeper_state state;
    char device[DEVICE_NAME_SIZE]; /* RUNNING: as its identity says */
    struct cgroup_usage usage;     /* as it was sampled last */
    bool adopted;
    bool stopping;
    uint64_t due_ms; /* when to look at it; UINT64_MAX: no need */
    unsigned clear_again_ms;
    uint64_t kill_at_ms;        /* CLEARING: nothing is killed before */
    struct keeper_exit lost;    /* CLEARING: what will be reported */
    struct kept_workload *next; /* WAITING: the next in the queue */
};

struct kept_identity {
    char name[257]; /* the driver's name for it */
    char ip_addr[64], hw_addr[64];
    char device[DEVICE_NAME_SIZE]; /* of the host, which carries what the workload sends and gets, and nothing else */
};

/* What is different for each driver whose workloads have keepers. */
struct kept_kind {
    const struct aq_driver *declared;
    bool eager; /* the nursery starts with the agent, not with the first workload */

    /* Refuses what the owner of the node does not allow. Returns the descriptor of a memory file with the job for the
     * keeper (job.h), or -1. */
    int (*encode)(const struct driver *driver, const struct driver_spec *spec, struct aq_error *error);

    /* Says what the workload is called, by the files in its directory (-1: it cannot be opened). NULL: "pid 4711". */
    void (*identify)(int directory, const struct keeper_state *state, struct kept_identity *identity);

    /* A workload is over: told before that is reported. NULL: nothing is to be done. */
    void (*over)(struct driver *driver, uint64_t resource);

    void (*forget)(void *own); /* frees `own` of struct driver; NULL: there is none */
};

struct driver {
    const struct kept_kind *kind;
    void *own;                   /* of the driver's kind; NULL: nothing */
    const struct aq_clocks *now; /* of the agent's turn */
    driver_report_fn *report;
    void *context;
    char *node;
    struct aq_allowance allowance; /* of the owner of the node; before it is told, nothing starts */
    struct aq_arena allowed;       /* its memory */
    int epoll;
    struct cgroup_host host;
    struct nursery nursery;
    struct roster roster;
    struct schedule schedule;
    struct kept_workload *first_waiting;
    struct kept_workload *last_waiting;
    struct devices devices;
    unsigned told_lacking; /* controllers whose lack is in the journal already */
};

struct kept_workload *kept_workload_add(struct driver *driver, uint64_t resource, const char *directory);
void kept_workload_free(struct kept_workload *workload); /* closes its descriptors; ends nothing */

/* Wakes the agent when `fd` is readable; the event has the number of the resource. */
int kept_workload_watch(struct driver *driver, struct kept_workload *workload, int fd,
                        struct aq_error *error) AQ_MUST_CHECK;

void kept_workload_wake_in(struct driver *driver, struct kept_workload *workload, unsigned ms);

/* These may report, and free `workload`. */
void kept_workload_event(struct driver *driver, struct kept_workload *workload); /* a descriptor is readable */
void kept_workload_due(struct driver *driver, struct kept_workload *workload);   /* its time has come */
void kept_workload_stop(struct driver *driver, struct kept_workload *workload);
/* Finds what is left of a workload of which there is no record by its control group, and ends it. Returns whether there
 * is anything. On a host without control groups nothing is found. */
bool kept_workload_end_leftover(struct driver *driver, uint64_t resource);

void kept_workload_fail(struct driver *driver, struct kept_workload *workload, const char *reason);

#endif
