#include "agent/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        data += written;
        length -= (size_t)written;
    }
    return 0;
}

int files_write(int directory, const char *name, const void *data, size_t length, struct aq_error *error)
{
    char temporary[NAME_SIZE];
    snprintf(temporary, sizeof temporary, "%s.new", name);
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot make %s", temporary);
    bool good = write_all(fd, data, length) == 0 && fsync(fd) == 0;
    int number = errno;
    close(fd);
    if (good && renameat(directory, temporary, directory, name) == 0 && fsync(directory) == 0)
        return 0;
    number = good ? errno : number;
    unlinkat(directory, temporary, 0);
    return aq_fail_errno(error, number, "cannot write %s", name);
}

static int read_all(int fd, size_t max, struct aq_buffer *out)
{
    char chunk[16384];
    for (size_t left = max; left > 0;) {
        ssize_t got = read(fd, chunk, left < sizeof chunk ? left : sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        aq_buffer_add(out, chunk, (size_t)got);
        left -= (size_t)got;
    }
    return 0;
}

int files_read(int directory, const char *name, size_t max, bool newest, struct aq_buffer *out, struct aq_error *error)
{
    struct stat status;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot open %s", name);
    bool good = fstat(fd, &status) == 0;
    bool larger = good && (uint64_t)status.st_size > max;
    if (good && larger && newest)
        good = lseek(fd, status.st_size - (off_t)max, SEEK_SET) >= 0;
    good = good && read_all(fd, max, out) == 0;
    int number = errno;
    close(fd);
    if (!good)
        return aq_fail_errno(error, number, "cannot read %s", name);
    if (larger && !newest)
        return aq_fail(error, AQ_E_CORRUPT, "%s is larger than %zu bytes", name, max);
    return 0;
}

int files_make_path(const char *path, struct aq_error *error)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return aq_fail(error, AQ_E_INVALID, "the directory's name has %zu bytes; must have 1 to %zu", length,
                       sizeof part - 1);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return aq_fail_errno(error, errno, "cannot make directory %s", part);
    }
    return 0;
}

int files_open_directory(int parent, const char *name, struct aq_error *error)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot make directory %s", name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "cannot open directory %s", name);
}

int files_list(int directory, files_entry_fn *entry, void *context, struct aq_error *error)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    if (list == NULL) {
        aq_fail_errno(error, errno, "cannot read a directory");
        if (copy >= 0)
            close(copy);
        return -1;
    }
    for (struct dirent *item; (item = readdir(list)) != NULL;) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        if (!entry(context, directory, item->d_name, item->d_type))
            break;
    }
    closedir(list);
    return 0;
}

bool files_number(const char *name, uint64_t *number)
{
    char *end;
    if (name[0] < '1' || name[0] > '9')
        return false;
    errno = 0;
    *number = strtoull(name, &end, 10);
    return *end == '\0' && errno == 0;
}
