/* An LMDB environment in use: its file, the snapshots open on it, and its memory map.
 *
 * The process that writes maps the most that the file may become: that costs addresses only, and LMDB lets a process
 * change the size of its map only while it has no transaction open, a moment that may never come where many read.
 * Another process takes the size from the file. It notices a larger one, after the limit was raised, at its next
 * snapshot, and takes it over if it has no other open: aq-fs never has two of a file (fs/tree/look.h).
 *
 * A process must open the same environment only once: LMDB's locks belong to the process. */
#ifndef AQ_CONTROLLER_LMDB_FILE_H
#define AQ_CONTROLLER_LMDB_FILE_H

#include "schema/base/error.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { LMDB_READERS_MAX = 512 };

#define LMDB_DATA_FILE "data.mdb"
#define LMDB_LOCK_FILE "lock.mdb"

struct lmdb_file {
    MDB_env *env;        /* NULL: closed */
    const char *setting; /* that limits its size, for messages */
    pthread_mutex_t lock;
    unsigned readers; /* open snapshots */
};

struct lmdb_options {
    const char *directory; /* exists; outlives the call only */
    const char *setting;
    unsigned flags;      /* MDB_RDONLY, MDB_NOSYNC */
    unsigned tables_max; /* named tables */
    uint64_t map_bytes;  /* the most that the file may become; 0 with MDB_RDONLY */
};

/* Makes the data file with empty tables if there is none. After a power cut it is there wholly or not at all, while a
 * file that LMDB makes in its place may be there in part. When this returns, it is durable under its name. */
int lmdb_file_make(const struct lmdb_options *options, const char *const *names, size_t count,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Opens the environment under the guard (guard.h). After a failure it is closed. */
int lmdb_file_open(struct lmdb_file *file, const struct lmdb_options *options, struct aq_error *error) AQ_MUST_CHECK;
void lmdb_file_close(struct lmdb_file *file); /* a closed or zeroed one is fine */

/* Opens the named tables; creates them if nothing has been written to the file yet. In a file that has been written to,
 * a missing table is damage: an empty one in its place would hide that. */
int lmdb_file_open_tables(struct lmdb_file *file, const char *const *names, MDB_dbi *tables, size_t count,
                          struct aq_error *error) AQ_MUST_CHECK;

/* Begins a snapshot. Returns LMDB's code; after 0, the caller aborts the transaction and calls lmdb_file_done(). */
int lmdb_file_read(struct lmdb_file *file, MDB_txn **txn);
void lmdb_file_done(struct lmdb_file *file);

/* Checks all pages (pages.h) while the file is in use. */
int lmdb_file_check(struct lmdb_file *file, struct aq_error *error) AQ_MUST_CHECK;

/* The errors of the project for LMDB's codes. Returns -1; the message begins with `what`. */
int lmdb_file_fail(const struct lmdb_file *file, int code, const char *what, struct aq_error *error);

/* ---- files that another process replaces --------------------------------------------------------------- */

/* Whether it is time to check again, at most every 20 ms: a check costs as much as reading a row. */
bool lmdb_check_due(uint64_t *checked_ms);
/* Whether the directory now holds another file than the one that is open. */
bool lmdb_file_is_replaced(const struct lmdb_file *file, const char *directory);

#endif
