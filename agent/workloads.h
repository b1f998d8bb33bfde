/* The workloads of an agent: what their drivers say of them, and what the cluster has yet to hear.
 *
 * A workload is started once its assignment is durable, and dropped once the cluster knows that it is over. In between
 * it has at most two things to tell: that it started, and that it is over. The end is stored before it is told. */
#ifndef AQ_AGENT_WORKLOADS_H
#define AQ_AGENT_WORKLOADS_H

#include "agent/drivers.h"
#include "agent/home.h"
#include "drivers/roster.h"

enum { WORKLOADS_MAX = 100000 };

/* The state of a thing to tell: nothing to tell, waiting for a report, or the number of the report that tells it. */
enum { TELL_NOTHING = 0 };
#define TELL_WAITS UINT64_MAX

struct workload {
    uint64_t resource;
    const struct opened_driver *driver; /* NULL: none, for one that could not be started */
    bool kept;                          /* it has a directory */
    bool stopping, over;
    struct workload *next_unstored; /* of those that are over, which is not on disk yet */
    uint64_t tell_start, tell_end;
    bool telling;                   /* it is in the list */
    struct workload *next_telling;  /* of those that have something to tell */
    struct aq_happening start, end; /* own their texts */
    uint64_t named;                 /* the last delivery that named it */
};

/* Zeroed memory is an empty one. */
struct workload_queue {
    struct workload *first, *last;
};

struct workloads {
    struct home *home;
    struct drivers drivers;
    struct roster roster; /* of struct workload */
    struct workload_queue unstored, telling;
    uint32_t waiting; /* things to tell that are in no report yet */
    struct aq_arena arena;
};

/* Opens the drivers that `wanted` names, or all. */
int workloads_open(struct workloads *workloads, struct home *home, const char *node, const struct aq_list *wanted,
                   struct aq_error *error) AQ_MUST_CHECK;
void workloads_close(struct workloads *workloads); /* leaves them running */

/* Takes over the workloads that an earlier run of the agent had. */
int workloads_adopt(struct workloads *workloads, struct aq_error *error) AQ_MUST_CHECK;

struct workload *workloads_find(const struct workloads *workloads, uint64_t resource); /* NULL: none */

/* Starts a workload, which must be new; if it cannot be started, it is over. NULL: there are WORKLOADS_MAX already. */
struct workload *workloads_start(struct workloads *workloads, const struct aq_assignment *assignment);
/* Adds one that the cluster takes for running, and that is not here: it is over. NULL as above. */
struct workload *workloads_add_missing(struct workloads *workloads, uint64_t resource);
void workloads_stop(struct workload *workload); /* repeating is harmless */

/* The ends that have yet to be stored. Storing one waits for the disk. */
bool workloads_has_unstored(const struct workloads *workloads);
void workloads_store_next(struct workloads *workloads);

/* Puts up to `max` things to tell into the list, as told by report `number`; in `arena`. */
void workloads_tell(struct workloads *workloads, uint64_t number, uint32_t max, struct aq_list *happenings,
                    struct aq_arena *arena);
/* The report is durable: what it told need not be told again. */
void workloads_noted(struct workloads *workloads, uint64_t number, const struct aq_list *happenings);

/* Appends the newest `max` bytes of the log, of a workload that is over too. */
int workloads_log(struct workloads *workloads, uint64_t resource, size_t max, struct aq_buffer *out,
                  struct aq_error *error) AQ_MUST_CHECK;

void workloads_work(struct workloads *workloads); /* what the drivers have to do */

#endif
