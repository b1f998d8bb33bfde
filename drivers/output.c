#include "drivers/output.h"

#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
    OLDER_FILES_MAX = 10, /* that earlier versions kept */
    ATTEMPTS = 16,        /* to open files that the driver deletes meanwhile */
    CHUNK = 16384,
    SETTLED_MS = 1500, /* more than a step of the clock of any file system in question, which is up to 1 s */
};

static const char prefix[] = "output.";

void output_name(char name[OUTPUT_NAME_SIZE], uint64_t position)
{
    snprintf(name, OUTPUT_NAME_SIZE, "%s%" PRIu64, prefix, position);
}

bool output_name_position(const char *name, uint64_t *position)
{
    char same[OUTPUT_NAME_SIZE];
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    *position = strtoull(name + strlen(prefix), NULL, 10);
    output_name(same, *position);
    return strcmp(name, same) == 0;
}

/* ---- files -------------------------------------------------------------------------------------------- */

struct part {
    int fd;
    uint64_t start, size;
};

/* Oldest first. */
struct parts {
    struct part items[OUTPUT_FILES_MAX];
    unsigned count;
    bool placed;
};

static void parts_close(struct parts *parts)
{
    for (unsigned i = 0; i < parts->count; i++)
        close(parts->items[i].fd);
    parts->count = 0;
}

/* Returns the descriptor of the file, or -1. */
static int open_file(int directory, const char *name, struct stat *status)
{
    int fd = openat(directory, name, READ_FLAGS);
    if (fd < 0 || (fstat(fd, status) == 0 && S_ISREG(status->st_mode)))
        return fd;
    close(fd);
    errno = EINVAL; /* a workload that runs as the agent's user may have put anything there */
    return -1;
}

static int by_start(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static bool add_name(void *context, int directory, const char *name, unsigned char type)
{
    struct parts *parts = context;
    uint64_t start;
    (void)directory, (void)type;
    if (output_name_position(name, &start) && parts->count < OUTPUT_FILES_MAX)
        parts->items[parts->count++] = (struct part){.fd = -1, .start = start};
    return true;
}

/* Opens the files that are listed. False: the driver has deleted one since, so there is a newer one. */
static bool open_listed(int directory, struct parts *parts)
{
    unsigned listed = parts->count;
    parts->count = 0;
    for (unsigned i = 0; i < listed; i++) {
        struct part part = parts->items[i];
        char name[OUTPUT_NAME_SIZE];
        struct stat status;
        output_name(name, part.start);
        part.fd = open_file(directory, name, &status);
        if (part.fd < 0 && errno == ENOENT)
            return false;
        if (part.fd < 0)
            continue;
        part.size = (uint64_t)status.st_size;
        parts->items[parts->count++] = part;
    }
    /* A file is full before the next one begins. It is shorter if the host has lost power, and bytes with it. */
    for (unsigned i = 0; i + 1 < parts->count; i++) {
        uint64_t most = parts->items[i + 1].start - parts->items[i].start;
        if (parts->items[i].size > most)
            parts->items[i].size = most;
    }
    return true;
}

/* Opens `log`, log.1 and so on. A concurrent rotation can make a file appear twice. */
static void open_older(int directory, struct parts *parts)
{
    struct part newest_first[OLDER_FILES_MAX];
    unsigned count = 0;
    ino_t inode = 0;
    uint64_t at = 0;
    for (unsigned number = 0; count < OLDER_FILES_MAX; number++) {
        char name[OUTPUT_NAME_SIZE];
        struct stat status;
        snprintf(name, sizeof name, number == 0 ? "log" : "log.%u", number);
        int fd = open_file(directory, name, &status);
        if (fd < 0)
            break;
        if (count > 0 && status.st_ino == inode) {
            close(fd);
            continue;
        }
        inode = status.st_ino;
        newest_first[count++] = (struct part){.fd = fd, .size = (uint64_t)status.st_size};
    }
    while (count > 0) {
        struct part part = newest_first[--count];
        part.start = at;
        at += part.size;
        parts->items[parts->count++] = part;
    }
}

static int parts_open(int directory, struct parts *parts, struct aq_error *error)
{
    bool stable = false;
    for (int i = 0; i < ATTEMPTS && !stable; i++) {
        parts_close(parts);
        if (aq_directory_list(directory, add_name, parts, error) != 0) {
            parts->count = 0;
            return -1;
        }
        qsort(parts->items, parts->count, sizeof *parts->items, by_start);
        stable = open_listed(directory, parts);
    }
    parts->placed = parts->count > 0 || faccessat(directory, "log", F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    if (!parts->placed)
        open_older(directory, parts);
    return 0;
}

static struct output_span span_of(const struct parts *parts)
{
    struct output_span span = {.placed = parts->placed};
    if (parts->count > 0) {
        const struct part *last = &parts->items[parts->count - 1];
        span.first = parts->items[0].start;
        span.end = last->start + last->size;
    }
    return span;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* Appends the bytes of the file from *position on, and moves *position after them. */
static int read_part(const struct part *part, uint64_t *position, size_t max, struct aq_buffer *out,
                     struct aq_error *error)
{
    char bytes[CHUNK];
    size_t taken = 0;
    while (*position < part->start + part->size && taken < max) {
        uint64_t left = part->start + part->size - *position;
        size_t want = left < sizeof bytes ? (size_t)left : sizeof bytes;
        want = want < max - taken ? want : max - taken;
        ssize_t length = pread(part->fd, bytes, want, (off_t)(*position - part->start));
        if (length < 0)
            return aq_fail_errno(error, errno, "cannot read the output");
        if (length == 0)
            break;
        aq_buffer_add(out, bytes, (size_t)length);
        *position += (uint64_t)length;
        taken += (size_t)length;
    }
    return 0;
}

static int read_parts(const struct parts *parts, uint64_t *position, size_t max, struct aq_buffer *out,
                      struct aq_error *error)
{
    unsigned i = 0;
    size_t before = out->length;
    while (i < parts->count && *position >= parts->items[i].start + parts->items[i].size)
        i++;
    if (i < parts->count && *position < parts->items[i].start)
        *position = parts->items[i].start;
    uint64_t at = *position;
    for (; i < parts->count && parts->items[i].start <= at && out->length - before < max; i++)
        if (read_part(&parts->items[i], &at, max - (out->length - before), out, error) != 0)
            return -1;
    return 0;
}

int output_read(int directory, uint64_t *position, size_t max, struct aq_buffer *out, struct output_span *span,
                struct aq_error *error)
{
    struct parts parts = {0};
    if (parts_open(directory, &parts, error) != 0)
        return -1;
    *span = span_of(&parts);
    if (!span->placed || *position == OUTPUT_NEWEST)
        *position = span->end - span->first > max ? span->end - max : span->first;
    else if (*position > span->end)
        *position = span->end;
    int failed = read_parts(&parts, position, max, out, error);
    parts_close(&parts);
    return failed;
}

int output_measure(int directory, struct output_span *span, struct aq_error *error)
{
    struct parts parts = {0};
    if (parts_open(directory, &parts, error) != 0)
        return -1;
    *span = span_of(&parts);
    parts_close(&parts);
    return 0;
}

/* A change within the same step of the clock as the one before leaves the directory's time as it was, so that time
 * tells of changes to come only after a while. */
static bool has_settled(const struct stat *status, uint64_t now_ms)
{
    const uint64_t changed_ms = (uint64_t)status->st_ctim.tv_sec * 1000 + (uint64_t)status->st_ctim.tv_nsec / 1000000;
    return changed_ms + SETTLED_MS < now_ms;
}

int output_look(int directory, struct output_seen *seen, struct output_span *span, struct aq_error *error)
{
    struct parts parts = {0};
    struct stat status;
    const uint64_t now_ms = aq_clock_wall_ms();
    const bool settled = fstat(directory, &status) == 0 && has_settled(&status, now_ms);
    *seen = (struct output_seen){0};
    if (parts_open(directory, &parts, error) != 0)
        return -1;
    *span = span_of(&parts);
    if (settled && span->placed)
        *seen = (struct output_seen){.directory = status.st_ino,
                                     .changed = status.st_ctim,
                                     .first = span->first,
                                     .newest = parts.count > 0 ? parts.items[parts.count - 1].start : 0,
                                     .valid = true,
                                     .any = parts.count > 0};
    parts_close(&parts);
    return 0;
}

bool output_look_again(int above, const char *path, const struct output_seen *seen, struct output_span *span)
{
    char name[OUTPUT_NAME_SIZE], file[PATH_MAX];
    struct stat status;
    if (!seen->valid || fstatat(above, path, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_ino != seen->directory ||
        status.st_ctim.tv_sec != seen->changed.tv_sec || status.st_ctim.tv_nsec != seen->changed.tv_nsec)
        return false;
    *span = (struct output_span){.placed = true};
    if (!seen->any)
        return true;
    output_name(name, seen->newest);
    const int length = snprintf(file, sizeof file, "%s/%s", path, name);
    if (length < 0 || (size_t)length >= sizeof file || fstatat(above, file, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
        return false;
    span->first = seen->first;
    span->end = seen->newest + (uint64_t)status.st_size;
    return true;
}

/* ---- moving ------------------------------------------------------------------------------------------- */

static int move_file(int from, const char *name, int to, uint64_t start, struct aq_error *error)
{
    char placed[OUTPUT_NAME_SIZE];
    output_name(placed, start);
    return renameat(from, name, to, placed) == 0 ? 0 : aq_fail_errno(error, errno, "cannot move %s", name);
}

int output_move(int from, int to, struct aq_error *error)
{
    struct parts parts = {0};
    if (parts_open(from, &parts, error) != 0)
        return -1;
    int failed = 0;
    for (unsigned i = 0; i < parts.count && failed == 0; i++) {
        char name[OUTPUT_NAME_SIZE];
        unsigned number = parts.count - 1 - i; /* of files of earlier versions */
        output_name(name, parts.items[i].start);
        if (!parts.placed)
            snprintf(name, sizeof name, number == 0 ? "log" : "log.%u", number);
        failed = move_file(from, name, to, parts.items[i].start, error);
    }
    parts_close(&parts);
    return failed;
}
