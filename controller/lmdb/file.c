#include "controller/lmdb/file.h"

#include "controller/lmdb/guard.h"
#include "controller/lmdb/pages.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    PATH_SIZE = 1300,
    DISK_FULL_BYTES = 1 << 20,
    CHECK_MS = 20,
};

/* ---- open and close ----------------------------------------------------------------------------------- */

/* Returns LMDB's code. */
static int open_env(MDB_env *env, const struct lmdb_options *options)
{
    int code = mdb_env_set_maxdbs(env, options->tables_max);
    lmdb_guard_env(env);
    if (code == 0)
        code = mdb_env_set_maxreaders(env, LMDB_READERS_MAX);
    if (code == 0 && options->map_bytes > 0)
        code = mdb_env_set_mapsize(env, options->map_bytes);
    return code == 0 ? mdb_env_open(env, options->directory, MDB_NOTLS | options->flags, 0600) : code;
}

int lmdb_file_open(struct lmdb_file *file, const struct lmdb_options *options, struct aq_error *error)
{
    *file = (struct lmdb_file){.setting = options->setting};
    int code = mdb_env_create(&file->env);
    if (code != 0) {
        file->env = NULL;
        return lmdb_file_fail(file, code, options->directory, error);
    }
    pthread_mutex_init(&file->lock, NULL);
    code = open_env(file->env, options);
    if (code == 0)
        return 0;
    if (code == ENOMEM && options->map_bytes > 0)
        (void)aq_fail(error, AQ_E_NO_SPACE, "%s: this process has no %" PRIu64 " MiB of addresses (%s): set it lower",
                      options->directory, options->map_bytes >> 20, options->setting);
    else
        (void)lmdb_file_fail(file, code, options->directory, error);
    lmdb_file_close(file);
    return -1;
}

void lmdb_file_close(struct lmdb_file *file)
{
    if (file->env == NULL)
        return;
    mdb_env_close(file->env);
    pthread_mutex_destroy(&file->lock);
    file->env = NULL;
}

static bool is_read_only(const struct lmdb_file *file)
{
    unsigned flags = 0;
    mdb_env_get_flags(file->env, &flags);
    return (flags & MDB_RDONLY) != 0;
}

int lmdb_file_open_tables(struct lmdb_file *file, const char *const *names, MDB_dbi *tables, size_t count,
                          struct aq_error *error)
{
    MDB_txn *txn;
    MDB_envinfo info;
    const char *directory = "";
    mdb_env_info(file->env, &info);
    mdb_env_get_path(file->env, &directory);
    bool create = !is_read_only(file) && info.me_last_txnid == 0;
    int code = mdb_txn_begin(file->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    if (code != 0)
        return lmdb_file_fail(file, code, directory, error);
    for (size_t i = 0; code == 0 && i < count; i++)
        code = mdb_dbi_open(txn, names[i], create ? MDB_CREATE : 0, &tables[i]);
    if (code == 0)
        code = mdb_txn_commit(txn); /* keeps the handles */
    else
        mdb_txn_abort(txn);
    return code == 0 ? 0 : lmdb_file_fail(file, code, directory, error);
}

/* ---- a new file --------------------------------------------------------------------------------------- */

static int write_file(const struct lmdb_options *options, const char *directory, const char *const *names, size_t count,
                      struct aq_error *error)
{
    struct lmdb_file file;
    struct lmdb_options here = *options;
    AQ_CLEANUP_MEMORY MDB_dbi *tables = aq_malloc(count * sizeof *tables);
    here.directory = directory;
    if (lmdb_file_open(&file, &here, error) != 0)
        return -1;
    int status = lmdb_file_open_tables(&file, names, tables, count, error);
    lmdb_file_close(&file);
    return status == 0 ? aq_directory_sync(AT_FDCWD, directory, error) : -1;
}

/* In a directory of its own, for its names are LMDB's. A start that came to an end here may have left one. */
static int make_apart(const struct lmdb_options *options, const char *path, const char *const *names, size_t count,
                      struct aq_error *error)
{
    char apart[PATH_SIZE], new[PATH_SIZE], lock[PATH_SIZE];
    snprintf(apart, sizeof apart, "%s/new", options->directory);
    snprintf(new, sizeof new, "%s/new/" LMDB_DATA_FILE, options->directory);
    snprintf(lock, sizeof lock, "%s/new/" LMDB_LOCK_FILE, options->directory);
    if (aq_directory_make(AT_FDCWD, apart, 0700, error) != 0)
        return -1;
    unlink(new);
    int status = write_file(options, apart, names, count, error);
    if (status == 0 && rename(new, path) != 0)
        status = aq_fail_errno(error, errno, "cannot make %s", path);
    unlink(new);
    unlink(lock);
    rmdir(apart);
    return status;
}

int lmdb_file_make(const struct lmdb_options *options, const char *const *names, size_t count, struct aq_error *error)
{
    char path[PATH_SIZE];
    struct stat status;
    snprintf(path, sizeof path, "%s/" LMDB_DATA_FILE, options->directory);
    if (stat(path, &status) != 0 && make_apart(options, path, names, count, error) != 0)
        return -1;
    return aq_directory_sync(AT_FDCWD, options->directory, error); /* an earlier start may have ended before this */
}

/* ---- snapshots ---------------------------------------------------------------------------------------- */

/* Takes the size of the map from the file. */
static void remap(struct lmdb_file *file)
{
    if (mdb_env_set_mapsize(file->env, 0) != 0)
        aq_broken(__FILE__, __LINE__, "no memory for a larger map"); /* LMDB has unmapped the old one */
}

static int begin_read(struct lmdb_file *file, MDB_txn **txn)
{
    int dead, code = mdb_txn_begin(file->env, NULL, MDB_RDONLY, txn);
    if (code == MDB_READERS_FULL && mdb_reader_check(file->env, &dead) == 0 && dead > 0) /* of processes that died */
        code = mdb_txn_begin(file->env, NULL, MDB_RDONLY, txn);
    return code;
}

int lmdb_file_read(struct lmdb_file *file, MDB_txn **txn)
{
    pthread_mutex_lock(&file->lock);
    int code = begin_read(file, txn);
    if (code == MDB_MAP_RESIZED && file->readers == 0) { /* by the process that writes */
        remap(file);
        code = begin_read(file, txn);
    }
    file->readers += code == 0;
    pthread_mutex_unlock(&file->lock);
    return code;
}

void lmdb_file_done(struct lmdb_file *file)
{
    pthread_mutex_lock(&file->lock);
    aq_assert(file->readers > 0);
    file->readers--;
    pthread_mutex_unlock(&file->lock);
}

/* A snapshot keeps its pages from being reused, and those of newer snapshots too. So the newest snapshot can be checked
 * while others write, except the two meta pages: reading them may catch a write in progress, so a failure is checked
 * once more. */
int lmdb_file_check(struct lmdb_file *file, struct aq_error *error)
{
    MDB_txn *txn;
    const char *directory;
    struct aq_error torn = {0};
    int code = lmdb_file_read(file, &txn);
    if (code != 0)
        return lmdb_file_fail(file, code, "beginning a snapshot", error);
    mdb_env_get_path(file->env, &directory);
    int status = lmdb_pages_check(directory, LMDB_PAGES_ALL, &torn) == 0
                     ? 0
                     : lmdb_pages_check(directory, LMDB_PAGES_ALL, error);
    mdb_txn_abort(txn);
    lmdb_file_done(file);
    return status;
}

/* ---- errors ------------------------------------------------------------------------------------------- */

/* LMDB reports a short write as EIO. On a full disk that is ENOSPC. */
static bool disk_is_full(const struct lmdb_file *file)
{
    struct statvfs status;
    mdb_filehandle_t fd;
    return file->env != NULL && mdb_env_get_fd(file->env, &fd) == 0 && fstatvfs(fd, &status) == 0 &&
           (uint64_t)status.f_bavail * status.f_frsize < DISK_FULL_BYTES;
}

int lmdb_file_fail(const struct lmdb_file *file, int code, const char *what, struct aq_error *error)
{
    if (code == EIO && disk_is_full(file))
        code = ENOSPC;
    switch (code) {
    case MDB_MAP_FULL:
        return aq_fail(error, AQ_E_NO_SPACE, "%s: the limit %s is reached", what, file->setting);
    case MDB_MAP_RESIZED:
        return aq_fail(error, AQ_E_BUSY, "%s: the file has grown, and older snapshots are still open", what);
    case MDB_NOTFOUND: /* of mdb_dbi_open() */
        return aq_fail(error, AQ_E_CORRUPT, "%s: " LMDB_DATA_FILE " is damaged: one of its tables is missing", what);
    case MDB_CORRUPTED:
    case MDB_INCOMPATIBLE:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_BAD_TXN:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
        return aq_fail(error, AQ_E_CORRUPT, "%s: " LMDB_DATA_FILE " is damaged: %s (aq log verify names the place)",
                       what, mdb_strerror(code));
    case MDB_READERS_FULL:
        return aq_fail(error, AQ_E_BUSY, "%s: all %d reader slots are taken", what, LMDB_READERS_MAX);
    case ENOSPC:
    case EDQUOT:
        return aq_fail(error, AQ_E_NO_SPACE, "%s: the disk is full", what);
    default:
        return aq_fail(error, AQ_E_IO, "%s: %s", what, mdb_strerror(code));
    }
}

/* ---- files that another process replaces -------------------------------------------------------------- */

bool lmdb_check_due(uint64_t *checked_ms)
{
    uint64_t now_ms = aq_clock_coarse_ms();
    if (now_ms < *checked_ms + CHECK_MS)
        return false;
    *checked_ms = now_ms;
    return true;
}

bool lmdb_file_is_replaced(const struct lmdb_file *file, const char *directory)
{
    char path[PATH_SIZE];
    mdb_filehandle_t fd;
    struct stat there, ours;
    snprintf(path, sizeof path, "%s/" LMDB_DATA_FILE, directory);
    return stat(path, &there) == 0 && mdb_env_get_fd(file->env, &fd) == 0 && fstat(fd, &ours) == 0 &&
           (there.st_ino != ours.st_ino || there.st_dev != ours.st_dev);
}
