/* The workloads of an agent that are over, and their logs: directories in ended/, named by resource, with files as
 * drivers/output.h describes them. Logs are kept within bounds (setting keep.logs); the oldest go first. */
#ifndef AQ_AGENT_ENDED_H
#define AQ_AGENT_ENDED_H

#include "agent/settings/settings.h"
#include "agent/shelf.h"
#include "drivers/output.h"

enum { ENDED_MAX = 1024 /* resources that are remembered at least */ };

struct ended {
    struct shelf shelf;
    struct aq_agent_keep_logs keep;
    uint64_t recent[ENDED_MAX]; /* resources that ended last, as a ring; 0: none */
    uint32_t next_recent;
};

/* Opens ended/ in `parent`, creates it if it is missing, and reads which workloads have a log. Deletes through `trash`.
 * Takes the time from `now`. */
int ended_open(struct ended *ended, int parent, struct trash *trash, const struct aq_clocks *now,
               struct aq_error *error) AQ_MUST_CHECK;
void ended_close(struct ended *ended);

/* Adds a workload, and moves its output from the directory `from` (-1: it has none). */
void ended_add(struct ended *ended, uint64_t resource, int from);

bool ended_has(const struct ended *ended, uint64_t resource); /* is remembered */

/* Takes other bounds, and deletes what is beyond them. */
void ended_keep(struct ended *ended, const struct aq_agent_keep_logs *keep);

/* The directory with the workload's output, for the caller to close; -1: there is no log (any more). */
int ended_log_open(const struct ended *ended, uint64_t resource, struct aq_error *error) AQ_MUST_CHECK;

#endif
