#include "controller/state/store.h"

#include <string.h>

enum {
    ROOM_FOR_COMMIT_BYTES = 1 << 20, /* the list of pages that a transaction frees, and some */
    ROOM_SURE_BYTES = 256 << 20,     /* more than any transaction of ours takes */
};

static int begin_in(struct store_env *env, struct state_txn *outer, bool reads, MDB_txn **txn)
{
    if (reads)
        return lmdb_file_read(&env->file, txn);
    return mdb_txn_begin(env->file.env, outer ? outer->txn : NULL, 0, txn);
}

static int begin(struct state *state, struct state_txn *outer, bool reads, struct state_txn **out,
                 struct aq_error *error)
{
    struct store_env *env = store_env_acquire(state);
    MDB_txn *inner;
    int code = begin_in(env, outer, reads, &inner);
    if (code != 0) {
        (void)lmdb_file_fail(&env->file, code, "beginning a transaction", error);
        store_env_release(env);
        return -1;
    }
    struct state_txn *txn = aq_calloc(1, sizeof *txn);
    *txn = (struct state_txn){.state = state, .env = env, .txn = inner, .outer = outer, .reads = reads};
    if (!reads) {
        txn->rows = row_cache_new();
        txn->counters = counters_new();
    }
    *out = txn;
    return 0;
}

int state_read(struct state *state, struct state_txn **txn, struct aq_error *error)
{
    return begin(state, NULL, true, txn, error);
}

int state_write(struct state *state, struct state_txn **txn, struct aq_error *error)
{
    aq_assert(state->mode == STATE_WRITE);
    return begin(state, NULL, false, txn, error);
}

int state_nested(struct state_txn *outer, struct state_txn **txn, struct aq_error *error)
{
    state_flush(outer); /* the inner one reads what the outer one wrote */
    if (state_failed(outer, error))
        return -1;
    if (begin(outer->state, outer, false, txn, error) == 0)
        return 0;
    outer->error = *error; /* what should have been done in it is missing */
    return -1;
}

static void release(struct state_txn *txn)
{
    if (txn->reads)
        lmdb_file_done(&txn->env->file);
    store_env_release(txn->env);
    row_cache_free(txn->rows);
    free(txn->counters);
    free(txn);
}

void state_end(struct state_txn *txn)
{
    if (txn == NULL)
        return;
    mdb_txn_abort(txn->txn);
    release(txn);
}

int state_commit(struct state_txn *txn, struct aq_error *error)
{
    state_flush(txn);
    if (state_failed(txn, error)) {
        state_end(txn);
        return -1;
    }
    int code = mdb_txn_commit(txn->txn);
    if (code != 0)
        (void)lmdb_file_fail(&txn->env->file, code, "committing to the tables", error);
    if (txn->outer != NULL) {
        row_cache_clear(txn->outer->rows); /* the inner one may have written these rows, */
        counters_forget(txn->outer);       /* and set these counters */
        for (unsigned kind = 0; kind < COUNTER_LOST_KINDS; kind++)
            txn->outer->lost[kind] = STORE_LOST_UNKNOWN;
    }
    release(txn);
    return code == 0 ? 0 : -1;
}

/* Far from the end of the map, there is room for any commit. Near it, a nested transaction tries to get the room, and
 * gives it back. */
int state_check_room(struct state_txn *txn, struct aq_error *error)
{
    static const char what[] = "reserving room for a commit";
    struct lmdb_file *file = &txn->env->file;
    MDB_envinfo info;
    MDB_stat stat;
    MDB_txn *inner;
    state_flush(txn);
    if (state_failed(txn, error))
        return -1;
    mdb_env_info(file->env, &info);
    mdb_env_stat(file->env, &stat);
    if (info.me_mapsize - (info.me_last_pgno + 1) * stat.ms_psize > ROOM_SURE_BYTES)
        return 0;
    int code = mdb_txn_begin(file->env, txn->txn, 0, &inner);
    if (code != 0)
        return lmdb_file_fail(file, code, what, error);
    MDB_val key = {sizeof what, (void *)what}, value = {ROOM_FOR_COMMIT_BYTES, NULL};
    code = mdb_put(inner, txn->env->indexes[INDEX_META], &key, &value, MDB_RESERVE);
    mdb_txn_abort(inner);
    return code == 0 ? 0 : lmdb_file_fail(file, code, what, error);
}

bool state_failed(const struct state_txn *txn, struct aq_error *error)
{
    if (txn->error.code == AQ_OK)
        return false;
    *error = txn->error;
    return true;
}

struct state_version state_version(const struct state_txn *txn)
{
    return (struct state_version){.generation = txn->env->number, .change = mdb_txn_id(txn->txn)};
}
