/* Searching in sorted arrays. */
#ifndef AQ_SCHEMA_BASE_SEARCH_H
#define AQ_SCHEMA_BASE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

/* The place of the number among `count` that are sorted, or where it would be inserted. */
static inline size_t aq_search_number(const uint64_t *sorted, size_t count, uint64_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
