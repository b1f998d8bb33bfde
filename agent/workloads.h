/* The workloads of an agent: what their drivers report, and what of it the hub has not noted yet.
 *
 * A workload is started once its assignment is durable, and dropped once the hub has noted that it is over. Until then
 * it has at most two things to report: its start and its end. The end is stored on disk before it is reported. */
#ifndef AQ_AGENT_WORKLOADS_H
#define AQ_AGENT_WORKLOADS_H

#include "agent/drivers.h"
#include "agent/home.h"
#include "drivers/roster.h"

enum { WORKLOADS_MAX = 100000 };

/* The state of a thing to report: nothing, waiting for a report, or the number of the report that holds it. */
enum { TELL_NOTHING = 0 };
#define TELL_WAITS UINT64_MAX

struct workload_gap;

struct workload {
    uint64_t resource;
    const struct opened_driver *driver; /* NULL: none, so it could not be started, or cannot be stopped */
    bool kept;                          /* it has a directory on disk */
    bool stopping, over;
    const struct workload_gap *gap; /* why there is no record of it, while what is left of it is ended; NULL: none */
    struct workload *next_unstored; /* queue of workloads whose end is not on disk yet */
    uint64_t tell_start, tell_end;
    bool telling; /* it is in the queue of those with something to report */
    struct workload *next_telling;
    struct aq_happening start, end; /* own their texts */
    uint64_t named;                 /* count of the last delivery that named it */
    struct aq_kept listed;          /* by workloads_list_logs() */
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
    uint32_t waiting; /* things to report that are in no report yet */
    size_t next_log;  /* index in the roster: where workloads_list_logs() goes on */
    struct aq_arena arena;
};

/* Opens the drivers that `wanted` names, or all. */
int workloads_open(struct workloads *workloads, struct home *home, const char *node, const struct aq_list *wanted,
                   struct aq_error *error) AQ_MUST_CHECK;
void workloads_close(struct workloads *workloads); /* leaves them running */

/* Adopts the workloads that an earlier run of the agent has left. */
int workloads_adopt(struct workloads *workloads, struct aq_error *error) AQ_MUST_CHECK;

struct workload *workloads_find(const struct workloads *workloads, uint64_t resource); /* NULL: none */

/* Adds a workload and starts it, unless it turns out to have run here before. One that cannot be started is over.
 * Returns NULL if there are WORKLOADS_MAX already.
 */
struct workload *workloads_start(struct workloads *workloads, const struct aq_assignment *assignment);
/* Adds a workload that may have run here, but of which there is no record: what is left of it is ended, and it is
 * lost. Returns NULL as above. */
struct workload *workloads_add_lost(struct workloads *workloads, uint64_t resource);
/* Adds a workload that the hub wants stopped but of which there is no record: it is over, after what is left of it was
 * ended. Returns NULL as above. */
struct workload *workloads_add_missing(struct workloads *workloads, uint64_t resource);
void workloads_stop(struct workload *workload); /* repeating is harmless */

/* Ends that are not on disk yet. Storing one waits for the disk. */
bool workloads_has_unstored(const struct workloads *workloads);
void workloads_store_next(struct workloads *workloads);

/* Moves up to `max` things to report into report `number`: fills *happenings, with memory from `arena`. */
void workloads_tell(struct workloads *workloads, uint64_t number, uint32_t max, struct aq_list *happenings,
                    struct aq_arena *arena);
/* The hub has noted the report. */
void workloads_noted(struct workloads *workloads, uint64_t number, const struct aq_list *happenings);

/* Appends up to `max` bytes of a workload's log from the position `after` on (drivers/output.h), even if it is over. */
int workloads_log(struct workloads *workloads, uint64_t resource, uint64_t after, size_t max, struct aq_buffer *out,
                  struct aq_extent *extent, struct aq_error *error) AQ_MUST_CHECK;
/* What is kept of it, as above. */
int workloads_measure(struct workloads *workloads, uint64_t resource, struct aq_extent *extent,
                      struct aq_error *error) AQ_MUST_CHECK;

/* Fills *logs with up to AQ_BEAT_LOGS_MAX logs that have changed since they were listed here last, with memory from
 * `arena`. Each call looks at so many workloads, and the next one goes on from there. */
void workloads_list_logs(struct workloads *workloads, struct aq_list *logs, struct aq_arena *arena);
void workloads_list_all_logs(struct workloads *workloads); /* from now on: as if none had been listed */

void workloads_work(struct workloads *workloads); /* does what drivers have to do, and takes their reports */

#endif
