#include "controller/lmdb/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 1300 };

/* The first line of a file; empty if there is none. */
static void read_line(const char *path, char line[BOOT_SIZE])
{
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(line, 1, BOOT_SIZE - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

int boot_read(char boot[BOOT_SIZE], struct aq_error *error)
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    read_line(path, boot);
    return boot[0] != '\0' ? 0 : aq_fail(error, AQ_E_IO, "cannot read %s", path);
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -1 : fsync(fd), number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return failed;
}

int boot_mark(const char *directory, const char *mark, struct aq_error *error)
{
    char path[PATH_SIZE], next[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" BOOT_FILE, directory);
    snprintf(next, sizeof next, "%s/" BOOT_FILE ".next", directory);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot make %s", next);
    ssize_t length = (ssize_t)strlen(mark);
    errno = ENOSPC;
    bool written = write(fd, mark, (size_t)length) == length && fsync(fd) == 0;
    int number = errno;
    close(fd);
    errno = number;
    if (!written || rename(next, path) != 0 || sync_directory(directory) != 0)
        return aq_fail_errno(error, errno, "cannot write %s", path);
    return 0;
}

bool boot_is_whole(const char *directory, const char *boot)
{
    char path[PATH_SIZE], mark[BOOT_SIZE];
    snprintf(path, sizeof path, "%s/" BOOT_FILE, directory);
    read_line(path, mark);
    return strcmp(mark, BOOT_CLOSED) == 0 || strcmp(mark, boot) == 0;
}
