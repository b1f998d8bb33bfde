/* A baseline: the bare storage work, without any decisions.
 *
 * Each batch puts one blob into an environment that syncs each commit, as the log does, and three small rows for each
 * decision into one that does not sync, as the tables do. */
#ifndef AQ_TESTS_LIB_STORAGE_H
#define AQ_TESTS_LIB_STORAGE_H

#include "tests/lib/bench.h"

#include <lmdb.h>

enum { STORAGE_BLOB = 250, STORAGE_ROW = 200, STORAGE_ROWS = 3, STORAGE_TIMES_MAX = 100000 };

struct storage {
    char directory[BENCH_PATH_SIZE];
    MDB_env *log, *tables;
    MDB_dbi entries, rows[STORAGE_ROWS];
    uint64_t next_entry, next_row;
};

void storage_open(struct storage *storage);
void storage_close(struct storage *storage);
/* Decisions per second. */
double storage_rate(struct storage *storage, unsigned batch, double seconds);
/* Synced appends per second, one after the other, computed from their median time. */
double storage_append_rate(struct storage *storage, double seconds);

#endif
