/* Files that workloads have left when they ended: their driver/ directories in left/, named by resource, with a note of
 * the driver (drivers/left.h). They are kept within bounds (setting keep.files); the oldest go first. */
#ifndef AQ_AGENT_LEFT_H
#define AQ_AGENT_LEFT_H

#include "agent/settings/settings.h"
#include "agent/shelf.h"
#include "drivers/left.h"

struct left {
    struct shelf shelf;
    struct aq_agent_keep_files keep;
};

/* As ended_open(), for left/. */
int left_open(struct left *left, int parent, struct trash *trash, const struct aq_clocks *now,
              struct aq_error *error) AQ_MUST_CHECK;
void left_close(struct left *left);

/* Moves driver/ of a workload that is over here from its directory, if there is something worth keeping in it. */
void left_take(struct left *left, uint64_t resource, int workload);

/* Takes other bounds, and deletes what is beyond them. */
void left_keep(struct left *left, const struct aq_agent_keep_files *keep);

/* Reads the driver's note of what the workload has left. Fails if nothing is kept (any more). */
int left_find(const struct left *left, uint64_t resource, struct driver_left *note,
              struct aq_error *error) AQ_MUST_CHECK;

#endif
