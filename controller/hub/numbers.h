/* A set of resource numbers in ascending order. Its size is limited; a caller that reaches the limit must look at all
 * resources instead. */
#ifndef AQ_CONTROLLER_HUB_NUMBERS_H
#define AQ_CONTROLLER_HUB_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

enum { NUMBERS_MAX = 4096 };

/* Zeroed memory is an empty set. */
struct numbers {
    uint64_t *items;
    uint32_t count, capacity;
};

bool numbers_add(struct numbers *set, uint64_t number); /* false: the set is full and does not have the number */
bool numbers_join(struct numbers *set, const struct numbers *more); /* adds all of them; false: the set is full */
void numbers_drop_first(struct numbers *set, uint32_t count);
void numbers_clear(struct numbers *set);
void numbers_free(struct numbers *set); /* leaves an empty set */

#endif
