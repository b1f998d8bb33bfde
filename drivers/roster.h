/* A roster is what a driver knows its workloads by: pointers in the order of their resource ids.
 *
 * Ids only grow, so a new workload nearly always goes to the end; looking one up is a binary search. The roster
 * holds pointers of the driver's own kind and owns none of them. */
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

void *roster_find(const struct roster *roster, uint64_t resource);         /* NULL: not there */
void roster_add(struct roster *roster, uint64_t resource, void *workload); /* must not be there yet */
void roster_remove(struct roster *roster, uint64_t resource);              /* must be there */
void roster_free(struct roster *roster);                                   /* the same as new afterwards */

#endif
