/* A cursor on the entries of the log, in a snapshot of its own. Used by events_lmdb.c and by controller/log. */
#ifndef AQ_CONTROLLER_STATE_LOG_CURSOR_H
#define AQ_CONTROLLER_STATE_LOG_CURSOR_H

#include "controller/lmdb/file.h"

struct log_cursor {
    struct lmdb_file *file;
    MDB_txn *txn;
    MDB_cursor *cursor;
};

/* An entry as it is stored; see log_layout.h for how to read it. Valid until the cursor is closed. */
struct log_row {
    uint64_t index; /* raft's; 0: there is no such entry */
    const void *data;
    size_t length;
};

int log_cursor_open(struct log_cursor *cursor, struct lmdb_file *file, MDB_dbi entries,
                    struct aq_error *error) AQ_MUST_CHECK;
void log_cursor_close(struct log_cursor *cursor);

/* Each fills `row` with one entry, or with index 0 if there is none. Fails when the log cannot be read. */
int log_cursor_first(struct log_cursor *cursor, struct log_row *row, struct aq_error *error) AQ_MUST_CHECK;
int log_cursor_last(struct log_cursor *cursor, struct log_row *row, struct aq_error *error) AQ_MUST_CHECK;
int log_cursor_next(struct log_cursor *cursor, struct log_row *row, struct aq_error *error) AQ_MUST_CHECK;
/* The first entry at `index` or after it. */
int log_cursor_seek(struct log_cursor *cursor, uint64_t index, struct log_row *row,
                    struct aq_error *error) AQ_MUST_CHECK;

#endif
