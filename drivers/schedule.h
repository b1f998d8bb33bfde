/* A schedule says when workloads need attention: a heap of times, soonest first.
 *
 * An entry cannot be changed or removed; a workload whose time changes adds another one. So a workload remembers its
 * newest time, and the caller ignores an entry whose time is another, or whose workload is gone. */
#ifndef AQ_DRIVERS_SCHEDULE_H
#define AQ_DRIVERS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule_entry {
    uint64_t due_ms; /* steady, see schema/base/turn.h */
    uint64_t resource;
};

/* Zeroed memory is an empty schedule. */
struct schedule {
    struct schedule_entry *entries;
    size_t count;
    size_t capacity;
};

void schedule_add(struct schedule *schedule, uint64_t due_ms, uint64_t resource);

/* Removes the soonest entry if it is due at `now_ms`. Returns false if none is. */
bool schedule_take(struct schedule *schedule, uint64_t now_ms, struct schedule_entry *entry);

uint64_t schedule_next_ms(const struct schedule *schedule); /* when the soonest entry is due; UINT64_MAX: empty */

void schedule_free(struct schedule *schedule); /* then it is empty */

#endif
