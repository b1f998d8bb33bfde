#include "controller/log/store.h"

#include "controller/lmdb/address.h"
#include "controller/lmdb/file.h"
#include "controller/lmdb/marks.h"
#include "controller/lmdb/pages.h"
#include "controller/state/events_shared.h"
#include "controller/state/keys.h"
#include "controller/state/log_cursor.h"
#include "controller/state/log_layout.h"
#include "schema/base/files.h"

#include <inttypes.h>
#include <raft.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

_Static_assert((int)LOG_TYPE_COMMAND == (int)RAFT_COMMAND, "log_layout.h uses raft's number");

struct lmdb_store {
    struct log_store store;
    struct lmdb_file file;
    MDB_dbi entries, meta;
    struct events *events;
    char path[1200];
};

static struct lmdb_store *lmdb_of(const struct log_store *store)
{
    return (struct lmdb_store *)store; /* whose first member it is */
}

/* ---- the file, and what it has ----------------------------------------------------------------------------------- */

static int open_file(struct lmdb_store *store, uint64_t map_bytes, struct aq_error *error)
{
    static const char *const names[] = {LOG_TABLE_ENTRIES, LOG_TABLE_META};
    MDB_dbi tables[AQ_LENGTH(names)];
    struct lmdb_options options = {
        .directory = store->path,
        .setting = LOG_SIZE_SETTING,
        .tables_max = LOG_TABLES_MAX,
        .map_bytes = map_bytes,
    };
    if (lmdb_file_make(&options, names, AQ_LENGTH(names), error) != 0 ||
        lmdb_file_open(&store->file, &options, error) != 0 ||
        lmdb_file_open_tables(&store->file, names, tables, AQ_LENGTH(names), error) != 0)
        return -1;
    store->entries = tables[0];
    store->meta = tables[1];
    return 0;
}

static void lmdb_close(struct log_store *base)
{
    struct lmdb_store *store = lmdb_of(base);
    events_close(store->events);
    lmdb_file_close(&store->file);
    free(store);
}

static struct events *lmdb_events(struct log_store *store)
{
    return lmdb_of(store)->events;
}

static uint64_t lmdb_free_mib(const struct log_store *store)
{
    struct statvfs status;
    if (statvfs(lmdb_of(store)->path, &status) != 0)
        return UINT64_MAX;
    return (uint64_t)status.f_bavail * status.f_frsize >> 20;
}

static int lmdb_check_pages(struct log_store *store, struct aq_error *error)
{
    return lmdb_file_check(&lmdb_of(store)->file, error);
}

/* ---- numbers in the meta table ------------------------------------------------------------------------ */

static int put_number(struct lmdb_store *store, MDB_txn *txn, const char *name, uint64_t number)
{
    struct log_number row = log_number_make(name, number);
    MDB_val key = {strlen(name), (void *)name}, value = {sizeof row, &row};
    return mdb_put(txn, store->meta, &key, &value, 0);
}

/* Reads all rows, because one whose name is damaged would seem to be missing otherwise. */
static int read_numbers(struct lmdb_store *store, MDB_txn *txn, struct log_numbers *numbers, struct aq_error *error)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int status = 0, code = mdb_cursor_open(txn, store->meta, &cursor);
    *numbers = (struct log_numbers){0};
    if (code != 0)
        return lmdb_file_fail(&store->file, code, store->path, error);
    while (status == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        status = log_number_take(numbers, key.mv_data, key.mv_size, value.mv_data, value.mv_size, error);
    mdb_cursor_close(cursor);
    return status != 0 || code == MDB_NOTFOUND ? status : lmdb_file_fail(&store->file, code, store->path, error);
}

/* ---- extent ------------------------------------------------------------------------------------------- */

static int read_head(const struct log_row *row, struct log_head *head, struct aq_error *error)
{
    const void *payload;
    return row->index == 0 ? 0 : log_row_read(row->index, row->data, row->length, head, &payload, error);
}

static int read_ends(struct log_cursor *cursor, struct log_extent *extent, struct aq_error *error)
{
    struct log_row first, last;
    struct log_head head = {0};
    if (log_cursor_first(cursor, &first, error) != 0 || read_head(&first, &head, error) != 0 ||
        log_cursor_last(cursor, &last, error) != 0 || read_head(&last, &head, error) != 0)
        return -1;
    extent->first = first.index;
    extent->last = last.index;
    extent->last_term = head.term;
    extent->commit = head.commit;
    return 0;
}

/* Each entry has the commit index too, so it is in the table only where no entries followed. */
static int read_meta(struct lmdb_store *store, MDB_txn *txn, struct log_extent *extent, struct aq_error *error)
{
    struct log_numbers numbers;
    if (read_numbers(store, txn, &numbers, error) != 0)
        return -1;
    if (numbers.commit > extent->commit)
        extent->commit = numbers.commit;
    extent->vote = (struct log_vote){numbers.term, numbers.vote};
    extent->configuration = numbers.configuration;
    return 0;
}

static int lmdb_extent(struct log_store *base, struct log_extent *extent, struct aq_error *error)
{
    struct lmdb_store *store = lmdb_of(base);
    struct log_cursor cursor;
    *extent = (struct log_extent){0};
    if (log_cursor_open(&cursor, &store->file, store->entries, error) != 0)
        return -1;
    int status = read_ends(&cursor, extent, error);
    if (status == 0)
        status = read_meta(store, cursor.txn, extent, error);
    log_cursor_close(&cursor);
    return status;
}

/* ---- appending ---------------------------------------------------------------------------------------- */

/* The last configuration was removed, so the one before it counts again. That may be far back in the log, but only a
 * configuration that was not committed is ever removed. */
static int find_configuration(struct lmdb_store *store, MDB_txn *txn)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    struct log_head head = {0};
    uint64_t index = 0;
    const void *payload;
    struct aq_error ignored;
    int code = mdb_cursor_open(txn, store->entries, &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    while (code == 0 && head.type != RAFT_CHANGE)
        if (log_number_read(key.mv_data, key.mv_size, &index, &ignored) != 0 ||
            log_head_read(index, value.mv_data, value.mv_size, &head, &payload, &ignored) != 0)
            code = MDB_CORRUPTED;
        else if (head.type != RAFT_CHANGE)
            code = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    mdb_cursor_close(cursor);
    if (code != 0 && code != MDB_NOTFOUND)
        return code;
    return put_number(store, txn, LOG_CONFIGURATION, code == 0 ? index : 0);
}

static int truncate_from(struct lmdb_store *store, MDB_txn *txn, uint64_t index)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t last = 0;
    struct log_numbers numbers;
    bool removed = false;
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
        removed = true;
    }
    if (code == 0 && removed && read_numbers(store, txn, &numbers, &ignored) != 0)
        code = MDB_CORRUPTED;
    if (code == 0 && removed && numbers.configuration >= index)
        code = find_configuration(store, txn);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int put_entry(struct lmdb_store *store, MDB_txn *txn, const struct log_entry *entry, uint64_t commit)
{
    const struct log_head head = {
        .term = entry->term, .type = entry->type, .size = entry->size, .first_seq = entry->first_seq, .commit = commit};
    struct state_key key = state_key_number(entry->index);
    MDB_val name = {key.length, key.bytes}, value = {sizeof head + entry->size, NULL};
    int code = mdb_put(txn, store->entries, &name, &value, MDB_RESERVE | MDB_APPEND); /* after all others */
    if (code != 0)
        return code;
    log_row_write(value.mv_data, entry->index, &head, entry->data);
    if (entry->type == RAFT_CHANGE)
        return put_number(store, txn, LOG_CONFIGURATION, entry->index);
    return 0;
}

/* One synced transaction. Returns LMDB's code. */
static int append(struct lmdb_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                  const struct log_vote *vote)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(store->file.env, NULL, 0, &txn);
    if (code != 0)
        return code;
    if (count > 0)
        code = truncate_from(store, txn, entries[0].index);
    for (unsigned i = 0; code == 0 && i < count; i++)
        code = put_entry(store, txn, &entries[i], commit);
    if (code == 0 && count == 0) /* entries carry it themselves */
        code = put_number(store, txn, LOG_COMMIT, commit);
    if (code == 0 && vote != NULL)
        code = put_number(store, txn, LOG_TERM, vote->term);
    if (code == 0 && vote != NULL)
        code = put_number(store, txn, LOG_VOTE, vote->voted_for);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

static int lmdb_append(struct log_store *base, const struct log_entry *entries, unsigned count, uint64_t commit,
                       const struct log_vote *vote, struct aq_error *error)
{
    struct lmdb_store *store = lmdb_of(base);
    int code = append(store, entries, count, commit, vote);
    return code == 0 ? 0 : lmdb_file_fail(&store->file, code, "appending to the log", error);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static int visit_row(const struct log_row *row, log_visit_fn *visit, void *context, struct aq_error *error)
{
    struct log_head head;
    struct log_entry entry = {.index = row->index};
    if (log_row_read(row->index, row->data, row->length, &head, &entry.data, error) != 0)
        return -1;
    entry.term = head.term;
    entry.type = head.type;
    entry.size = head.size;
    entry.first_seq = head.first_seq;
    return visit(context, &entry, error);
}

static int visit_rows(struct log_cursor *cursor, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                      struct aq_error *error)
{
    struct log_row row;
    uint64_t before = 0;
    int status = log_cursor_seek(cursor, first, &row, error);
    while (status == 0 && row.index != 0 && row.index <= last) {
        if (before != 0 && row.index != before + 1)
            return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is missing: %" PRIu64 " follows %" PRIu64,
                           before + 1, row.index, before);
        before = row.index;
        status = visit_row(&row, visit, context, error);
        if (status == 0)
            status = log_cursor_next(cursor, &row, error);
    }
    return status;
}

static int lmdb_read(struct log_store *base, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                     struct aq_error *error)
{
    struct lmdb_store *store = lmdb_of(base);
    struct log_cursor cursor;
    if (log_cursor_open(&cursor, &store->file, store->entries, error) != 0)
        return -1;
    int status = visit_rows(&cursor, first, last, visit, context, error);
    log_cursor_close(&cursor);
    return status;
}

/* ---- open --------------------------------------------------------------------------------------------- */

int log_store_open(struct log_store **out, const char *directory, uint64_t map_bytes, struct aq_error *error)
{
    static const struct log_store_kind kind = {lmdb_close,       lmdb_extent, lmdb_append,  lmdb_read,
                                               lmdb_check_pages, lmdb_events, lmdb_free_mib};
    struct lmdb_store *store = aq_calloc(1, sizeof *store);
    store->store.kind = &kind;
    struct log_extent extent;
    struct aq_error damaged;
    snprintf(store->path, sizeof store->path, "%s/log", directory);
    if (aq_directory_make(AT_FDCWD, store->path, 0700, error) != 0 ||
        aq_directory_sync(AT_FDCWD, directory, error) != 0 ||
        lmdb_pages_check(store->path, LMDB_PAGES_AT_START, error) != 0 || open_file(store, map_bytes, error) != 0) {
        lmdb_close(&store->store);
        return -1;
    }
    lmdb_mark_clear_damaged(store->path);
    if (lmdb_extent(&store->store, &extent, &damaged) != 0)
        extent.last = 0; /* readers get the error themselves */
    store->events = events_share(&store->file, store->entries, extent.last);
    *out = &store->store;
    return 0;
}
