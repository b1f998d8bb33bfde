#include "agent/ended.h"

#include "agent/names.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening ------------------------------------------------------------------------------------------ */

struct aged {
    uint64_t resource;
    struct timespec time;
};

struct aged_list {
    struct aged *items;
    size_t count, capacity;
};

static bool add_aged(void *context, int directory, const char *name, unsigned char type)
{
    struct aged_list *list = context;
    struct aged aged;
    struct stat status;
    (void)type;
    if (!number_of_name(name, &aged.resource) || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    aged.time = status.st_mtim;
    AQ_GROW(list->items, list->count, list->capacity);
    list->items[list->count++] = aged;
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct aged *x = a, *y = b;
    if (x->time.tv_sec != y->time.tv_sec)
        return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
    if (x->time.tv_nsec != y->time.tv_nsec)
        return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
    return x->resource < y->resource ? -1 : x->resource > y->resource;
}

/* Deletes the log that is one too many. */
static void remember_ended(struct ended *ended, uint64_t resource)
{
    char name[NAME_SIZE];
    if (ended->count == ENDED_MAX)
        memmove(ended->resources, ended->resources + 1, --ended->count * sizeof *ended->resources);
    ended->resources[ended->count++] = resource;
    if (ended->count <= ENDED_LOGS_MAX)
        return;
    name_of_number(ended->resources[ended->count - 1 - ENDED_LOGS_MAX], name);
    unlinkat(ended->directory, name, 0);
}

int ended_open(struct ended *ended, int parent, struct aq_error *error)
{
    struct aged_list list = {0};
    ended->count = 0;
    ended->directory = aq_directory_open(parent, "ended", error);
    if (ended->directory < 0)
        return -1;
    int failed = aq_directory_list(ended->directory, add_aged, &list, error);
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, by_age);
    for (size_t i = 0; i < list.count; i++)
        remember_ended(ended, list.items[i].resource);
    free(list.items);
    return failed;
}

void ended_close(struct ended *ended)
{
    if (ended->directory >= 0)
        close(ended->directory);
    ended->directory = -1;
}

/* ---- logs --------------------------------------------------------------------------------------------- */

void ended_add(struct ended *ended, uint64_t resource, const void *log, size_t length)
{
    char name[NAME_SIZE];
    name_of_number(resource, name);
    size_t skipped = length > ENDED_LOG_SIZE_MAX ? length - ENDED_LOG_SIZE_MAX : 0;
    AQ_CLEANUP_FD int fd = openat(ended->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t written = fd >= 0 && length > 0 ? write(fd, (const char *)log + skipped, length - skipped) : 0;
    (void)written;
    remember_ended(ended, resource);
}

bool ended_has(const struct ended *ended, uint64_t resource)
{
    for (uint32_t i = ended->count; i > 0; i--)
        if (ended->resources[i - 1] == resource)
            return true;
    return false;
}

int ended_log(const struct ended *ended, uint64_t resource, size_t max, struct aq_buffer *out, struct aq_error *error)
{
    char name[NAME_SIZE];
    name_of_number(resource, name);
    if (faccessat(ended->directory, name, F_OK, 0) != 0 && errno == ENOENT)
        return aq_fail(error, AQ_E_NOT_FOUND, "resource %" PRIu64 " has no log here; those of the newest %d are kept",
                       resource, ENDED_LOGS_MAX);
    return aq_file_read_end(ended->directory, name, max, out, error);
}
