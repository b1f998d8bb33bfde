/* The workloads of an agent: what is wanted of each, what its driver says, and what the cluster has yet to hear.
 *
 * A workload is begun once its assignment is durable, and forgotten once the cluster knows that it is over. In between
 * it has at most two things to tell: that it started, and that it is over. */
#ifndef AQ_AGENT_WORKLOADS_H
#define AQ_AGENT_WORKLOADS_H

#include "agent/home.h"
#include "drivers/driver.h"
#include "drivers/roster.h"

enum { WORKLOADS_MAX = 100000, DRIVERS_MAX = 32 };

/* Where a thing to tell stands: nothing to tell, to be told, or the number of the report that tells it. */
enum { TELL_NOTHING = 0 };
#define TELL_WAITS UINT64_MAX

struct workload {
    uint64_t resource;
    const struct opened_driver *driver; /* NULL: none, for one that could not be begun */
    bool kept;                          /* it has a directory */
    bool stopping, over;
    struct workload *next_unstored; /* of those that are over, and that is not on disk yet */
    uint64_t tell_start, tell_end;
    bool telling;                   /* it is in the list */
    struct workload *next_telling;  /* of those that have something to tell */
    struct aq_happening start, end; /* texts are the workload's */
    uint64_t named;                 /* the last full delivery that named it */
};

/* Zeroed memory is an empty one. */
struct workload_queue {
    struct workload *first, *last;
};

struct opened_driver {
    const struct driver_type *type;
    struct driver *driver;
};

struct workloads {
    struct home *home;
    struct opened_driver drivers[DRIVERS_MAX];
    uint32_t driver_count;
    struct roster roster; /* of struct workload */
    struct workload_queue unstored, telling;
    uint32_t waiting;    /* things to tell that no report tells yet */
    uint64_t pass;       /* full deliveries, counted */
    struct aq_work work; /* the delivery that is under way, in work_arena */
    struct aq_arena work_arena;
    uint32_t work_done; /* assignments of it */
    bool working;
    struct aq_arena arena;
};

/* Opens the drivers that `wanted` names, or all, as far as they work here. -1: `wanted` names one that there is not. */
int workloads_open(struct workloads *workloads, struct home *home, const char *node, const struct aq_list *wanted,
                   struct aq_error *error) AQ_MUST_CHECK;
int workloads_check_drivers(const struct aq_list *wanted, struct aq_error *error) AQ_MUST_CHECK;
void workloads_close(struct workloads *workloads); /* leaves them running */

/* Finds again what an agent before this one had. */
int workloads_adopt(struct workloads *workloads, struct aq_error *error) AQ_MUST_CHECK;

/* Takes a delivery. What it asks for is done by workloads_turn(): each assignment waits for the disk, and an agent that
 * did nothing else meanwhile would be taken for lost. The next delivery comes when this one is done. */
void workloads_want(struct workloads *workloads, const struct aq_work *work);
bool workloads_is_working(const struct workloads *workloads);

/* Does for so long what waits for the disk. True: there is more. */
bool workloads_turn(struct workloads *workloads, unsigned ms);

/* Puts up to `max` things to tell into the list, as told by report `number`; in `arena`. */
void workloads_tell(struct workloads *workloads, uint64_t number, uint32_t max, struct aq_list *happenings,
                    struct aq_arena *arena);
/* The report is durable: what it told need not be told again. */
void workloads_noted(struct workloads *workloads, uint64_t number, const struct aq_list *happenings);

/* Appends the newest `max` bytes of the log, of a workload that is over too. */
int workloads_log(struct workloads *workloads, uint64_t resource, size_t max, struct aq_buffer *out,
                  struct aq_error *error) AQ_MUST_CHECK;

int workloads_timeout_ms(struct workloads *workloads); /* of the drivers; -1: none */
void workloads_work(struct workloads *workloads);      /* what the drivers have to do */

/* What the hub will take: at most `most` bytes of good UTF-8, without control characters. In `arena`. */
const char *workloads_tidy(const char *text, size_t most, struct aq_arena *arena);

#endif
