/* A schedule says which workload needs attention when: a heap of times, soonest first.
 *
 * It never forgets and never searches: who changes his mind adds another time. A workload therefore remembers its
 * own newest time, and whoever takes an entry out compares: an entry that is not the workload's newest time, or
 * that names a workload which is gone, is old and means nothing. */
#ifndef AQ_DRIVERS_SCHEDULE_H
#define AQ_DRIVERS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule_entry {
    uint64_t due_ms; /* on the clock of aq_clock_boot_ms() */
    uint64_t resource;
};

/* Zeroed memory is an empty schedule. */
struct schedule {
    struct schedule_entry *entries;
    size_t count;
    size_t capacity;
};

void schedule_add(struct schedule *schedule, uint64_t due_ms, uint64_t resource);

/* Takes out the soonest entry that is due at `now_ms`. False: none is. */
bool schedule_take(struct schedule *schedule, uint64_t now_ms, struct schedule_entry *entry);

int schedule_timeout_ms(const struct schedule *schedule, uint64_t now_ms); /* for poll(); -1: empty */

void schedule_free(struct schedule *schedule); /* the same as new afterwards */

#endif
