#include "schema/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>

enum { CHUNK_SIZE = 16384 };

/* A name in a directory that others can write to must not lead elsewhere. A path was given by an operator. */
static int link_flag(int directory)
{
    return directory == AT_FDCWD ? 0 : O_NOFOLLOW;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

int aq_file_write_all(int fd, const void *data, size_t length)
{
    for (const char *at = data; length > 0;) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = ENOSPC;
        if (written <= 0)
            return -1;
        at += written;
        length -= (size_t)written;
    }
    return 0;
}

int aq_file_empty(void)
{
    const int fd = memfd_create("empty", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    const int number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* Syncs the directory that holds the file `name`. Returns -1 with errno. */
static int sync_holder(int directory, const char *name)
{
    const char *slash = strrchr(name, '/');
    if (slash == NULL && directory != AT_FDCWD)
        return fsync(directory);
    char path[PATH_MAX] = ".";
    if (slash != NULL)
        snprintf(path, sizeof path, "%.*s", slash == name ? 1 : (int)(slash - name), name);
    AQ_CLEANUP_FD int fd = openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fsync(fd) : -1;
}

static int write_new(int directory, const char *name, mode_t mode, const void *data, size_t length, bool durable)
{
    AQ_CLEANUP_FD int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | link_flag(directory), mode);
    if (fd < 0 || aq_file_write_all(fd, data, length) != 0)
        return -1;
    return durable ? fsync(fd) : 0;
}

static int replace(int directory, const char *name, mode_t mode, const void *data, size_t length, bool durable,
                   struct aq_error *error)
{
    char temporary[PATH_MAX];
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", name) >= sizeof temporary)
        return aq_fail_errno(error, ENAMETOOLONG, "cannot write %.100s", name);
    if (write_new(directory, temporary, mode, data, length, durable) == 0 &&
        renameat(directory, temporary, directory, name) == 0 && (!durable || sync_holder(directory, name) == 0))
        return 0;
    aq_fail_errno(error, errno, "cannot write %s", name);
    unlinkat(directory, temporary, 0);
    return -1;
}

int aq_file_replace(int directory, const char *name, mode_t mode, const void *data, size_t length,
                    struct aq_error *error)
{
    return replace(directory, name, mode, data, length, true, error);
}

int aq_file_replace_unsynced(int directory, const char *name, mode_t mode, const void *data, size_t length,
                             struct aq_error *error)
{
    return replace(directory, name, mode, data, length, false, error);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* Reads up to `max` bytes from the current position. Returns -1 with errno. */
static int read_up_to(int fd, size_t max, struct aq_buffer *out)
{
    char chunk[CHUNK_SIZE];
    while (max > 0) {
        ssize_t got = read(fd, chunk, max < sizeof chunk ? max : sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        aq_buffer_add(out, chunk, (size_t)got);
        max -= (size_t)got;
    }
    return 0;
}

static int open_to_read(int directory, const char *name)
{
    return openat(directory, name, O_RDONLY | O_CLOEXEC | link_flag(directory));
}

int aq_file_read(int directory, const char *name, size_t max, struct aq_buffer *out, struct aq_error *error)
{
    size_t before = out->length;
    AQ_CLEANUP_FD int fd = open_to_read(directory, name);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot open %s", name);
    if (read_up_to(fd, max + 1, out) != 0)
        return aq_fail_errno(error, errno, "cannot read %s", name);
    if (out->length - before > max)
        return aq_fail(error, AQ_E_TOO_LARGE, "%s is larger than %zu bytes", name, max);
    return 0;
}

int aq_file_read_end(int directory, const char *name, size_t max, struct aq_buffer *out, struct aq_error *error)
{
    struct stat status;
    AQ_CLEANUP_FD int fd = open_to_read(directory, name);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot open %s", name);
    if (fstat(fd, &status) != 0 ||
        ((uint64_t)status.st_size > max && lseek(fd, status.st_size - (off_t)max, SEEK_SET) < 0) ||
        read_up_to(fd, max, out) != 0)
        return aq_fail_errno(error, errno, "cannot read %s", name);
    return 0;
}

ssize_t aq_file_read_text(int directory, const char *name, char *text, size_t size)
{
    size_t length = 0;
    AQ_CLEANUP_FD int fd = open_to_read(directory, name);
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && length < size - 1) {
        got = read(fd, text + length, size - 1 - length);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    text[got < 0 ? 0 : length] = '\0';
    return got < 0 ? -1 : (ssize_t)length;
}

const char *aq_boot_id(void)
{
    static char boot[40];
    if (boot[0] == '\0')
        aq_file_read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    boot[strcspn(boot, "\n")] = '\0';
    return boot;
}

/* ---- locks -------------------------------------------------------------------------------------------- */

int aq_file_lock(int directory, const char *name, struct aq_error *error)
{
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | link_flag(directory), 0600);
    if (fd < 0 && errno == EROFS) /* a disk that fails becomes read-only; its data can still be salvaged */
        fd = open_to_read(directory, name);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot open %s", name);
    int failed;
    do
        failed = flock(fd, LOCK_EX | LOCK_NB);
    while (failed != 0 && errno == EINTR);
    if (failed == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        aq_fail(error, AQ_E_EXISTS, "another process has locked %s", name);
    else
        aq_fail_errno(error, errno, "cannot lock %s", name);
    close(fd);
    return -1;
}

/* ---- directories -------------------------------------------------------------------------------------- */

int aq_directory_make(int parent, const char *name, mode_t mode, struct aq_error *error)
{
    if (mkdirat(parent, name, mode) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot make directory %s", name);
    return 0;
}

int aq_directory_make_path(const char *path, mode_t mode, mode_t above, struct aq_error *error)
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
        if (aq_directory_make(AT_FDCWD, part, i == length ? mode : above, error) != 0)
            return -1;
    }
    return 0;
}

int aq_directory_open(int parent, const char *name, struct aq_error *error)
{
    if (aq_directory_make(parent, name, 0700, error) != 0)
        return -1;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | link_flag(parent));
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "cannot open directory %s", name);
}

int aq_directory_sync(int parent, const char *path, struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return aq_fail_errno(error, errno, "cannot sync directory %s", path);
    return 0;
}

int aq_directory_list(int directory, aq_directory_entry_fn *entry, void *context, struct aq_error *error)
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
