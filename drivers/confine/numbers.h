/* User numbers out of a range, one for each workload. Locks in one file of the host, a byte for each number, say
 * which are taken. So any number of agents draw from the same range, and a number is free again when the last process
 * that holds it has ended, whatever ended it. */
#ifndef AQ_DRIVERS_CONFINE_NUMBERS_H
#define AQ_DRIVERS_CONFINE_NUMBERS_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct confine_range {
    uint32_t first;
    uint32_t count;
    bool shared; /* other users or processes of the host may have numbers of it, too: they are looked for */
};

/* Opens the file, creating it if necessary. What is drawn with the descriptor stays taken until it and its copies in
 * forks are closed. -1: this host has no place for it, and numbers are taken only as long as processes have them. */
int confine_numbers_open(void);

/* Draws a free number of the range. `seed` says where to begin, so that two that start at the same time
 * seldom meet. */
int confine_numbers_draw(int numbers, const struct confine_range *range, uint64_t seed, uid_t *number,
                         struct aq_error *error) AQ_MUST_CHECK;

#endif
