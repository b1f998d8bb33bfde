#include "controller/state/live.h"

#include "controller/lmdb/file.h"
#include "controller/lmdb/marks.h"
#include "controller/lmdb/pages.h"
#include "schema/base/files.h"
#include "schema/codec/pack.h"

#include <stdlib.h>
#include <string.h>

enum { LIVE_MAP_BYTES = 256 << 20, LIVE_TOKENS_MAX = 65536 };

enum { LIVE_NODES, LIVE_LOGS, LIVE_TOKENS, LIVE_USAGES, LIVE_TABLES };
static const char *const table_names[LIVE_TABLES] = {
    [LIVE_NODES] = "nodes", [LIVE_LOGS] = "logs", [LIVE_TOKENS] = "tokens", [LIVE_USAGES] = "usages"};

static const char writing[] = "writing heartbeats";

struct live {
    struct lmdb_file file; /* closed when a reader could not open a new file yet */
    MDB_dbi table[LIVE_TABLES];
    enum state_mode mode;
    uint64_t checked_ms;
    char path[1200];
};

/* ---- open and close ----------------------------------------------------------------------------------- */

/* Returns LMDB's code. */
static int open_tables(struct live *live, bool write)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(live->file.env, NULL, write ? 0 : MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    for (size_t i = 0; code == 0 && i < LIVE_TABLES; i++) {
        code = mdb_dbi_open(txn, table_names[i], write ? MDB_CREATE : 0, &live->table[i]);
        if (code == 0 && write) /* what an earlier process heard is not true now */
            code = mdb_drop(txn, live->table[i], 0);
    }
    if (code == 0)
        return mdb_txn_commit(txn); /* keeps the handle */
    mdb_txn_abort(txn);
    return code;
}

static int open_file(struct live *live, struct aq_error *error)
{
    bool write = live->mode == STATE_WRITE;
    struct lmdb_options options = {
        .directory = live->path,
        .setting = "on the number of heartbeats",
        .flags = write ? MDB_NOSYNC : MDB_RDONLY,
        .tables_max = LIVE_TABLES,
        .map_bytes = write ? LIVE_MAP_BYTES : 0,
    };
    if (lmdb_file_open(&live->file, &options, error) != 0)
        return -1;
    int code = open_tables(live, write);
    if (code == 0)
        return 0;
    (void)lmdb_file_fail(&live->file, code, live->path, error);
    lmdb_file_close(&live->file);
    return -1;
}

static int check_marks(const char *path, struct aq_error *error)
{
    char boot[LMDB_BOOT_SIZE];
    if (lmdb_boot_id(boot, error) != 0 || lmdb_mark_check_boot(path, boot, error) != 0)
        return -1;
    return lmdb_mark_check_damaged(path, error);
}

/* Readers may have both files open. */
static int remove_files(const char *path, struct aq_error *error)
{
    static const char *const files[] = {LMDB_DATA_FILE, LMDB_LOCK_FILE};
    char file[1300];
    for (size_t i = 0; i < AQ_LENGTH(files); i++) {
        snprintf(file, sizeof file, "%s/%s", path, files[i]);
        if (unlink(file) != 0 && errno != ENOENT)
            return aq_fail_errno(error, errno, "cannot remove %s", file);
    }
    return 0;
}

/* Makes sure that the controller opens an intact file, or none. */
static int prepare_directory(const char *path, struct aq_error *error)
{
    char boot[LMDB_BOOT_SIZE];
    struct aq_error damaged = {0};
    if (aq_directory_make(AT_FDCWD, path, 0700, error) != 0)
        return -1;
    if (check_marks(path, &damaged) == 0 && lmdb_pages_check(path, LMDB_PAGES_AT_START, &damaged) == 0)
        return 0;
    if (lmdb_boot_id(boot, error) != 0 || remove_files(path, error) != 0)
        return -1;
    lmdb_mark_clear_damaged(path);
    return lmdb_mark_open(path, boot, error);
}

int live_open(struct live **out, const char *directory, enum state_mode mode, struct aq_error *error)
{
    struct live *live = aq_calloc(1, sizeof *live);
    live->mode = mode;
    snprintf(live->path, sizeof live->path, "%s/live", directory);
    if ((mode == STATE_WRITE ? prepare_directory(live->path, error) : check_marks(live->path, error)) != 0 ||
        open_file(live, error) != 0) {
        live_close(live);
        return -1;
    }
    *out = live;
    return 0;
}

void live_close(struct live *live)
{
    if (live == NULL)
        return;
    lmdb_file_close(&live->file);
    free(live);
}

/* ---- read and write ----------------------------------------------------------------------------------- */

/* A reader moves to the file that the controller has put in the place of the one that is open. */
static void move_to_new_file(struct live *live)
{
    struct aq_error not_yet;
    if (live->mode != STATE_READ || !lmdb_check_due(&live->checked_ms))
        return;
    if (live->file.env != NULL && !lmdb_file_is_replaced(&live->file, live->path))
        return;
    lmdb_file_close(&live->file);
    (void)(check_marks(live->path, &not_yet) == 0 && open_file(live, &not_yet) == 0); /* or the next read tries again */
}

static bool get_row(struct live *live, MDB_dbi table, MDB_val key, const struct aq_record *record, void *out,
                    struct aq_arena *arena)
{
    MDB_txn *txn;
    MDB_val value;
    if (mdb_txn_begin(live->file.env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    bool found = mdb_get(txn, table, &key, &value) == 0;
    if (found) {
        struct aq_error error;
        found = aq_record_unpack(record, out, value.mv_data, value.mv_size, false, arena, &error) == 0;
    }
    mdb_txn_abort(txn);
    return found;
}

bool live_find(struct live *live, const struct aq_entity *entity, const char *text, void *out, struct aq_arena *arena)
{
    uint64_t id = strtoull(text, NULL, 10);
    move_to_new_file(live);
    if (live->file.env == NULL || text[0] == '\0' || strlen(text) > 64)
        return false;
    if (entity == &aq_entity_node)
        return get_row(live, live->table[LIVE_NODES], (MDB_val){strlen(text), (void *)text}, entity->live, out, arena);
    aq_assert(entity == &aq_entity_token || entity == &aq_entity_resource);
    const MDB_dbi table = live->table[entity == &aq_entity_token ? LIVE_TOKENS : LIVE_USAGES];
    return get_row(live, table, (MDB_val){sizeof id, &id}, entity->live, out, arena);
}

bool live_node(struct live *live, const char *name, struct aq_node_live *out)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    return live_find(live, &aq_entity_node, name, out, &arena);
}

struct live_row {
    MDB_val key;
    const void *object; /* NULL: there is none any more */
};

static int put_rows(struct live *live, MDB_dbi table, const struct aq_record *record, const struct live_row *rows,
                    size_t count, struct aq_error *error)
{
    MDB_txn *txn;
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    int code = mdb_txn_begin(live->file.env, NULL, 0, &txn);
    if (code != 0)
        return lmdb_file_fail(&live->file, code, writing, error);
    for (size_t i = 0; code == 0 && i < count; i++) {
        MDB_val key = rows[i].key;
        if (rows[i].object == NULL) {
            code = mdb_del(txn, table, &key, NULL);
            code = code == MDB_NOTFOUND ? 0 : code;
            continue;
        }
        aq_buffer_reset(&packed);
        aq_record_pack(record, rows[i].object, &packed);
        MDB_val value = {packed.length, packed.data};
        code = mdb_put(txn, table, &key, &value, 0);
    }
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? 0 : lmdb_file_fail(&live->file, code, writing, error);
}

int live_put(struct live *live, const char *const *names, const struct aq_node_live *rows, size_t count,
             struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct live_row *put = aq_arena_alloc(&arena, count * sizeof *put);
    for (size_t i = 0; i < count; i++)
        put[i] = (struct live_row){{strlen(names[i]), (void *)names[i]}, &rows[i]};
    return put_rows(live, live->table[LIVE_NODES], &aq_node_live_record, put, count, error);
}

/* Tokens come and go, and nothing takes their rows away. Who makes many must not fill the file. */
static int forget_tokens(struct live *live, struct aq_error *error)
{
    MDB_txn *txn;
    MDB_stat stat = {0};
    int code = mdb_txn_begin(live->file.env, NULL, 0, &txn);
    if (code != 0)
        return lmdb_file_fail(&live->file, code, writing, error);
    code = mdb_stat(txn, live->table[LIVE_TOKENS], &stat);
    if (code != 0 || stat.ms_entries < LIVE_TOKENS_MAX) {
        mdb_txn_abort(txn);
        return code == 0 ? 0 : lmdb_file_fail(&live->file, code, writing, error);
    }
    code = mdb_drop(txn, live->table[LIVE_TOKENS], 0);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? 0 : lmdb_file_fail(&live->file, code, writing, error);
}

int live_put_tokens(struct live *live, const uint64_t *ids, const struct aq_token_live *rows, size_t count,
                    struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct live_row *put = aq_arena_alloc(&arena, count * sizeof *put);
    if (forget_tokens(live, error) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        put[i] = (struct live_row){{sizeof ids[i], (void *)&ids[i]}, &rows[i]};
    return put_rows(live, live->table[LIVE_TOKENS], &aq_token_live_record, put, count, error);
}

int live_put_usages(struct live *live, const struct live_usage *usages, size_t count, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct live_row *put = aq_arena_alloc(&arena, count * sizeof *put);
    for (size_t i = 0; i < count; i++)
        put[i] = (struct live_row){{sizeof usages[i].resource, (void *)&usages[i].resource},
                                   usages[i].gone ? NULL : &usages[i].now};
    return put_rows(live, live->table[LIVE_USAGES], &aq_usage_record, put, count, error);
}

bool live_log(struct live *live, uint64_t resource, struct aq_kept *out)
{
    MDB_txn *txn;
    MDB_val key = {sizeof resource, &resource}, value;
    move_to_new_file(live);
    if (live->file.env == NULL || mdb_txn_begin(live->file.env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    bool found = mdb_get(txn, live->table[LIVE_LOGS], &key, &value) == 0 && value.mv_size == sizeof *out;
    if (found)
        memcpy(out, value.mv_data, sizeof *out);
    mdb_txn_abort(txn);
    return found;
}

static int put_log(const struct live *live, MDB_txn *txn, const struct aq_kept *log)
{
    uint64_t resource = log->resource;
    MDB_val key = {sizeof resource, &resource}, value = {sizeof *log, (void *)log};
    if (log->end > 0)
        return mdb_put(txn, live->table[LIVE_LOGS], &key, &value, 0);
    int code = mdb_del(txn, live->table[LIVE_LOGS], &key, NULL);
    return code == MDB_NOTFOUND ? 0 : code;
}

int live_put_logs(struct live *live, const struct aq_kept *logs, size_t count, struct aq_error *error)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(live->file.env, NULL, 0, &txn);
    if (code != 0)
        return lmdb_file_fail(&live->file, code, writing, error);
    for (size_t i = 0; code == 0 && i < count; i++)
        code = put_log(live, txn, &logs[i]);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? 0 : lmdb_file_fail(&live->file, code, writing, error);
}
