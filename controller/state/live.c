#include "controller/state/live.h"

#include "controller/lmdb/file.h"
#include "controller/lmdb/marks.h"
#include "controller/lmdb/pages.h"
#include "schema/base/files.h"
#include "schema/codec/pack.h"

#include <string.h>

enum { LIVE_MAP_BYTES = 256 << 20 };

static const char writing[] = "writing heartbeats";

struct live {
    struct lmdb_file file; /* closed when a reader could not open a new file yet */
    MDB_dbi nodes, logs;
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
    code = mdb_dbi_open(txn, "nodes", write ? MDB_CREATE : 0, &live->nodes);
    if (code == 0)
        code = mdb_dbi_open(txn, "logs", write ? MDB_CREATE : 0, &live->logs);
    if (code == 0 && write) /* what an earlier process heard is not true now */
        code = mdb_drop(txn, live->nodes, 0);
    if (code == 0 && write)
        code = mdb_drop(txn, live->logs, 0);
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
        .tables_max = 3,
        .first_bytes = LIVE_MAP_BYTES,
        .most_bytes = write ? LIVE_MAP_BYTES : 0,
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

bool live_node(struct live *live, const char *name, struct aq_node_live *out)
{
    MDB_txn *txn;
    MDB_val key = {strlen(name), (void *)name}, value;
    move_to_new_file(live);
    if (live->file.env == NULL || key.mv_size == 0 || key.mv_size > 64 ||
        mdb_txn_begin(live->file.env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    bool found = mdb_get(txn, live->nodes, &key, &value) == 0;
    if (found) {
        AQ_CLEANUP_ARENA struct aq_arena arena = {0};
        struct aq_error error;
        found = aq_record_unpack(&aq_node_live_record, out, value.mv_data, value.mv_size, false, &arena, &error) == 0;
    }
    mdb_txn_abort(txn);
    return found;
}

int live_put(struct live *live, const char *const *names, const struct aq_node_live *rows, size_t count,
             struct aq_error *error)
{
    MDB_txn *txn;
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    int code = mdb_txn_begin(live->file.env, NULL, 0, &txn);
    if (code != 0)
        return lmdb_file_fail(&live->file, code, writing, error);
    for (size_t i = 0; code == 0 && i < count; i++) {
        aq_buffer_reset(&packed);
        aq_record_pack(&aq_node_live_record, &rows[i], &packed);
        MDB_val key = {strlen(names[i]), (void *)names[i]}, value = {packed.length, packed.data};
        code = mdb_put(txn, live->nodes, &key, &value, 0);
    }
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? 0 : lmdb_file_fail(&live->file, code, writing, error);
}

bool live_log(struct live *live, uint64_t resource, struct aq_kept *out)
{
    MDB_txn *txn;
    MDB_val key = {sizeof resource, &resource}, value;
    move_to_new_file(live);
    if (live->file.env == NULL || mdb_txn_begin(live->file.env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    bool found = mdb_get(txn, live->logs, &key, &value) == 0 && value.mv_size == sizeof *out;
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
        return mdb_put(txn, live->logs, &key, &value, 0);
    int code = mdb_del(txn, live->logs, &key, NULL);
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
