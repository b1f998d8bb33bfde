/* What is kept of workloads that have ended: a directory with one directory for each of them, named by resource. They
 * are kept within bounds; the oldest go first. */
#ifndef AQ_AGENT_SHELF_H
#define AQ_AGENT_SHELF_H

#include "agent/trash.h"
#include "schema/base/turn.h"

#include <stddef.h>
#include <sys/stat.h>

struct shelf_bounds {
    uint64_t number; /* of workloads */
    uint64_t bytes;  /* of all */
    uint64_t age_ms; /* since the end */
};

struct shelf_item {
    uint64_t resource;
    uint64_t bytes;
    uint64_t ended_ms; /* by the shelf's clock */
};

/* Zeroed memory with directory -1 is a closed one. */
struct shelf {
    int directory; /* -1: not open */
    struct trash *trash;
    const struct aq_clocks *now; /* of the agent's turn */
    struct shelf_bounds bounds;
    struct shelf_item *items; /* oldest first, from `first` on */
    size_t first, count, capacity;
    uint64_t bytes; /* of all */
    uint64_t wall_less_steady_ms;
};

/* How much is in the directory `name`, which was found. */
typedef uint64_t shelf_measure_fn(int directory, const char *name, const struct stat *status);

/* Opens the directory `name` in `parent`, creates it if it is missing, and finds out what is in it. Deletes through
 * `trash`. Takes the time from `now`. */
int shelf_open(struct shelf *shelf, int parent, const char *name, shelf_measure_fn *measure, struct trash *trash,
               const struct aq_clocks *now, struct aq_error *error) AQ_MUST_CHECK;
void shelf_close(struct shelf *shelf);

/* Notes that the workload's directory is there now; `again`: it may have been noted before. Deletes what is beyond the
 * bounds. */
void shelf_add(struct shelf *shelf, uint64_t resource, uint64_t bytes, bool again);

/* Deletes what is beyond the bounds now. */
void shelf_prune(struct shelf *shelf);

#endif
