#include "agent/ended.h"

#include "agent/names.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/number.h"
#include "schema/codec/preset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Wall time as it was when the agent started, plus the time that has passed since: a clock that is set meanwhile makes
 * no log old. */
static uint64_t ended_clock_ms(const struct ended *ended)
{
    return ended->now->steady_ms + ended->wall_less_steady_ms;
}

static void remember(struct ended *ended, uint64_t resource)
{
    ended->recent[ended->next_recent++ % ENDED_MAX] = resource;
}

static void append_log(struct ended *ended, const struct ended_log *log)
{
    if (ended->first > 0 && ended->count == ended->capacity) {
        ended->count -= ended->first;
        memmove(ended->logs, ended->logs + ended->first, ended->count * sizeof *ended->logs);
        ended->first = 0;
    }
    AQ_GROW(ended->logs, ended->count, ended->capacity);
    ended->logs[ended->count++] = *log;
    ended->bytes += log->bytes;
    remember(ended, log->resource);
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

static bool add_found(void *context, int directory, const char *name, unsigned char type)
{
    struct ended *ended = context;
    struct ended_log log = {0};
    struct stat status;
    (void)type;
    if (!number_of_name(name, &log.resource) || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    if (S_ISREG(status.st_mode))
        move_into_directory(directory, name, &status);
    log.ended_ms = (uint64_t)status.st_mtim.tv_sec * 1000 + (uint64_t)status.st_mtim.tv_nsec / 1000000;
    log.bytes = count_bytes(directory, name);
    AQ_GROW(ended->logs, ended->count, ended->capacity);
    ended->logs[ended->count++] = log;
    ended->bytes += log.bytes;
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct ended_log *x = a, *y = b;
    if (x->ended_ms != y->ended_ms)
        return x->ended_ms < y->ended_ms ? -1 : 1;
    return x->resource < y->resource ? -1 : x->resource > y->resource;
}

int ended_open(struct ended *ended, int parent, struct trash *trash, const struct aq_clocks *now,
               struct aq_error *error)
{
    ended->trash = trash;
    ended->now = now;
    ended->wall_less_steady_ms = now->wall_ms - now->steady_ms;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    aq_record_init(&aq_agent_keep_logs_record, &ended->keep, &arena);
    ended->directory = aq_directory_open(parent, "ended", error);
    if (ended->directory < 0 || aq_directory_list(ended->directory, add_found, ended, error) != 0)
        return -1;
    if (ended->count > 0)
        qsort(ended->logs, ended->count, sizeof *ended->logs, by_age);
    for (size_t i = 0; i < ended->count; i++)
        remember(ended, ended->logs[i].resource);
    return 0;
}

void ended_close(struct ended *ended)
{
    if (ended->directory >= 0)
        close(ended->directory);
    ended->directory = -1;
    free(ended->logs);
    ended->logs = NULL;
    ended->first = ended->count = ended->capacity = 0;
}

/* ---- adding and deleting ------------------------------------------------------------------------------ */

/* An agent that was killed while it added a workload adds it again. */
static void take_out(struct ended *ended, uint64_t resource)
{
    for (size_t i = ended->first; ended_has(ended, resource) && i < ended->count; i++) {
        if (ended->logs[i].resource != resource)
            continue;
        ended->bytes -= ended->logs[i].bytes;
        memmove(&ended->logs[i], &ended->logs[i + 1], (--ended->count - i) * sizeof *ended->logs);
        return;
    }
}

/* For the next run of the agent. */
static void store_age(const struct ended *ended, const char *name, uint64_t ended_ms)
{
    const struct timespec time = {(time_t)(ended_ms / 1000), (long)(ended_ms % 1000 * 1000000)};
    const struct timespec times[2] = {time, time};
    int failed = utimensat(ended->directory, name, times, AT_SYMLINK_NOFOLLOW);
    (void)failed; /* then it is as old as the kernel says */
}

void ended_add(struct ended *ended, uint64_t resource, int from)
{
    char name[NAME_SIZE];
    struct aq_error error = {0};
    name_of_number(resource, name);
    AQ_CLEANUP_FD int to = aq_directory_open(ended->directory, name, &error);
    if (to < 0 || (from >= 0 && output_move(from, to, &error) != 0))
        aq_journal(AQ_WARN, "the log of a workload that has ended cannot be kept", "resource", name, "error",
                   error.message, NULL);
    const struct ended_log log = {
        .resource = resource, .bytes = count_bytes(ended->directory, name), .ended_ms = ended_clock_ms(ended)};
    store_age(ended, name, log.ended_ms);
    take_out(ended, resource);
    append_log(ended, &log);
    ended_prune(ended);
}

static void delete_oldest(struct ended *ended)
{
    char name[NAME_SIZE];
    const struct ended_log *log = &ended->logs[ended->first++];
    name_of_number(log->resource, name);
    trash_put(ended->trash, ended->directory, name);
    ended->bytes -= log->bytes;
}

void ended_prune(struct ended *ended)
{
    const struct aq_agent_keep_logs *keep = &ended->keep;
    const uint64_t now_ms = ended_clock_ms(ended);
    while (ended->first < ended->count) {
        const struct ended_log *oldest = &ended->logs[ended->first];
        bool old = oldest->ended_ms < now_ms && now_ms - oldest->ended_ms > keep->age * 1000;
        if (!old && ended->count - ended->first <= keep->number && ended->bytes <= keep->size << 20)
            return;
        delete_oldest(ended);
    }
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
    int directory = openat(ended->directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
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
