#include "tests/lib/storage.h"
#include "tests/lib/directory.h"

#include <sys/stat.h>

static MDB_env *storage_env(const struct storage *storage, const char *name, unsigned flags)
{
    char path[BENCH_PATH_SIZE + 16];
    MDB_env *env;
    snprintf(path, sizeof path, "%s/%s", storage->directory, name);
    BENCH_MUST(mkdir(path, 0700) == 0);
    BENCH_MUST(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 8) == 0);
    BENCH_MUST(mdb_env_set_mapsize(env, 16UL << 30) == 0 && mdb_env_open(env, path, flags, 0600) == 0);
    return env;
}

void storage_open(struct storage *storage)
{
    MDB_txn *txn;
    char name[16];
    *storage = (struct storage){.next_entry = 1};
    bench_make_directory(storage->directory);
    storage->log = storage_env(storage, "log", 0);
    storage->tables = storage_env(storage, "tables", MDB_NOSYNC);
    BENCH_MUST(mdb_txn_begin(storage->log, NULL, 0, &txn) == 0);
    BENCH_MUST(mdb_dbi_open(txn, "entries", MDB_CREATE, &storage->entries) == 0 && mdb_txn_commit(txn) == 0);
    BENCH_MUST(mdb_txn_begin(storage->tables, NULL, 0, &txn) == 0);
    for (int i = 0; i < STORAGE_ROWS; i++) {
        snprintf(name, sizeof name, "rows%d", i);
        BENCH_MUST(mdb_dbi_open(txn, name, MDB_CREATE, &storage->rows[i]) == 0);
    }
    BENCH_MUST(mdb_txn_commit(txn) == 0);
}

void storage_close(struct storage *storage)
{
    mdb_env_close(storage->log);
    mdb_env_close(storage->tables);
    test_remove_tree(storage->directory);
}

static void storage_put(MDB_txn *txn, MDB_dbi dbi, uint64_t number, const void *data, size_t length)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (56 - 8 * i));
    MDB_val key = {sizeof bytes, bytes}, value = {length, (void *)data};
    BENCH_MUST(mdb_put(txn, dbi, &key, &value, 0) == 0);
}

static void storage_append(struct storage *storage, size_t length)
{
    static const char zeros[STORAGE_BLOB * 4096];
    MDB_txn *txn;
    BENCH_MUST(length <= sizeof zeros && mdb_txn_begin(storage->log, NULL, 0, &txn) == 0);
    storage_put(txn, storage->entries, storage->next_entry++, zeros, length);
    BENCH_MUST(mdb_txn_commit(txn) == 0);
}

static void storage_batch(struct storage *storage, unsigned decisions)
{
    static const char zeros[STORAGE_ROW];
    MDB_txn *txn;
    storage_append(storage, (size_t)decisions * STORAGE_BLOB);
    BENCH_MUST(mdb_txn_begin(storage->tables, NULL, 0, &txn) == 0);
    for (unsigned i = 0; i < decisions; i++, storage->next_row++)
        for (int row = 0; row < STORAGE_ROWS; row++)
            storage_put(txn, storage->rows[row], storage->next_row, zeros, sizeof zeros);
    BENCH_MUST(mdb_txn_commit(txn) == 0);
}

double storage_rate(struct storage *storage, unsigned batch, double seconds)
{
    uint64_t decisions = 0;
    double begun = bench_now();
    for (; bench_now() < begun + seconds; decisions += batch)
        storage_batch(storage, batch);
    return (double)decisions / (bench_now() - begun);
}

double storage_append_rate(struct storage *storage, double seconds)
{
    static double times[STORAGE_TIMES_MAX];
    size_t count = 0;
    for (double until = bench_now() + seconds; bench_now() < until && count < STORAGE_TIMES_MAX; count++) {
        double begun = bench_now();
        storage_append(storage, STORAGE_BLOB);
        times[count] = bench_now() - begun;
    }
    return 1 / bench_quantile(times, count, 0.5);
}
