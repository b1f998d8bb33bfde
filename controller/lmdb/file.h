/* An LMDB environment in use: its file, the snapshots open on it, and a memory map that grows while it is in use.
 *
 * LMDB lets a process change the size of its map only while it has no transaction open. So snapshots are counted here,
 * and the map grows at a moment when there are none; when such a moment does not come, new snapshots wait for it, up to
 * a second. Another process notices the new size at its next snapshot and takes it over.
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
    uint64_t most_bytes; /* that the map may grow to; 0: another process decides */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned readers; /* open snapshots */
    bool growing;
};

struct lmdb_options {
    const char *directory; /* exists; outlives the call only */
    const char *setting;
    unsigned flags;                   /* MDB_RDONLY, MDB_NOSYNC */
    unsigned tables_max;              /* named tables */
    uint64_t first_bytes, most_bytes; /* size of the map: of a new file, and in the end; 0, 0 with MDB_RDONLY */
};

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

/* Enlarges the map when little of it is left, or in any case if `full`. For the thread that writes, between its
 * transactions. True: it has grown. */
bool lmdb_file_grow(struct lmdb_file *file, bool full);

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
