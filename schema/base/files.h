/* Small files that are replaced atomically, directories, and lock files.
 *
 * A file is named by a directory's descriptor and a name in it, or by AT_FDCWD and a path. A name in a directory may
 * not be a symbolic link; a path may lead through links. */
#ifndef AQ_SCHEMA_BASE_FILES_H
#define AQ_SCHEMA_BASE_FILES_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- files -------------------------------------------------------------------------------------------- */

/* Replaces or creates the file, with access `mode` less the umask: writes `name`.new, syncs it, renames it, syncs the
 * directory. The file has either its old or its new contents at any time, also after a failure or a loss of power. */
int aq_file_replace(int directory, const char *name, mode_t mode, const void *data, size_t length,
                    struct aq_error *error) AQ_MUST_CHECK;

/* The same without syncing, for files that are useless after a loss of power. */
int aq_file_replace_unsynced(int directory, const char *name, mode_t mode, const void *data, size_t length,
                             struct aq_error *error) AQ_MUST_CHECK;

/* Appends the whole file to `out`. Fails with AQ_E_NOT_FOUND when it is missing, with AQ_E_TOO_LARGE when it has more
 * than `max` bytes. */
int aq_file_read(int directory, const char *name, size_t max, struct aq_buffer *out,
                 struct aq_error *error) AQ_MUST_CHECK;

/* Appends the last `max` bytes of the file to `out`, or all of it if it is shorter. */
int aq_file_read_end(int directory, const char *name, size_t max, struct aq_buffer *out,
                     struct aq_error *error) AQ_MUST_CHECK;

/* Reads the first `size` - 1 bytes as a NUL-terminated text. Returns its length, or -1 with errno and an empty text. */
ssize_t aq_file_read_text(int directory, const char *name, char *text, size_t size);

/* Names this boot of the host, as no other; "" if it cannot be read now. One thread. */
const char *aq_boot_id(void);

/* Writes all bytes, with as many calls of write() as that takes. Returns -1 with errno. */
int aq_file_write_all(int fd, const void *data, size_t length) AQ_MUST_CHECK;

/* A file in memory that is empty and stays so, as the input of a workload. It is not /dev/null of the host: whoever has
 * a descriptor of that, and is its owner or is made that by an OCI runtime, can change its mode for the whole host.
 * Returns a descriptor; -1 with errno. */
int aq_file_empty(void);

/* Opens the file, creating it if it is missing (mode 0600), and locks it with flock(2), exclusively. Returns a
 * descriptor, which holds the lock until it is closed; -1 with `error`, AQ_E_EXISTS if another process holds the lock.
 * Does not wait: a process that was just killed may hold the lock a little longer, so that a daemon that starts tries
 * again for AQ_LOCK_PATIENCE_MS. Works on a read-only file system if the file exists. */
enum { AQ_LOCK_PATIENCE_MS = 2000, AQ_LOCK_AGAIN_MS = 50 };
int aq_file_lock(int directory, const char *name, struct aq_error *error) AQ_MUST_CHECK;

/* ---- directories -------------------------------------------------------------------------------------- */

/* Creates the directory if it is missing. */
int aq_directory_make(int parent, const char *name, mode_t mode, struct aq_error *error) AQ_MUST_CHECK;

/* Creates the directory at `path` with `mode`, and those above it with `above`, where they are missing. */
int aq_directory_make_path(const char *path, mode_t mode, mode_t above, struct aq_error *error) AQ_MUST_CHECK;

/* Creates the directory with mode 0700 if it is missing, and opens it. Returns a descriptor; -1 with `error`. */
int aq_directory_open(int parent, const char *name, struct aq_error *error) AQ_MUST_CHECK;

/* Syncs the names in the directory to disk. `path` may be relative to `parent`. */
int aq_directory_sync(int parent, const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* Calls `entry` for each name in the directory but . and .., until it returns false; it may remove the
 * file it is called for. `type` is a DT_ constant of <dirent.h>. Fails when the directory cannot be read. */
typedef bool aq_directory_entry_fn(void *context, int directory, const char *name, unsigned char type);
int aq_directory_list(int directory, aq_directory_entry_fn *entry, void *context, struct aq_error *error) AQ_MUST_CHECK;

/* ---- scope-bound descriptors -------------------------------------------------------------------------- */

/* AQ_CLEANUP_FD int fd = open(...); closes it, if it is not negative, on every way out of the scope.
 * errno stays. */
#define AQ_CLEANUP_FD AQ_CLEANUP(aq_cleanup_fd)
static inline void aq_cleanup_fd(const int *fd)
{
    int number = errno;
    if (*fd >= 0)
        close(*fd);
    errno = number;
}

/* AQ_CLEANUP_FILE FILE *file = fopen(...); closes it, if it is not NULL. Only for files that are read: errors of
 * fclose() are ignored. */
#define AQ_CLEANUP_FILE AQ_CLEANUP(aq_cleanup_file)
static inline void aq_cleanup_file(FILE *const *file)
{
    int number = errno;
    if (*file != NULL)
        fclose(*file);
    errno = number;
}

#endif
