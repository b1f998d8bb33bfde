/* A roster finds workloads by resource: an array of pointers, sorted by number.
 *
 * Numbers only grow, so a new workload is nearly always added at the end; finding one is a binary search. The roster
 * does not own what the pointers lead to. */
#ifndef AQ_DRIVERS_ROSTER_H
#define AQ_DRIVERS_ROSTER_H

#include <stddef.h>
#include <stdint.h>

struct roster_entry {
    uint64_t resource;
    void *workload;
};

/* Zeroed memory is an empty roster. */
struct roster {
    struct roster_entry *entries;
    size_t count;
    size_t capacity;
};

void *roster_find(const struct roster *roster, uint64_t resource);         /* NULL: none */
void roster_add(struct roster *roster, uint64_t resource, void *workload); /* must be new */
void roster_remove(struct roster *roster, uint64_t resource);              /* must be in it */
void roster_free(struct roster *roster);                                   /* then it is empty */

#endif
