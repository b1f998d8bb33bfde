#include "drivers/schedule.h"

#include "schema/base/memory.h"

#include <stdlib.h>

static bool schedule_before(const struct schedule_entry *a, const struct schedule_entry *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->resource < b->resource;
}

static void schedule_swap(struct schedule *schedule, size_t a, size_t b)
{
    struct schedule_entry entry = schedule->entries[a];
    schedule->entries[a] = schedule->entries[b];
    schedule->entries[b] = entry;
}

void schedule_add(struct schedule *schedule, uint64_t due_ms, uint64_t resource)
{
    AQ_GROW(schedule->entries, schedule->count, schedule->capacity);
    size_t place = schedule->count++;
    schedule->entries[place] = (struct schedule_entry){due_ms, resource};
    while (place > 0) {
        size_t parent = (place - 1) / 2;
        if (!schedule_before(&schedule->entries[place], &schedule->entries[parent]))
            break;
        schedule_swap(schedule, place, parent);
        place = parent;
    }
}

bool schedule_take(struct schedule *schedule, uint64_t now_ms, struct schedule_entry *entry)
{
    if (schedule->count == 0 || schedule->entries[0].due_ms > now_ms)
        return false;
    *entry = schedule->entries[0];
    schedule->entries[0] = schedule->entries[--schedule->count];
    for (size_t place = 0;;) {
        size_t soonest = place;
        for (size_t child = 2 * place + 1; child <= 2 * place + 2 && child < schedule->count; child++)
            if (schedule_before(&schedule->entries[child], &schedule->entries[soonest]))
                soonest = child;
        if (soonest == place)
            return true;
        schedule_swap(schedule, place, soonest);
        place = soonest;
    }
}

uint64_t schedule_next_ms(const struct schedule *schedule)
{
    return schedule->count > 0 ? schedule->entries[0].due_ms : UINT64_MAX;
}

void schedule_free(struct schedule *schedule)
{
    free(schedule->entries);
    *schedule = (struct schedule){0};
}
