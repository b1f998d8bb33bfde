/* What nodes and workloads use now, and have used: samples of agents go in, rates and their history come out.
 *
 * All of it is in memory, and begins anew with the controller. Histories together take no more than the settings allow:
 * then older steps are forgotten sooner, and what is new has no history, until others end.
 *
 * Any thread: a lock is held for the time of a call. */
#ifndef AQ_CONTROLLER_USAGE_USAGE_H
#define AQ_CONTROLLER_USAGE_USAGE_H

#include "controller/usage/ring.h"
#include "schema/model/usage.h"

enum usage_kind { USAGE_OF_NODE, USAGE_OF_RESOURCE };

/* What the use is of. */
struct usage_key {
    enum usage_kind kind;
    uint64_t resource; /* its number */
    const char *node;  /* its name; of a resource: the node that runs it */
};

struct usage;

struct usage *usage_open(void);
void usage_close(struct usage *usage); /* NULL is fine */

/* The most memory that histories may take together, in bytes; what is there already stays. */
void usage_bound(struct usage *usage, size_t bytes);

/* Is the row known, and a resource as that of this node? A sample of one that is not must be shown to be its node's
 * first. A resource never moves. */
bool usage_has(struct usage *usage, const struct usage_key *key);

enum usage_taken {
    USAGE_TAKEN,
    USAGE_TOO_SOON,   /* after the sample before: it is left out */
    USAGE_NOT_OF_NODE /* the resource is another node's */
};
/* Adds a sample: `steady_ms` and `log_ms` are when it came, in the time of the turn and of the log. `now` is what the
 * row uses from then on. A row that is not known becomes known. */
enum usage_taken usage_take(struct usage *usage, const struct usage_key *key, const struct aq_sample *sample,
                            uint64_t steady_ms, uint64_t log_ms, struct aq_usage *now);

/* The row is gone. */
void usage_drop(struct usage *usage, const struct usage_key *key);

/* Finds rows of which no sample has come for three times as long as between the last two: what they use now is not
 * known any more. Calls `stale` for each, once; in it nothing of this may be called. */
typedef void usage_stale_fn(void *context, const struct usage_key *key);
void usage_find_stale(struct usage *usage, uint64_t steady_ms, usage_stale_fn *stale, void *context);

/* What the row uses now; false: that is not known. */
bool usage_now(struct usage *usage, const struct usage_key *key, struct aq_usage *now);

/* The history of the row, oldest first, in `arena`, as a list of aq_usage_mean; empty if there is none. */
struct aq_list usage_history(struct usage *usage, const struct usage_key *key, size_t step, uint64_t since_ms,
                             struct aq_arena *arena);

struct usage_totals {
    uint64_t rows;  /* nodes and resources that are known */
    uint64_t bytes; /* of all histories */
};
void usage_totals(struct usage *usage, struct usage_totals *totals);

#endif
