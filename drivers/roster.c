#include "drivers/roster.h"

#include "schema/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The first place whose number is not below `resource`. */
static size_t roster_place(const struct roster *roster, uint64_t resource)
{
    size_t low = 0;
    size_t high = roster->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (roster->entries[middle].resource < resource)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *roster_find(const struct roster *roster, uint64_t resource)
{
    size_t place = roster_place(roster, resource);
    if (place == roster->count || roster->entries[place].resource != resource)
        return NULL;
    return roster->entries[place].workload;
}

void roster_add(struct roster *roster, uint64_t resource, void *workload)
{
    size_t place = roster_place(roster, resource);
    aq_assert(place == roster->count || roster->entries[place].resource != resource);
    AQ_GROW(roster->entries, roster->count, roster->capacity);
    struct roster_entry *at = roster->entries + place;
    memmove(at + 1, at, (roster->count - place) * sizeof *at);
    *at = (struct roster_entry){resource, workload};
    roster->count++;
}

void roster_remove(struct roster *roster, uint64_t resource)
{
    size_t place = roster_place(roster, resource);
    aq_assert(place < roster->count && roster->entries[place].resource == resource);
    struct roster_entry *at = roster->entries + place;
    roster->count--;
    memmove(at, at + 1, (roster->count - place) * sizeof *at);
}

void roster_free(struct roster *roster)
{
    free(roster->entries);
    *roster = (struct roster){0};
}
