/* The bare storage work, as baseline: what the disk and LMDB allow when nothing is decided.
 *
 * For each batch one blob goes into an environment that is synced at each commit, as the log is, and three small rows
 * for each decision into one that is not, as the tables are. */
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
/* Decisions in a second. */
double storage_rate(struct storage *storage, unsigned batch, double seconds);
/* Appends with sync, one after the other: how many in a second, as the median of them goes. */
double storage_append_rate(struct storage *storage, double seconds);

#endif
