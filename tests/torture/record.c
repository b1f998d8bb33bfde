#include "tests/torture/record.h"

#include "schema/base/compiler.h"
#include "schema/base/memory.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 64, LINK_SIZE = 512 };

static struct {
    pthread_mutex_t lock;
    atomic_bool on;
    char root[LINK_SIZE];
    struct record record;
    struct {
        char path[RECORD_PATH_SIZE]; /* its present name; "": none */
    } files[FILES_MAX];
    unsigned syncs;
} recording = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the record --------------------------------------------------------------------------------------- */

static struct record_call *add_call(enum record_kind kind, const char *path)
{
    struct record *record = &recording.record;
    AQ_GROW(record->calls, record->count, record->capacity);
    struct record_call *call = &record->calls[record->count++];
    *call = (struct record_call){.kind = kind};
    snprintf(call->path, sizeof call->path, "%s", path);
    return call;
}

void record_begin(const char *root)
{
    pthread_mutex_lock(&recording.lock);
    snprintf(recording.root, sizeof recording.root, "%s", root);
    recording.record = (struct record){0};
    recording.syncs = 0;
    atomic_store(&recording.on, true);
    pthread_mutex_unlock(&recording.lock);
}

void record_mark(uint64_t mark)
{
    pthread_mutex_lock(&recording.lock);
    add_call(RECORD_MARK, "")->mark = mark;
    pthread_mutex_unlock(&recording.lock);
}

unsigned record_syncs(void)
{
    pthread_mutex_lock(&recording.lock);
    unsigned syncs = recording.syncs;
    pthread_mutex_unlock(&recording.lock);
    return syncs;
}

struct record record_end(void)
{
    pthread_mutex_lock(&recording.lock);
    atomic_store(&recording.on, false);
    struct record record = recording.record;
    recording.record = (struct record){0};
    pthread_mutex_unlock(&recording.lock);
    return record;
}

void record_free(struct record *record)
{
    for (size_t i = 0; i < record->count; i++)
        free(record->calls[i].bytes);
    free(record->calls);
    *record = (struct record){0};
}

/* ---- names -------------------------------------------------------------------------------------------- */

static bool path_of_fd(int fd, char path[LINK_SIZE])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, LINK_SIZE - 1);
    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* The part of a path below the root; NULL: it is elsewhere, or a lock. */
static const char *below_root(const char *path)
{
    size_t length = strlen(recording.root);
    if (strncmp(path, recording.root, length) != 0 || (path[length] != '/' && path[length] != '\0') ||
        strstr(path + length, "lock") != NULL)
        return NULL;
    aq_assert(strlen(path + length) < RECORD_PATH_SIZE);
    return path + length;
}

/* The whole path of a name in a directory. */
static void join(int directory, const char *name, char path[LINK_SIZE])
{
    char before[LINK_SIZE] = "";
    if (name[0] != '/' && directory == AT_FDCWD)
        aq_assert(getcwd(before, sizeof before) != NULL);
    else if (name[0] != '/')
        aq_assert(path_of_fd(directory, before));
    aq_assert(strlen(before) + strlen(name) + 2 <= LINK_SIZE);
    strcpy(path, before);
    if (before[0] != '\0')
        strcat(path, "/");
    strcat(path, name);
}

static unsigned find_file(const char *below)
{
    unsigned i = 0;
    while (i < recording.record.files && strcmp(recording.files[i].path, below) != 0)
        i++;
    return i;
}

/* Notes a call of a file. */
static struct record_call *add_file_call(enum record_kind kind, const char *below)
{
    unsigned file = find_file(below);
    if (file == recording.record.files) {
        aq_assert(file < FILES_MAX);
        recording.record.files++;
        snprintf(recording.files[file].path, RECORD_PATH_SIZE, "%s", below);
        add_call(RECORD_FILE, below)->file = file;
    }
    struct record_call *call = add_call(kind, "");
    call->file = file;
    return call;
}

static void note_write(int fd, const void *bytes, size_t length, off_t offset)
{
    char path[LINK_SIZE];
    pthread_mutex_lock(&recording.lock);
    const char *below = path_of_fd(fd, path) ? below_root(path) : NULL;
    if (below != NULL && length > 0) {
        struct record_call *call = add_file_call(RECORD_WRITE, below);
        call->durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
        call->offset = offset;
        call->length = length;
        call->bytes = aq_malloc(length);
        memcpy(call->bytes, bytes, length);
    }
    pthread_mutex_unlock(&recording.lock);
}

static void note_sync(int fd)
{
    char path[LINK_SIZE];
    struct stat status;
    pthread_mutex_lock(&recording.lock);
    const char *below = path_of_fd(fd, path) ? below_root(path) : NULL;
    if (below != NULL && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        add_call(RECORD_NAMES, below);
    } else if (below != NULL) {
        add_file_call(RECORD_SYNC, below);
        recording.syncs++;
    }
    pthread_mutex_unlock(&recording.lock);
}

static void note_name(enum record_kind kind, int directory, const char *name, const char *to)
{
    char path[LINK_SIZE], other[LINK_SIZE];
    pthread_mutex_lock(&recording.lock);
    join(directory, name, path);
    const char *below = below_root(path);
    if (below != NULL) {
        unsigned file = find_file(below), replaced;
        struct record_call *call = add_call(kind, below);
        if (kind == RECORD_MOVE) {
            join(directory, to, other);
            to = below_root(other);
            aq_assert(to != NULL && (replaced = find_file(to)) <= recording.record.files);
            if (replaced < recording.record.files)
                recording.files[replaced].path[0] = '\0';
        }
        snprintf(call->to, sizeof call->to, "%s", to != NULL ? to : "");
        if (file < recording.record.files)
            snprintf(recording.files[file].path, RECORD_PATH_SIZE, "%s", call->to);
    }
    pthread_mutex_unlock(&recording.lock);
}

/* ---- what replaces libc's functions ------------------------------------------------------------------- */

#define NEXT(name)                                                                                                     \
    static __typeof__(&name) next;                                                                                     \
    if (next == NULL)                                                                                                  \
        *(void **)&next = dlsym(RTLD_NEXT, #name);

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    NEXT(pwrite)
    ssize_t written = next(fd, bytes, length, offset);
    if (written > 0 && atomic_load(&recording.on))
        note_write(fd, bytes, (size_t)written, offset);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    NEXT(write)
    off_t offset = atomic_load(&recording.on) ? lseek(fd, 0, SEEK_CUR) : -1;
    ssize_t written = next(fd, bytes, length);
    if (written > 0 && offset >= 0)
        note_write(fd, bytes, (size_t)written, offset);
    return written;
}

/* LMDB seeks, then writes. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    NEXT(writev)
    off_t offset = atomic_load(&recording.on) ? lseek(fd, 0, SEEK_CUR) : -1;
    ssize_t written = next(fd, parts, count), left = written;
    for (int i = 0; i < count && left > 0 && offset >= 0; i++) {
        size_t length = parts[i].iov_len < (size_t)left ? parts[i].iov_len : (size_t)left;
        note_write(fd, parts[i].iov_base, length, offset);
        offset += (off_t)length;
        left -= (ssize_t)length;
    }
    return written;
}

int fdatasync(int fd)
{
    NEXT(fdatasync)
    int status = next(fd);
    if (status == 0 && atomic_load(&recording.on))
        note_sync(fd);
    return status;
}

int fsync(int fd)
{
    NEXT(fsync)
    int status = next(fd);
    if (status == 0 && atomic_load(&recording.on))
        note_sync(fd);
    return status;
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    NEXT(mkdirat)
    int status = next(directory, name, mode);
    if (status == 0 && atomic_load(&recording.on))
        note_name(RECORD_DIRECTORY, directory, name, NULL);
    return status;
}

int symlink(const char *target, const char *path)
{
    NEXT(symlink)
    int status = next(target, path);
    if (status == 0 && atomic_load(&recording.on))
        note_name(RECORD_LINK, AT_FDCWD, path, target);
    return status;
}

int rename(const char *from, const char *to)
{
    NEXT(rename)
    int status = next(from, to);
    if (status == 0 && atomic_load(&recording.on))
        note_name(RECORD_MOVE, AT_FDCWD, from, to);
    return status;
}

int renameat(int directory, const char *from, int to_directory, const char *to)
{
    NEXT(renameat)
    int status = next(directory, from, to_directory, to);
    aq_assert(directory == to_directory);
    if (status == 0 && atomic_load(&recording.on))
        note_name(RECORD_MOVE, directory, from, to);
    return status;
}

int unlink(const char *path)
{
    NEXT(unlink)
    int status = next(path);
    if (status == 0 && atomic_load(&recording.on))
        note_name(RECORD_GONE, AT_FDCWD, path, NULL);
    return status;
}

int unlinkat(int directory, const char *name, int flags)
{
    NEXT(unlinkat)
    int status = next(directory, name, flags);
    if (status == 0 && atomic_load(&recording.on))
        note_name(RECORD_GONE, directory, name, NULL);
    return status;
}

int rmdir(const char *path)
{
    NEXT(rmdir)
    int status = next(path);
    if (status == 0 && atomic_load(&recording.on))
        note_name(RECORD_GONE, AT_FDCWD, path, NULL);
    return status;
}
