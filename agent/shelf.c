#include "agent/shelf.h"

#include "agent/names.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Wall time as it was when the agent started, plus the time that has passed since: a clock that is set meanwhile makes
 * nothing old. */
static uint64_t clock_ms(const struct shelf *shelf)
{
    return shelf->now->steady_ms + shelf->wall_less_steady_ms;
}

static void append(struct shelf *shelf, const struct shelf_item *item)
{
    if (shelf->first > 0 && shelf->count == shelf->capacity) {
        shelf->count -= shelf->first;
        memmove(shelf->items, shelf->items + shelf->first, shelf->count * sizeof *shelf->items);
        shelf->first = 0;
    }
    AQ_GROW(shelf->items, shelf->count, shelf->capacity);
    shelf->items[shelf->count++] = *item;
    shelf->bytes += item->bytes;
}

/* ---- opening ------------------------------------------------------------------------------------------ */

struct finding {
    struct shelf *shelf;
    shelf_measure_fn *measure;
};

static bool add_found(void *context, int directory, const char *name, unsigned char type)
{
    const struct finding *finding = context;
    struct shelf_item item = {0};
    struct stat status;
    (void)type;
    if (!number_of_name(name, &item.resource) || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    item.ended_ms = (uint64_t)status.st_mtim.tv_sec * 1000 + (uint64_t)status.st_mtim.tv_nsec / 1000000;
    item.bytes = finding->measure(directory, name, &status);
    append(finding->shelf, &item);
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct shelf_item *x = a, *y = b;
    if (x->ended_ms != y->ended_ms)
        return x->ended_ms < y->ended_ms ? -1 : 1;
    return x->resource < y->resource ? -1 : x->resource > y->resource;
}

int shelf_open(struct shelf *shelf, int parent, const char *name, shelf_measure_fn *measure, struct trash *trash,
               const struct aq_clocks *now, struct aq_error *error)
{
    struct finding finding = {shelf, measure};
    shelf->trash = trash;
    shelf->now = now;
    shelf->wall_less_steady_ms = now->wall_ms - now->steady_ms;
    shelf->directory = aq_directory_open(parent, name, error);
    if (shelf->directory < 0 || aq_directory_list(shelf->directory, add_found, &finding, error) != 0)
        return -1;
    if (shelf->count > 0)
        qsort(shelf->items, shelf->count, sizeof *shelf->items, by_age);
    return 0;
}

void shelf_close(struct shelf *shelf)
{
    if (shelf->directory >= 0)
        close(shelf->directory);
    shelf->directory = -1;
    free(shelf->items);
    shelf->items = NULL;
    shelf->first = shelf->count = shelf->capacity = 0;
}

/* ---- adding and deleting ------------------------------------------------------------------------------ */

static void take_out(struct shelf *shelf, uint64_t resource)
{
    for (size_t i = shelf->first; i < shelf->count; i++) {
        if (shelf->items[i].resource != resource)
            continue;
        shelf->bytes -= shelf->items[i].bytes;
        memmove(&shelf->items[i], &shelf->items[i + 1], (--shelf->count - i) * sizeof *shelf->items);
        return;
    }
}

/* For the next run of the agent. */
static void store_age(const struct shelf *shelf, const char *name, uint64_t ended_ms)
{
    const struct timespec time = {(time_t)(ended_ms / 1000), (long)(ended_ms % 1000 * 1000000)};
    const struct timespec times[2] = {time, time};
    int failed = utimensat(shelf->directory, name, times, AT_SYMLINK_NOFOLLOW);
    (void)failed; /* then it is as old as the kernel says */
}

void shelf_add(struct shelf *shelf, uint64_t resource, uint64_t bytes, bool again)
{
    char name[NAME_SIZE];
    const struct shelf_item item = {.resource = resource, .bytes = bytes, .ended_ms = clock_ms(shelf)};
    name_of_number(resource, name);
    store_age(shelf, name, item.ended_ms);
    if (again)
        take_out(shelf, resource);
    append(shelf, &item);
    shelf_prune(shelf);
}

static void delete_oldest(struct shelf *shelf)
{
    char name[NAME_SIZE];
    const struct shelf_item *item = &shelf->items[shelf->first++];
    name_of_number(item->resource, name);
    trash_put(shelf->trash, shelf->directory, name);
    shelf->bytes -= item->bytes;
}

void shelf_prune(struct shelf *shelf)
{
    const struct shelf_bounds *bounds = &shelf->bounds;
    const uint64_t now_ms = clock_ms(shelf);
    while (shelf->first < shelf->count) {
        const struct shelf_item *oldest = &shelf->items[shelf->first];
        bool old = oldest->ended_ms < now_ms && now_ms - oldest->ended_ms > bounds->age_ms;
        if (!old && shelf->count - shelf->first <= bounds->number && shelf->bytes <= bounds->bytes)
            return;
        delete_oldest(shelf);
    }
}
