#include "controller/log/store.h"

#include "controller/lmdb/guard.h"
#include "controller/lmdb/map.h"
#include "controller/lmdb/pages.h"
#include "controller/state/events_shared.h"
#include "controller/state/indexes.h"
#include "controller/state/log_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <lmdb.h>
#include <raft.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

_Static_assert((int)LOG_TYPE_COMMAND == (int)RAFT_COMMAND, "log_layout.h names raft's own number");

enum { FIRST_MAP_BYTES = 16 << 20 };

struct log_store {
    MDB_env *env;
    struct store_map map;
    MDB_dbi entries, meta;
    struct events *events;
    char path[1200];
};

static int fail(struct aq_error *error, int code, const char *what)
{
    switch (code) {
    case MDB_MAP_FULL:
        return aq_fail(error, AQ_E_NO_SPACE, "%s: the log has reached log.map_size", what);
    case MDB_NOTFOUND:
        return aq_fail(error, AQ_E_CORRUPT, "%s: the log is damaged: one of its tables is missing", what);
    case MDB_CORRUPTED:
    case MDB_INCOMPATIBLE:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_BAD_TXN:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
        return aq_fail(error, AQ_E_CORRUPT, "%s: %s: the log is damaged; aq log verify names the place", what,
                       mdb_strerror(code));
    default:
        if (code > 0)
            return aq_fail_errno(error, code, "%s", what);
        return aq_fail(error, AQ_E_IO, "%s: %s", what, mdb_strerror(code));
    }
}

/* Both tables are made by the first transaction of all. Where there was one already, a table that is not found is
 * damage: to make it anew would be to begin an empty log over one that is there. */
static int open_tables(struct log_store *store)
{
    MDB_txn *txn;
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    bool fresh = info.me_last_txnid == 0;
    int code = mdb_txn_begin(store->env, NULL, fresh ? 0 : MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = mdb_dbi_open(txn, LOG_TABLE_ENTRIES, fresh ? MDB_CREATE : 0, &store->entries);
    if (code == 0)
        code = mdb_dbi_open(txn, LOG_TABLE_META, fresh ? MDB_CREATE : 0, &store->meta);
    if (code == 0)
        return mdb_txn_commit(txn); /* keeps the handles */
    mdb_txn_abort(txn);
    return code;
}

static int open_env(struct log_store *store, uint64_t map_bytes)
{
    int code = mdb_env_create(&store->env);
    if (code == 0)
        guard_environment(store->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(store->env, 4);
    if (code == 0)
        code = mdb_env_set_maxreaders(store->env, LOG_READERS_MAX);
    if (code == 0)
        code = mdb_env_set_mapsize(store->env, map_bytes < FIRST_MAP_BYTES ? map_bytes : FIRST_MAP_BYTES);
    if (code == 0)
        code = mdb_env_open(store->env, store->path, MDB_NOTLS, 0600);
    if (code != 0)
        return code;
    store_map_init(&store->map, store->env, map_bytes);
    while (store_map_grow(&store->map, false))
        ;
    return open_tables(store);
}

int log_store_open(struct log_store **out, const char *directory, uint64_t map_bytes, struct aq_error *error)
{
    struct log_store *store = aq_calloc(1, sizeof *store);
    struct log_extent extent;
    struct aq_error ignored;
    snprintf(store->path, sizeof store->path, "%s/log", directory);
    int status = 0, code = mkdir(store->path, 0700) == 0 || errno == EEXIST ? 0 : errno;
    if (code == 0)
        status = pages_check(store->path, PAGES_AT_START, error);
    if (code == 0 && status == 0)
        code = open_env(store, map_bytes);
    if (code != 0)
        status = fail(error, code, store->path);
    if (status != 0) {
        log_store_close(store);
        return -1;
    }
    guard_forget(store->path);
    if (log_store_extent(store, &extent, &ignored) != 0)
        extent.last = 0; /* who reads there is told why */
    store->events = events_share(&store->map, store->entries, extent.last);
    *out = store;
    return 0;
}

void log_store_close(struct log_store *store)
{
    if (store == NULL)
        return;
    events_close(store->events);
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->map.env != NULL)
        store_map_destroy(&store->map);
    free(store);
}

struct events *log_store_events(struct log_store *store)
{
    return store->events;
}

uint64_t log_store_free_mib(const struct log_store *store)
{
    struct statvfs status;
    if (statvfs(store->path, &status) != 0)
        return UINT64_MAX;
    return (uint64_t)status.f_bavail * status.f_frsize >> 20;
}

int log_store_check_pages(struct log_store *store, struct aq_error *error)
{
    return store_map_check(&store->map, error);
}

/* ---- numbers in the meta table ------------------------------------------------------------------------ */

static int meta_put(struct log_store *store, MDB_txn *txn, const char *name, uint64_t number)
{
    MDB_val key = {strlen(name), (void *)name}, value = {sizeof number, &number};
    return mdb_put(txn, store->meta, &key, &value, 0);
}

static int meta_get(struct log_store *store, MDB_txn *txn, const char *name, uint64_t *number)
{
    MDB_val key = {strlen(name), (void *)name}, value;
    *number = 0;
    int code = mdb_get(txn, store->meta, &key, &value);
    if (code == 0 && value.mv_size == sizeof *number)
        memcpy(number, value.mv_data, sizeof *number);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int read_end(MDB_cursor *cursor, MDB_cursor_op end, uint64_t *index, struct log_head *head,
                    struct aq_error *error)
{
    MDB_val key, value;
    const void *payload;
    int code = mdb_cursor_get(cursor, &key, &value, end);
    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return fail(error, code, "reading the log");
    if (log_number_read(key.mv_data, key.mv_size, index, error) != 0)
        return -1;
    return log_row_read(*index, value.mv_data, value.mv_size, head, &payload, error);
}

static int read_ends(struct log_store *store, MDB_txn *txn, struct log_extent *extent, struct aq_error *error)
{
    MDB_cursor *cursor;
    struct log_head head = {0};
    int code = mdb_cursor_open(txn, store->entries, &cursor);
    if (code != 0)
        return fail(error, code, store->path);
    int status = read_end(cursor, MDB_FIRST, &extent->first, &head, error);
    if (status == 0)
        status = read_end(cursor, MDB_LAST, &extent->last, &head, error);
    extent->last_term = head.term;
    if (head.commit > extent->commit)
        extent->commit = head.commit;
    mdb_cursor_close(cursor);
    return status;
}

int log_store_extent(struct log_store *store, struct log_extent *extent, struct aq_error *error)
{
    MDB_txn *txn;
    *extent = (struct log_extent){0};
    int code = store_map_read(&store->map, &txn);
    if (code != 0)
        return fail(error, code, store->path);
    code = meta_get(store, txn, "commit", &extent->commit);
    int status = read_ends(store, txn, extent, error);
    if (code == 0)
        code = meta_get(store, txn, "term", &extent->vote.term);
    if (code == 0)
        code = meta_get(store, txn, "vote", &extent->vote.voted_for);
    if (code == 0)
        code = meta_get(store, txn, "configuration", &extent->configuration);
    mdb_txn_abort(txn);
    store_map_done(&store->map);
    return status != 0 || code == 0 ? status : fail(error, code, store->path);
}

/* ---- appending ---------------------------------------------------------------------------------------- */

static int truncate_from(struct log_store *store, MDB_txn *txn, uint64_t index)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t last = 0;
    struct aq_error ignored;
    int code = mdb_cursor_open(txn, store->entries, &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    mdb_cursor_close(cursor);
    if (code == 0 && log_number_read(key.mv_data, key.mv_size, &last, &ignored) != 0)
        code = MDB_CORRUPTED;
    for (; code == 0 && last >= index && last > 0; last--) {
        struct state_key name = state_key_number(last);
        key = (MDB_val){name.length, name.bytes};
        code = mdb_del(txn, store->entries, &key, NULL);
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

static int put_entry(struct log_store *store, MDB_txn *txn, const struct log_entry *entry, uint64_t commit)
{
    struct log_head head = {
        entry->term, entry->type | LOG_CHECKED | LOG_COMMITS, entry->size, entry->first_seq, commit, 0};
    head.check = log_check(entry->index, &head, entry->data);
    struct state_key key = state_key_number(entry->index);
    MDB_val name = {key.length, key.bytes}, value = {sizeof head + entry->size, NULL};
    int code = mdb_put(txn, store->entries, &name, &value, MDB_RESERVE | MDB_NOOVERWRITE);
    if (code != 0)
        return code;
    memcpy(value.mv_data, &head, sizeof head);
    if (entry->size > 0)
        memcpy((char *)value.mv_data + sizeof head, entry->data, entry->size);
    if (entry->type == RAFT_CHANGE)
        return meta_put(store, txn, "configuration", entry->index);
    return 0;
}

/* One transaction, synced. Returns LMDB's code. */
static int append(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                  const struct log_vote *vote)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code != 0)
        return code;
    if (count > 0)
        code = truncate_from(store, txn, entries[0].index);
    for (unsigned i = 0; code == 0 && i < count; i++)
        code = put_entry(store, txn, &entries[i], commit);
    if (code == 0 && count == 0) /* else the entries say it */
        code = meta_put(store, txn, "commit", commit);
    if (code == 0 && vote != NULL)
        code = meta_put(store, txn, "term", vote->term);
    if (code == 0 && vote != NULL)
        code = meta_put(store, txn, "vote", vote->voted_for);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

int log_store_append(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                     const struct log_vote *vote, struct aq_error *error)
{
    int code;
    store_map_grow(&store->map, false);
    do
        code = append(store, entries, count, commit, vote);
    while (code == MDB_MAP_FULL && store_map_grow(&store->map, true));
    return code == 0 ? 0 : fail(error, store_map_write_code(&store->map, code), "appending to the log");
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static int visit_row(uint64_t index, const MDB_val *value, log_visit_fn *visit, void *context, struct aq_error *error)
{
    struct log_head head;
    struct log_entry entry = {.index = index};
    if (log_row_read(index, value->mv_data, value->mv_size, &head, &entry.data, error) != 0)
        return -1;
    entry.term = head.term;
    entry.type = head.type;
    entry.size = head.size;
    entry.first_seq = head.first_seq;
    return visit(context, &entry, error);
}

/* Visits from where the cursor is put on. */
static int visit_rows(MDB_cursor *cursor, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                      struct aq_error *error)
{
    struct state_key from = state_key_number(first);
    MDB_val key = {from.length, from.bytes}, value;
    uint64_t index;
    int status = 0, code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (uint64_t before = 0; code == 0 && status == 0; before = index) {
        if (log_number_read(key.mv_data, key.mv_size, &index, error) != 0)
            return -1;
        if (before != 0 && index != before + 1)
            return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is missing: %" PRIu64 " comes after %" PRIu64,
                           before + 1, index, before);
        if (index > last)
            return 0;
        status = visit_row(index, &value, visit, context, error);
        if (status == 0)
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return code == 0 || code == MDB_NOTFOUND ? status : fail(error, code, "reading the log");
}

int log_store_read(struct log_store *store, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                   struct aq_error *error)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    int code = store_map_read(&store->map, &txn);
    if (code != 0)
        return fail(error, code, store->path);
    code = mdb_cursor_open(txn, store->entries, &cursor);
    int status = code == 0 ? visit_rows(cursor, first, last, visit, context, error) : fail(error, code, store->path);
    if (code == 0)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    store_map_done(&store->map);
    return status;
}
