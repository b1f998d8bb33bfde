#include "controller/state/live.h"

#include "controller/state/boot.h"
#include "controller/state/store.h"
#include "schema/pack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIVE_MAP_BYTES = 256 << 20 };

struct live {
    MDB_env *env;
    MDB_dbi nodes;
};

static int open_env(struct live *live, const char *path, bool write)
{
    MDB_txn *txn;
    int code = mdb_env_create(&live->env);
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

/* What the machine's end may have spoiled is not opened; nobody reads it then. */
static int make_room(const char *path, struct aq_error *error)
{
    char boot[BOOT_SIZE], file[1300];
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot make directory %s", path);
    if (boot_read(boot, error) != 0)
        return -1;
    if (boot_is_whole(path, boot))
        return 0;
    snprintf(file, sizeof file, "%s/data.mdb", path);
    if (unlink(file) != 0 && errno != ENOENT)
        return aq_fail_errno(error, errno, "cannot remove %s", file);
    return boot_mark(path, boot, error);
}

int live_open(struct live **out, const char *directory, enum state_mode mode, struct aq_error *error)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/live", directory);
    if (mode == STATE_WRITE && make_room(path, error) != 0)
        return -1;
    struct live *live = aq_calloc(1, sizeof *live);
    int code = open_env(live, path, mode == STATE_WRITE);
    if (code == 0) {
        *out = live;
        return 0;
    }
    live_close(live);
    return store_fail(error, code, path);
}

void live_close(struct live *live)
{
    if (live == NULL)
        return;
    mdb_env_close(live->env);
    free(live);
}

bool live_node(struct live *live, const char *name, struct aq_node_live *out)
{
    MDB_txn *txn;
    MDB_val key = {strlen(name), (void *)name}, value;
    if (key.mv_size == 0 || key.mv_size > 64 || mdb_txn_begin(live->env, NULL, MDB_RDONLY, &txn) != 0)
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
