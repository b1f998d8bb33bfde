#include "controller/state/log_cursor.h"

#include "controller/state/keys.h"
#include "controller/state/log_layout.h"

static const char reading[] = "reading the log";

int log_cursor_open(struct log_cursor *cursor, struct lmdb_file *file, MDB_dbi entries, struct aq_error *error)
{
    *cursor = (struct log_cursor){.file = file};
    int code = lmdb_file_read(file, &cursor->txn);
    if (code != 0)
        return lmdb_file_fail(file, code, reading, error);
    code = mdb_cursor_open(cursor->txn, entries, &cursor->cursor);
    if (code == 0)
        return 0;
    mdb_txn_abort(cursor->txn);
    lmdb_file_done(file);
    return lmdb_file_fail(file, code, reading, error);
}

void log_cursor_close(struct log_cursor *cursor)
{
    mdb_cursor_close(cursor->cursor);
    mdb_txn_abort(cursor->txn);
    lmdb_file_done(cursor->file);
}

static int get(struct log_cursor *cursor, MDB_val *key, MDB_cursor_op op, struct log_row *row, struct aq_error *error)
{
    MDB_val value;
    int code = mdb_cursor_get(cursor->cursor, key, &value, op);
    *row = (struct log_row){.index = 0};
    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return lmdb_file_fail(cursor->file, code, reading, error);
    row->data = value.mv_data;
    row->length = value.mv_size;
    return log_number_read(key->mv_data, key->mv_size, &row->index, error);
}

int log_cursor_first(struct log_cursor *cursor, struct log_row *row, struct aq_error *error)
{
    MDB_val key;
    return get(cursor, &key, MDB_FIRST, row, error);
}

int log_cursor_last(struct log_cursor *cursor, struct log_row *row, struct aq_error *error)
{
    MDB_val key;
    return get(cursor, &key, MDB_LAST, row, error);
}

int log_cursor_next(struct log_cursor *cursor, struct log_row *row, struct aq_error *error)
{
    MDB_val key;
    return get(cursor, &key, MDB_NEXT, row, error);
}

int log_cursor_seek(struct log_cursor *cursor, uint64_t index, struct log_row *row, struct aq_error *error)
{
    struct state_key from = state_key_number(index);
    MDB_val key = {from.length, from.bytes};
    return get(cursor, &key, MDB_SET_RANGE, row, error);
}
