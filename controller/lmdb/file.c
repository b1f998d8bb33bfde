#include "controller/lmdb/file.h"

#include "controller/lmdb/guard.h"
#include "controller/lmdb/pages.h"
#include "schema/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    PATH_SIZE = 1300,
    GROW_TIMES = 2,
    EARLY_PART = 4,    /* with less than this part left, the map grows if there are no readers */
    LATE_PART = 8,     /* with less than this part left, it waits for readers */
    WAIT_LATE_MS = 20, /* for this long */
    WAIT_FULL_MS = 1000,
    DISK_FULL_BYTES = 1 << 20,
    CHECK_MS = 20,
};

/* ---- open and close ----------------------------------------------------------------------------------- */

static void init_lock(struct lmdb_file *file)
{
    pthread_condattr_t monotonic; /* setting the clock back must not make readers wait longer */
    pthread_mutex_init(&file->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&file->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* Returns LMDB's code. */
static int open_env(MDB_env *env, const struct lmdb_options *options)
{
    int code = mdb_env_set_maxdbs(env, options->tables_max);
    lmdb_guard_env(env);
    if (code == 0)
        code = mdb_env_set_maxreaders(env, LMDB_READERS_MAX);
    if (code == 0 && options->most_bytes > 0)
        code = mdb_env_set_mapsize(env, options->most_bytes < options->first_bytes ? options->most_bytes
                                                                                   : options->first_bytes);
    return code == 0 ? mdb_env_open(env, options->directory, MDB_NOTLS | options->flags, 0600) : code;
}

int lmdb_file_open(struct lmdb_file *file, const struct lmdb_options *options, struct aq_error *error)
{
    *file = (struct lmdb_file){.setting = options->setting, .most_bytes = options->most_bytes};
    int code = mdb_env_create(&file->env);
    if (code != 0) {
        file->env = NULL;
        return lmdb_file_fail(file, code, options->directory, error);
    }
    init_lock(file);
    code = open_env(file->env, options);
    if (code != 0) {
        (void)lmdb_file_fail(file, code, options->directory, error);
        lmdb_file_close(file);
        return -1;
    }
    while (lmdb_file_grow(file, false))
        ;
    return 0;
}

void lmdb_file_close(struct lmdb_file *file)
{
    if (file->env == NULL)
        return;
    mdb_env_close(file->env);
    pthread_mutex_destroy(&file->lock);
    pthread_cond_destroy(&file->changed);
    file->env = NULL;
}

int lmdb_file_open_tables(struct lmdb_file *file, const char *const *names, MDB_dbi *tables, size_t count,
                          struct aq_error *error)
{
    MDB_txn *txn;
    MDB_envinfo info;
    const char *directory = "";
    mdb_env_info(file->env, &info);
    mdb_env_get_path(file->env, &directory);
    bool create = file->most_bytes > 0 && info.me_last_txnid == 0;
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

/* ---- snapshots, and growth between them --------------------------------------------------------------- */

/* Called with the lock: lets no snapshot begin until let_in(), and waits until none is open. False: some still are. */
static bool shut_out(struct lmdb_file *file, unsigned wait_ms)
{
    const struct timespec until = aq_clock_deadline(wait_ms);
    file->growing = true;
    while (file->readers > 0 && wait_ms > 0)
        if (pthread_cond_timedwait(&file->changed, &file->lock, &until) == ETIMEDOUT)
            break;
    return file->readers == 0;
}

static void let_in(struct lmdb_file *file)
{
    file->growing = false;
    pthread_cond_broadcast(&file->changed);
}

static void resize(struct lmdb_file *file, uint64_t bytes)
{
    if (mdb_env_set_mapsize(file->env, bytes) != 0)
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
    while (file->growing)
        pthread_cond_wait(&file->changed, &file->lock);
    int code = begin_read(file, txn);
    if (code == MDB_MAP_RESIZED) { /* by the process that writes */
        if (shut_out(file, WAIT_FULL_MS)) {
            resize(file, 0);
            code = begin_read(file, txn);
        }
        let_in(file);
    }
    file->readers += code == 0;
    pthread_mutex_unlock(&file->lock);
    return code;
}

void lmdb_file_done(struct lmdb_file *file)
{
    pthread_mutex_lock(&file->lock);
    aq_assert(file->readers > 0);
    if (--file->readers == 0 && file->growing)
        pthread_cond_broadcast(&file->changed);
    pthread_mutex_unlock(&file->lock);
}

bool lmdb_file_grow(struct lmdb_file *file, bool full)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(file->env, &info);
    mdb_env_stat(file->env, &stat);
    uint64_t size = info.me_mapsize, used = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
    uint64_t left = size > used ? size - used : 0;
    if (size >= file->most_bytes || (!full && left >= size / EARLY_PART))
        return false;
    unsigned wait_ms = full ? WAIT_FULL_MS : left < size / LATE_PART ? WAIT_LATE_MS : 0;
    pthread_mutex_lock(&file->lock);
    while (file->growing)
        pthread_cond_wait(&file->changed, &file->lock);
    bool grown = shut_out(file, wait_ms);
    if (grown)
        resize(file, size * GROW_TIMES < file->most_bytes ? size * GROW_TIMES : file->most_bytes);
    let_in(file);
    pthread_mutex_unlock(&file->lock);
    return grown;
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
