#include "controller/hub/numbers.h"

#include "schema/base/memory.h"
#include "schema/base/search.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 64 }; /* numbers for which a cleared set keeps memory: there are two sets for each agent */

/* The position of the number, or where to insert it. Most numbers are larger than all in the set. */
static uint32_t place_of(const struct numbers *set, uint64_t number)
{
    if (set->count > 0 && set->items[set->count - 1] < number)
        return set->count;
    return (uint32_t)aq_search_number(set->items, set->count, number);
}

bool numbers_add(struct numbers *set, uint64_t number)
{
    uint32_t place = place_of(set, number);
    if (place < set->count && set->items[place] == number)
        return true;
    if (set->count == NUMBERS_MAX)
        return false;
    AQ_GROW(set->items, set->count, set->capacity);
    memmove(set->items + place + 1, set->items + place, (set->count - place) * sizeof *set->items);
    set->items[place] = number;
    set->count++;
    return true;
}

bool numbers_join(struct numbers *set, const struct numbers *more)
{
    for (uint32_t i = 0; i < more->count; i++)
        if (!numbers_add(set, more->items[i]))
            return false;
    return true;
}

void numbers_drop_first(struct numbers *set, uint32_t count)
{
    aq_assert(count <= set->count);
    set->count -= count;
    if (set->count > 0)
        memmove(set->items, set->items + count, set->count * sizeof *set->items);
}

void numbers_clear(struct numbers *set)
{
    set->count = 0;
    if (set->capacity > KEPT_MAX)
        numbers_free(set);
}

void numbers_free(struct numbers *set)
{
    free(set->items);
    *set = (struct numbers){0};
}
