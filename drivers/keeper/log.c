#include "drivers/keeper/log.h"

#include "drivers/output.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int create_file(struct keeper_log *log, uint64_t start)
{
    char name[OUTPUT_NAME_SIZE];
    output_name(name, start);
    return openat(log->directory, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0640);
}

static bool find_newest(void *context, int directory, const char *name, unsigned char type)
{
    uint64_t *newest = context, start;
    (void)directory, (void)type;
    if (output_name_position(name, &start) && start > *newest)
        *newest = start;
    return true;
}

int keeper_log_open(struct keeper_log *log, int directory, uint64_t size, unsigned files, struct aq_error *error)
{
    aq_assert(size > 0 && files >= 1 && files <= AQ_LOG_FILES_MAX);
    *log = (struct keeper_log){.directory = directory, .size = size, .files = files};
    if (aq_directory_list(directory, find_newest, &log->start, error) != 0)
        return -1;
    log->fd = create_file(log, log->start);
    if (log->fd < 0)
        return aq_fail_errno(error, errno, "cannot create the log");
    struct stat status;
    if (fstat(log->fd, &status) == 0)
        log->used = (uint64_t)status.st_size;
    return 0;
}

void keeper_log_close(struct keeper_log *log)
{
    close(log->fd);
    log->fd = -1;
}

static bool log_put(struct keeper_log *log, const char *bytes, size_t length)
{
    ssize_t written = write(log->fd, bytes, length);
    int number = written < 0 ? errno : ENOSPC;
    size_t done = written > 0 ? (size_t)written : 0;
    log->used += done;
    if (done > 0)
        log->mid_line = bytes[done - 1] != '\n';
    if (done < length) {
        log->lost += length - done;
        log->lost_errno = number;
    }
    return done == length;
}

struct trimming {
    const struct keeper_log *log;
    uint64_t oldest; /* position of the oldest file */
    unsigned count;  /* of files */
};

static bool find_oldest(void *context, int directory, const char *name, unsigned char type)
{
    struct trimming *trimming = context;
    uint64_t start;
    (void)directory, (void)type;
    if (!output_name_position(name, &start) || start > trimming->log->start)
        return true; /* the workload may put anything here */
    trimming->count++;
    if (start < trimming->oldest)
        trimming->oldest = start;
    return true;
}

/* Deletes the oldest files as long as there are too many. */
static void log_trim(struct keeper_log *log)
{
    char name[OUTPUT_NAME_SIZE];
    struct aq_error ignored;
    struct trimming trimming;
    do {
        trimming = (struct trimming){.log = log, .oldest = UINT64_MAX};
        if (aq_directory_list(log->directory, find_oldest, &trimming, &ignored) != 0 || trimming.count <= log->files)
            return;
        output_name(name, trimming.oldest);
    } while (trimming.oldest < log->start && unlinkat(log->directory, name, 0) == 0);
}

/* Starts a new file. While that fails, output is lost: the limit of the size is kept. */
static bool log_rotate(struct keeper_log *log)
{
    int fd = create_file(log, log->start + log->used);
    if (fd < 0)
        return false;
    close(log->fd);
    log->fd = fd;
    log->start += log->used;
    log->used = 0;
    log_trim(log);
    return true;
}

static void log_tell_lost(struct keeper_log *log)
{
    char line[160];
    int length = snprintf(line, sizeof line, "%s[aquarium: %" PRIu64 " bytes of output are lost here: %s]\n",
                          log->mid_line ? "\n" : "", log->lost, strerror(log->lost_errno));
    uint64_t lost = log->lost;
    log->lost = 0;
    if (!log_put(log, line, (size_t)length))
        log->lost = lost;
}

/* How much of `bytes` goes into the current file; 0: start a new one first. */
static size_t log_share(const struct keeper_log *log, const char *bytes, size_t length)
{
    size_t room = log->used < log->size ? (size_t)(log->size - log->used) : 0;
    if (length <= room)
        return length;
    const char *newline = room > 0 ? memrchr(bytes, '\n', room) : NULL;
    if (newline != NULL)
        return (size_t)(newline - bytes) + 1;
    return log->used > 0 && !log->mid_line ? 0 : room; /* a line that is longer than a file is cut */
}

void keeper_log_write(struct keeper_log *log, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t share = log_share(log, bytes, length);
        if (share == 0 && !log_rotate(log)) {
            log->lost_errno = errno;
            log->lost += length;
            return;
        }
        if (log->lost > 0)
            log_tell_lost(log);
        if (share > 0)
            log_put(log, bytes, share);
        bytes += share;
        length -= share;
    }
}
