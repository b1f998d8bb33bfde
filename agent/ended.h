/* The workloads of an agent that are over, and their logs: directories in ended/, named by resource, with files as
 * drivers/output.h describes them. Logs are kept within bounds (setting keep.logs); the oldest go first. */
#ifndef AQ_AGENT_ENDED_H
#define AQ_AGENT_ENDED_H

#include "agent/settings/settings.h"
#include "agent/trash.h"
#include "drivers/output.h"
#include "schema/base/turn.h"

enum { ENDED_MAX = 1024 /* resources that are remembered at least */ };

struct ended_log {
    uint64_t resource;
    uint64_t bytes;
    uint64_t ended_ms; /* by ended_clock_ms() */
};

struct ended {
    int directory; /* -1: not open */
    struct trash *trash;
    const struct aq_clocks *now; /* of the agent's turn */
    struct aq_agent_keep_logs keep;
    struct ended_log *logs; /* oldest first, from `first` on */
    size_t first, count, capacity;
    uint64_t bytes;             /* of all logs */
    uint64_t recent[ENDED_MAX]; /* resources that ended last, as a ring; 0: none */
    uint32_t next_recent;
    uint64_t wall_less_steady_ms; /* see ended_clock_ms() */
};

/* Opens ended/ in `parent`, creates it if it is missing, and reads which workloads have a log. Deletes through `trash`.
 * Takes the time from `now`. */
int ended_open(struct ended *ended, int parent, struct trash *trash, const struct aq_clocks *now,
               struct aq_error *error) AQ_MUST_CHECK;
void ended_close(struct ended *ended);

/* Adds a workload, and moves its output from the directory `from` (-1: it has none). */
void ended_add(struct ended *ended, uint64_t resource, int from);

bool ended_has(const struct ended *ended, uint64_t resource); /* is remembered */

/* Deletes what is beyond the bounds now. */
void ended_prune(struct ended *ended);

/* The directory with the workload's output, for the caller to close; -1: there is no log (any more). */
int ended_log_open(const struct ended *ended, uint64_t resource, struct aq_error *error) AQ_MUST_CHECK;

#endif
