#include "controller/lmdb/map.h"

#include "controller/lmdb/pages.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <time.h>

enum {
    GROW_TIMES = 2,
    EARLY_PART = 4,    /* with less than this part left, it grows if nobody reads */
    LATE_PART = 8,     /* with less than this, whoever reads is waited for */
    WAIT_LATE_MS = 20, /* and so long */
    WAIT_FULL_MS = 1000,
    DISK_FULL_BYTES = 1 << 20,
};

void store_map_init(struct store_map *map, MDB_env *env, uint64_t most_bytes)
{
    *map = (struct store_map){.env = env, .most = most_bytes};
    pthread_mutex_init(&map->lock, NULL);
    pthread_condattr_t monotonic; /* a clock that is set back must not shut the readers out for longer */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&map->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void store_map_destroy(struct store_map *map)
{
    pthread_mutex_destroy(&map->lock);
    pthread_cond_destroy(&map->changed);
}

/* With the lock: waits until nobody reads and nobody can begin to. The caller ends it with let_in(). */
static bool shut_out(struct store_map *map, unsigned wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (until.tv_nsec / 1000000 + wait_ms) / 1000;
    until.tv_nsec = (until.tv_nsec / 1000000 + wait_ms) % 1000 * 1000000;
    map->growing = true;
    while (map->readers > 0 && wait_ms > 0)
        if (pthread_cond_timedwait(&map->changed, &map->lock, &until) == ETIMEDOUT)
            break;
    return map->readers == 0;
}

static void let_in(struct store_map *map)
{
    map->growing = false;
    pthread_cond_broadcast(&map->changed);
}

static void resize(struct store_map *map, uint64_t bytes)
{
    if (mdb_env_set_mapsize(map->env, bytes) != 0)
        aq_broken(__FILE__, __LINE__, "no memory for a larger map"); /* the old one is gone by now */
}

int store_map_read(struct store_map *map, MDB_txn **txn)
{
    pthread_mutex_lock(&map->lock);
    while (map->growing)
        pthread_cond_wait(&map->changed, &map->lock);
    int code = mdb_txn_begin(map->env, NULL, MDB_RDONLY, txn);
    if (code == MDB_MAP_RESIZED) { /* by the process that writes */
        if (shut_out(map, WAIT_FULL_MS)) {
            resize(map, 0);
            code = mdb_txn_begin(map->env, NULL, MDB_RDONLY, txn);
        }
        let_in(map);
    }
    map->readers += code == 0;
    pthread_mutex_unlock(&map->lock);
    return code;
}

void store_map_done(struct store_map *map)
{
    pthread_mutex_lock(&map->lock);
    aq_assert(map->readers > 0);
    if (--map->readers == 0 && map->growing)
        pthread_cond_broadcast(&map->changed);
    pthread_mutex_unlock(&map->lock);
}

bool store_map_grow(struct store_map *map, bool full)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(map->env, &info);
    mdb_env_stat(map->env, &stat);
    uint64_t size = info.me_mapsize, used = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
    uint64_t left = size > used ? size - used : 0;
    if (size >= map->most || (!full && left >= size / EARLY_PART))
        return false;
    unsigned wait_ms = full ? WAIT_FULL_MS : left < size / LATE_PART ? WAIT_LATE_MS : 0;
    pthread_mutex_lock(&map->lock);
    while (map->growing)
        pthread_cond_wait(&map->changed, &map->lock);
    bool grown = shut_out(map, wait_ms);
    if (grown)
        resize(map, size * GROW_TIMES < map->most ? size * GROW_TIMES : map->most);
    let_in(map);
    pthread_mutex_unlock(&map->lock);
    return grown;
}

/* A snapshot keeps pages from being used again, those of newer snapshots too. So what is read of the newest stays as it
 * is, but for the two meta pages, which may be written while they are read. */
int store_map_check(struct store_map *map, struct aq_error *error)
{
    MDB_txn *txn;
    const char *directory;
    struct aq_error torn = {0};
    int code = store_map_read(map, &txn);
    if (code != 0)
        return aq_fail(error, AQ_E_IO, "beginning a snapshot: %s", mdb_strerror(code));
    mdb_env_get_path(map->env, &directory);
    int status = pages_check(directory, PAGES_ALL, &torn) == 0 ? 0 : pages_check(directory, PAGES_ALL, error);
    mdb_txn_abort(txn);
    store_map_done(map);
    return status;
}

int store_map_write_code(const struct store_map *map, int code)
{
    struct statvfs status;
    mdb_filehandle_t file;
    if (code != EIO || mdb_env_get_fd(map->env, &file) != 0 || fstatvfs(file, &status) != 0)
        return code;
    return (uint64_t)status.f_bavail * status.f_frsize < DISK_FULL_BYTES ? ENOSPC : code;
}
