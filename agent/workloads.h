/* The workloads of an agent: what their drivers report, and what of it the hub has not noted yet.
 *
 * A workload is started once its assignment is durable, and dropped once the hub has noted that it is over. Until then
 * it has a few things to report: its newest start, its newest restart, its health, and its end. Restarts and the end
 * are stored on disk before they are reported, and a workload is started again only when it is stored that its run
 * before has ended: so it never runs twice at once, however often the agent is killed. */
#ifndef AQ_AGENT_WORKLOADS_H
#define AQ_AGENT_WORKLOADS_H

#include "agent/commands.h"
#include "agent/drivers.h"
#include "agent/health.h"
#include "agent/home.h"
#include "agent/notices.h"
#include "agent/restarts.h"
#include "agent/secrets.h"
#include "agent/workload_tasks.h"
#include "drivers/roster.h"

enum { WORKLOADS_MAX = 100000 };

struct workload_gap;

struct workload {
    uint64_t resource;
    const struct opened_driver *driver; /* NULL: none, so it could not be started, or cannot be stopped */
    bool kept;                          /* it has a directory on disk */
    bool runs;                          /* its driver has said so: it has the addresses of its last start */
    bool stopping, over;
    const struct workload_gap *gap; /* why there is no record of it, while what is left of it is ended; NULL: none */
    bool unstored;                  /* it is in the queue of those that wait for the disk */
    struct workload *next_unstored;
    bool reports; /* it is in the queue of those with something to report */
    struct workload *next_reporting;
    struct notice notices[NOTICE_KINDS];
    struct restarts restarts;
    const struct aq_check *check; /* of its health; NULL: none */
    bool leased;
    bool on_host; /* its ports are those of the host */
    struct aq_arena check_arena;
    uint64_t named;        /* count of the last delivery that named it */
    struct aq_kept listed; /* by workloads_list_logs() */
    struct output_seen output;
};

/* Zeroed memory is an empty one. */
struct workload_queue {
    struct workload *first, *last;
};

struct workloads {
    struct home *home;
    const struct aq_clocks *now; /* of the agent's turn */
    struct drivers drivers;
    struct commands commands;
    struct secrets secrets;
    struct healths healths;
    struct schedule waiting; /* for their restart */
    struct workload_tasks tasks;
    uint64_t touched_ms;  /* steady: the agent was in touch with the cluster; 0: not yet */
    uint64_t told_ms;     /* what the lease file says of that */
    bool has_leases;      /* a workload of this run has one */
    struct roster roster; /* of struct workload */
    struct workload_queue unstored, reporting;
    uint32_t unreported; /* things to report that are in no report yet */
    size_t next_log;     /* index in the roster: where workloads_list_logs() goes on */
    struct aq_arena arena;
};

/* Opens the built-in drivers that `wanted` names, or all. They take the time from `now`.
 * `secrets` is the path of the directory for secrets. */
void workloads_open(struct workloads *workloads, struct home *home, const char *node, const struct aq_list *wanted,
                    const char *secrets, const struct aq_clocks *now);
void workloads_close(struct workloads *workloads); /* leaves them running */

/* Adopts the workloads that an earlier run of the agent has left. */
int workloads_adopt(struct workloads *workloads, struct aq_error *error) AQ_MUST_CHECK;
/* Those whose driver was not there, and is now. */
void workloads_adopt_late(struct workloads *workloads);

struct workload *workloads_find(const struct workloads *workloads, uint64_t resource); /* NULL: none */

/* Adds a workload and starts it, unless it turns out to have run here before. One that cannot be started is over.
 * Returns NULL if there are WORKLOADS_MAX already.
 */
struct workload *workloads_start(struct workloads *workloads, const struct aq_assignment *assignment);
/* For one that waits to be started again, and whose secrets went with the host. */
void workloads_take_secrets(struct workloads *workloads, struct workload *workload,
                            const struct aq_assignment *assignment);
/* Adds a workload that may have run here, but of which there is no record: what is left of it is ended, and it is
 * lost. Returns NULL as above. */
struct workload *workloads_add_lost(struct workloads *workloads, uint64_t resource);
/* Adds a workload that the hub wants stopped but of which there is no record: it is over, after what is left of it was
 * ended. Returns NULL as above. */
struct workload *workloads_add_missing(struct workloads *workloads, uint64_t resource);
void workloads_stop(struct workloads *workloads, struct workload *workload); /* repeating is harmless */

/* Ends and restarts that are not on disk yet, and workloads that are to be started again. Each waits for the disk. */
bool workloads_has_unstored(const struct workloads *workloads);
void workloads_store_next(struct workloads *workloads);

/* The hub has noted the report (notices.h): drops the workloads whose end was in it. */
void workloads_noted(struct workloads *workloads, uint64_t number, const struct aq_list *happenings);

void workloads_work(struct workloads *workloads); /* does what drivers have to do, and takes their reports */
uint64_t workloads_deadline_ms(const struct workloads *workloads); /* steady: call it then at the latest */

#endif
