#include "drivers/libvirt/console.h"

#include "drivers/libvirt/plan.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, CHUNKS_MOST = 16, FILES_MOST = 64, NAME_SIZE = 64, MARK_SIZE = 96 };

static uint64_t log_end(const struct console *console)
{
    return console->log.start + console->log.used;
}

static void write_mark(const struct console *console)
{
    char mark[MARK_SIZE];
    int length = snprintf(mark, sizeof mark, "%20" PRIu64 " %20" PRIu64 " %20" PRIu64 "\n", console->ino,
                          console->copied, log_end(console));
    ssize_t written = pwrite(console->mark, mark, (size_t)length, 0);
    (void)written; /* a full disk: then some of it may be copied twice after a restart */
}

static void read_mark(struct console *console)
{
    char mark[MARK_SIZE] = "";
    uint64_t end;
    ssize_t length = pread(console->mark, mark, sizeof mark - 1, 0);
    if (length > 0 && sscanf(mark, "%" SCNu64 " %" SCNu64 " %" SCNu64, &console->ino, &console->copied, &end) == 3 &&
        log_end(console) > end)
        console->copied += log_end(console) - end;
}

static bool is_ours(const struct console *console, const char *name)
{
    struct stat status;
    return fstatat(console->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_ino == console->ino;
}

/* Number 0 is the newest file, which has no number. */
static void name_file(char name[NAME_SIZE], int number)
{
    snprintf(name, NAME_SIZE, number == 0 ? PLAN_CONSOLE : PLAN_CONSOLE ".%d", number - 1);
}

static int find_file(const struct console *console)
{
    char name[NAME_SIZE];
    for (int number = 0; number < FILES_MOST; number++) {
        name_file(name, number);
        if (is_ours(console, name))
            return number;
    }
    return -1;
}

static bool open_file(struct console *console, int number)
{
    char name[NAME_SIZE];
    struct stat status;
    name_file(name, number);
    int fd = openat(console->directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (console->source >= 0)
        close(console->source);
    if (status.st_ino != console->ino)
        console->copied = 0;
    console->source = fd;
    console->ino = status.st_ino;
    write_mark(console);
    return true;
}

/* The file that comes after the one that has been copied. False: there is none. */
static bool open_next(struct console *console)
{
    int number = console->ino == 0 ? -1 : find_file(console);
    if (number == 0)
        return false;
    return open_file(console, number > 0 ? number - 1 : 0);
}

int console_open(struct console *console, const char *directory, uint64_t log_size, unsigned log_files,
                 struct aq_error *error)
{
    *console = (struct console){.directory = -1, .mark = -1, .source = -1};
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "directory %s", directory);
    if ((mkdirat(fd, PLAN_CONSOLE_DIRECTORY, 0711) != 0 && errno != EEXIST) ||
        (console->mark = openat(fd, "console.mark", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0) {
        aq_fail_errno(error, errno, "directory %s", directory);
        close(fd);
        return -1;
    }
    if (keeper_log_open(&console->log, fd, log_size, log_files, error) != 0) {
        close(console->mark);
        close(fd);
        return -1;
    }
    console->directory = fd;
    read_mark(console);
    int number = console->ino == 0 ? -1 : find_file(console);
    if (number >= 0)
        open_file(console, number);
    return 0;
}

void console_close(struct console *console)
{
    if (console->directory < 0)
        return;
    if (console->source >= 0)
        close(console->source);
    keeper_log_close(&console->log);
    close(console->mark);
    close(console->directory);
    console->directory = -1;
}

/* File systems that cannot do this keep it: virtlogd bounds it there. */
static void give_back(const struct console *console, uint64_t from, uint64_t length)
{
    int ignored = fallocate(console->source, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)length);
    (void)ignored;
}

bool console_copy(struct console *console)
{
    static char bytes[CHUNK]; /* one thread copies */
    if (console->directory < 0)
        return false;
    for (int i = 0; i < CHUNKS_MOST; i++) {
        ssize_t length = console->source >= 0 ? pread(console->source, bytes, sizeof bytes, (off_t)console->copied) : 0;
        if (length <= 0) {
            if (!open_next(console))
                return false;
            continue;
        }
        keeper_log_write(&console->log, bytes, (size_t)length);
        console->copied += (uint64_t)length;
        write_mark(console);
        give_back(console, console->copied - (uint64_t)length, (uint64_t)length);
    }
    return true;
}

void console_say(struct console *console, const char *words)
{
    char line[512];
    if (console->directory < 0)
        return;
    int length = snprintf(line, sizeof line, "%s[aquarium: %.400s]\n", console->log.mid_line ? "\n" : "", words);
    keeper_log_write(&console->log, line, (size_t)length);
    write_mark(console);
}
