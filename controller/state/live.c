#include "controller/state/live.h"

#include "controller/lmdb/boot.h"
#include "controller/lmdb/guard.h"
#include "controller/lmdb/pages.h"
#include "controller/state/store.h"
#include "schema/codec/pack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIVE_MAP_BYTES = 256 << 20 };

struct live {
    MDB_env *env; /* NULL: a reader could not follow to a new one yet */
    MDB_dbi nodes;
    enum state_mode mode;
    uint64_t looked_ms;
    char path[1200];
};

static int open_env(struct live *live)
{
    const char *path = live->path;
    bool write = live->mode == STATE_WRITE;
    MDB_txn *txn;
    int code = mdb_env_create(&live->env);
    if (code == 0)
        guard_environment(live->env);
    if (code == 0 && write)
        code = mdb_env_set_mapsize(live->env, LIVE_MAP_BYTES);
    if (code == 0)
        code = mdb_env_set_maxdbs(live->env, 2);
    if (code == 0)
        code = mdb_env_set_maxreaders(live->env, STORE_READERS_MAX);
    if (code == 0)
        code = mdb_env_open(live->env, path, MDB_NOTLS | (write ? MDB_NOSYNC : MDB_RDONLY), 0600);
    if (code == 0)
        code = mdb_txn_begin(live->env, NULL, write ? 0 : MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = mdb_dbi_open(txn, "nodes", write ? MDB_CREATE : 0, &live->nodes);
    if (code == 0 && write)
        code = mdb_drop(txn, live->nodes, 0); /* what an earlier process heard is not true now */
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn);
}

/* What the machine's end may have spoiled is not opened, and what was found damaged neither. */
static int can_open(const char *path, const char *boot, struct aq_error *why)
{
    if (!boot_is_whole(path, boot))
        return aq_fail(why, AQ_E_BUSY,
                       "the heartbeats at %s may be spoiled: the controller has not made them anew since "
                       "the machine started",
                       path);
    return guard_check(path, why);
}

/* The lock goes with the file: a reader may have both open. */
static int make_room(const char *path, const char *boot, struct aq_error *error)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char file[1300];
    struct aq_error why = {0};
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot make directory %s", path);
    if (can_open(path, boot, &why) == 0 && pages_check(path, PAGES_AT_START, &why) == 0)
        return 0;
    for (size_t i = 0; i < AQ_LENGTH(files); i++) {
        snprintf(file, sizeof file, "%s/%s", path, files[i]);
        if (unlink(file) != 0 && errno != ENOENT)
            return aq_fail_errno(error, errno, "cannot remove %s", file);
    }
    guard_forget(path);
    return boot_mark(path, boot, error);
}

int live_open(struct live **out, const char *directory, enum state_mode mode, struct aq_error *error)
{
    struct live *live = aq_calloc(1, sizeof *live);
    live->mode = mode;
    snprintf(live->path, sizeof live->path, "%s/live", directory);
    char boot[BOOT_SIZE];
    if (boot_read(boot, error) != 0 ||
        (mode == STATE_WRITE ? make_room(live->path, boot, error) : can_open(live->path, boot, error)) != 0) {
        live_close(live);
        return -1;
    }
    int code = open_env(live);
    if (code == 0) {
        *out = live;
        return 0;
    }
    (void)store_fail(error, code, live->path);
    live_close(live);
    return -1;
}

static void close_env(struct live *live)
{
    if (live->env != NULL)
        mdb_env_close(live->env);
    live->env = NULL;
}

void live_close(struct live *live)
{
    if (live == NULL)
        return;
    close_env(live);
    free(live);
}

/* A reader goes over to the file that the controller has made anew. */
static void follow(struct live *live)
{
    if (live->mode != STATE_READ || !store_time_to_look(&live->looked_ms))
        return;
    if (live->env != NULL && !store_is_other(live->env, live->path))
        return;
    close_env(live);
    char boot[BOOT_SIZE];
    struct aq_error not_yet;
    if (boot_read(boot, &not_yet) != 0 || can_open(live->path, boot, &not_yet) != 0 || open_env(live) != 0)
        close_env(live); /* tried again */
}

bool live_node(struct live *live, const char *name, struct aq_node_live *out)
{
    MDB_txn *txn;
    MDB_val key = {strlen(name), (void *)name}, value;
    follow(live);
    if (live->env == NULL || key.mv_size == 0 || key.mv_size > 64 ||
        mdb_txn_begin(live->env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    bool found = mdb_get(txn, live->nodes, &key, &value) == 0;
    if (found) {
        struct aq_arena arena = {0};
        struct aq_error error = {0};
        found = aq_record_unpack(&aq_node_live_record, out, value.mv_data, value.mv_size, false, &arena, &error) == 0;
        aq_arena_free(&arena);
    }
    mdb_txn_abort(txn);
    return found;
}

int live_put(struct live *live, const char *const *names, const struct aq_node_live *rows, size_t count,
             struct aq_error *error)
{
    MDB_txn *txn;
    struct aq_buffer packed = {0};
    int code = mdb_txn_begin(live->env, NULL, 0, &txn);
    if (code != 0)
        return store_fail(error, code, "writing what is live");
    for (size_t i = 0; code == 0 && i < count; i++) {
        aq_buffer_reset(&packed);
        aq_record_pack(&aq_node_live_record, &rows[i], &packed);
        MDB_val key = {strlen(names[i]), (void *)names[i]}, value = {packed.length, packed.data};
        code = mdb_put(txn, live->nodes, &key, &value, 0);
    }
    aq_buffer_free(&packed);
    if (code != 0) {
        mdb_txn_abort(txn);
        return store_fail(error, code, "writing what is live");
    }
    code = mdb_txn_commit(txn);
    return code == 0 ? 0 : store_fail(error, code, "writing what is live");
}
