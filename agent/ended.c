#include "agent/ended.h"

#include "agent/names.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/number.h"
#include "schema/codec/preset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

static void remember(struct ended *ended, uint64_t resource)
{
    ended->recent[ended->next_recent++ % ENDED_MAX] = resource;
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* Earlier versions kept a log as one file. It becomes the output in a directory. */
static void move_into_directory(int ended, const char *name, const struct stat *status)
{
    char file[NAME_SIZE + 8];
    struct aq_error error;
    const struct timespec times[2] = {status->st_mtim, status->st_mtim};
    snprintf(file, sizeof file, "%s.file", name);
    if (renameat(ended, name, ended, file) != 0)
        return;
    AQ_CLEANUP_FD int directory = aq_directory_open(ended, name, &error);
    char output[OUTPUT_NAME_SIZE];
    output_name(output, 0);
    if (directory < 0 || renameat(ended, file, directory, output) != 0)
        aq_journal(AQ_WARN, "a log of an earlier version cannot be kept", "resource", name, NULL);
    utimensat(ended, name, times, 0); /* its age */
}

static uint64_t count_bytes(int ended, const char *name)
{
    struct output_span span;
    struct aq_error ignored;
    AQ_CLEANUP_FD int directory = openat(ended, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return directory >= 0 && output_measure(directory, &span, &ignored) == 0 ? span.end - span.first : 0;
}

static uint64_t measure_found(int directory, const char *name, const struct stat *status)
{
    if (S_ISREG(status->st_mode))
        move_into_directory(directory, name, status);
    return count_bytes(directory, name);
}

int ended_open(struct ended *ended, int parent, struct trash *trash, const struct aq_clocks *now,
               struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_agent_keep_logs preset;
    if (shelf_open(&ended->shelf, parent, "ended", measure_found, trash, now, error) != 0)
        return -1;
    for (size_t i = 0; i < ended->shelf.count; i++)
        remember(ended, ended->shelf.items[i].resource);
    aq_record_init(&aq_agent_keep_logs_record, &preset, &arena);
    ended->keep = preset;
    ended->shelf.bounds = (struct shelf_bounds){preset.number, preset.size << 20, preset.age * 1000};
    return 0;
}

void ended_close(struct ended *ended)
{
    shelf_close(&ended->shelf);
}

/* ---- adding and deleting ------------------------------------------------------------------------------ */

/* An agent that was killed while it added a workload adds it again. */
void ended_add(struct ended *ended, uint64_t resource, int from)
{
    char name[NAME_SIZE];
    struct aq_error error = {0};
    const bool again = ended_has(ended, resource);
    name_of_number(resource, name);
    AQ_CLEANUP_FD int to = aq_directory_open(ended->shelf.directory, name, &error);
    if (to < 0 || (from >= 0 && output_move(from, to, &error) != 0))
        aq_journal(AQ_WARN, "the log of a workload that has ended cannot be kept", "resource", name, "error",
                   error.message, NULL);
    remember(ended, resource);
    shelf_add(&ended->shelf, resource, count_bytes(ended->shelf.directory, name), again);
}

void ended_keep(struct ended *ended, const struct aq_agent_keep_logs *keep)
{
    ended->keep = *keep;
    ended->shelf.bounds = (struct shelf_bounds){keep->number, keep->size << 20, keep->age * 1000};
    shelf_prune(&ended->shelf);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

bool ended_has(const struct ended *ended, uint64_t resource)
{
    for (uint32_t i = 0; i < ENDED_MAX; i++)
        if (ended->recent[i] == resource)
            return true;
    return false;
}

int ended_log_open(const struct ended *ended, uint64_t resource, struct aq_error *error)
{
    char name[NAME_SIZE];
    const struct aq_agent_keep_logs *keep = &ended->keep;
    name_of_number(resource, name);
    int directory = openat(ended->shelf.directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (directory >= 0)
        return directory;
    if (errno != ENOENT)
        return aq_fail_errno(error, errno, "the log of resource %" PRIu64, resource);
    AQ_CLEANUP_BUFFER struct aq_buffer size = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer age = {0};
    aq_number_to_text(aq_record_field(&aq_agent_keep_logs_record, "size"), keep->size, &size);
    aq_number_to_text(aq_record_field(&aq_agent_keep_logs_record, "age"), keep->age, &age);
    return aq_fail(error, AQ_E_NOT_FOUND,
                   "there is no log of resource %" PRIu64 ": its node keeps the newest %" PRIu64
                   " logs of workloads that have ended, %s in all, for %s (keep.logs of its agent)",
                   resource, keep->number, aq_buffer_string(&size), aq_buffer_string(&age));
}
