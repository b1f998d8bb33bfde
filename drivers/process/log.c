#include "drivers/process/log.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 16, LOG_FLAGS = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY };

static void name_log(char name[NAME_SIZE], unsigned number)
{
    if (number == 0)
        snprintf(name, NAME_SIZE, "log");
    else
        snprintf(name, NAME_SIZE, "log.%u", number);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

int process_log_open(struct process_log *log, int directory, uint64_t size, unsigned files, struct aq_error *error)
{
    aq_assert(size > 0 && files >= 1 && files <= PROCESS_LOG_FILES_MOST);
    *log = (struct process_log){.directory = directory, .size = size, .files = files};
    log->fd = openat(directory, "log", O_WRONLY | O_CREAT | O_APPEND | LOG_FLAGS, 0640);
    if (log->fd < 0)
        return aq_fail_errno(error, errno, "file log");
    struct stat status;
    if (fstat(log->fd, &status) == 0)
        log->used = (uint64_t)status.st_size;
    return 0;
}

void process_log_close(struct process_log *log)
{
    close(log->fd);
    log->fd = -1;
}

static bool log_put(struct process_log *log, const char *bytes, size_t length)
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

/* Starts a new file. While that fails, output is lost: the limit of the size is kept. */
static bool log_rotate(struct process_log *log)
{
    if (log->files == 1) {
        if (ftruncate(log->fd, 0) != 0)
            return false;
        log->used = 0;
        return true;
    }
    int fd = openat(log->directory, "log.new", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | LOG_FLAGS, 0640);
    if (fd < 0)
        return false;
    char from[NAME_SIZE];
    char to[NAME_SIZE];
    for (unsigned number = log->files - 1; number > 0; number--) {
        name_log(from, number - 1);
        name_log(to, number);
        renameat(log->directory, from, log->directory, to); /* fails for a file that does not exist yet */
    }
    if (renameat(log->directory, "log.new", log->directory, "log") != 0) {
        close(fd);
        return false;
    }
    close(log->fd);
    log->fd = fd;
    log->used = 0;
    return true;
}

static void log_tell_lost(struct process_log *log)
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
static size_t log_share(const struct process_log *log, const char *bytes, size_t length)
{
    size_t room = log->used < log->size ? (size_t)(log->size - log->used) : 0;
    if (length <= room)
        return length;
    const char *newline = room > 0 ? memrchr(bytes, '\n', room) : NULL;
    if (newline != NULL)
        return (size_t)(newline - bytes) + 1;
    return log->used > 0 && !log->mid_line ? 0 : room; /* a line that is longer than a file is cut */
}

void process_log_write(struct process_log *log, const char *bytes, size_t length)
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

/* ---- reading ------------------------------------------------------------------------------------------ */

struct log_part {
    int fd;
    ino_t inode;
    uint64_t size;
};

/* Opens the newest files that hold `max` bytes. A concurrent rotation can make a file appear twice. */
static unsigned parts_open(int directory, size_t max, struct log_part parts[PROCESS_LOG_FILES_MOST])
{
    unsigned count = 0;
    uint64_t held = 0;
    for (unsigned number = 0; number <= PROCESS_LOG_FILES_MOST && count < PROCESS_LOG_FILES_MOST && held < max;
         number++) {
        char name[NAME_SIZE];
        struct stat status;
        name_log(name, number);
        int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | LOG_FLAGS);
        if (fd < 0)
            break;
        if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
            (count > 0 && parts[count - 1].inode == status.st_ino)) {
            close(fd);
            continue;
        }
        parts[count++] = (struct log_part){fd, status.st_ino, (uint64_t)status.st_size};
        held += (uint64_t)status.st_size;
    }
    return count;
}

static int part_read(const struct log_part *part, uint64_t from, struct aq_buffer *out, struct aq_error *error)
{
    char bytes[16384];
    while (from < part->size) {
        uint64_t left = part->size - from;
        ssize_t length = pread(part->fd, bytes, left < sizeof bytes ? (size_t)left : sizeof bytes, (off_t)from);
        if (length < 0)
            return aq_fail_errno(error, errno, "cannot read the log");
        if (length == 0) /* truncated meanwhile */
            return 0;
        aq_buffer_add(out, bytes, (size_t)length);
        from += (uint64_t)length;
    }
    return 0;
}

int process_log_read(const char *directory, size_t max, struct aq_buffer *out, struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "directory %s", directory);
    struct log_part parts[PROCESS_LOG_FILES_MOST];
    unsigned count = parts_open(fd, max, parts);
    uint64_t held = 0;
    for (unsigned i = 0; i < count; i++)
        held += parts[i].size;
    uint64_t skip = held > max ? held - max : 0;
    int result = 0;
    for (unsigned i = count; i-- > 0;) {
        uint64_t from = skip < parts[i].size ? skip : parts[i].size;
        skip -= from;
        if (result == 0)
            result = part_read(&parts[i], from, out, error);
        close(parts[i].fd);
    }
    return result;
}
