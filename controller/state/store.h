/* What the files of controller/state share: the structs behind state.h, and how a transaction fails. Private to this
 * folder. */
#ifndef AQ_CONTROLLER_STATE_STORE_H
#define AQ_CONTROLLER_STATE_STORE_H

#include "controller/lmdb/file.h"
#include "controller/state/cache.h"
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/state.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STORE_ENTITIES_MAX = 16, STORE_PATH_SIZE = 1200, STORE_NAME_SIZE = 32, STORE_COUNTERS = 64, STORE_NUMBERS = 5 };

/* One generation of the tables: an environment in a directory of its own. */
struct store_env {
    struct lmdb_file file;
    MDB_dbi entities[STORE_ENTITIES_MAX]; /* in the order of aq_entity_at() */
    MDB_dbi indexes[INDEX_COUNT];
    char name[STORE_NAME_SIZE]; /* of its directory below state/ */
    uint64_t number;            /* counts the generations that this process has opened */
    atomic_uint users;
};

struct state {
    char *directory; /* <data>/state */
    enum state_mode mode;
    uint64_t map_bytes;
    pthread_mutex_t lock; /* guards `env` against a move to another generation */
    struct store_env *env;
    uint64_t checked_ms; /* when a reader last checked for another generation */
};

/* The counters that a write transaction has read or set. Each decision of a batch counts the same few, which are
 * written once, when the transaction is flushed. A hash of its key chooses the place of a counter. */
struct store_counters {
    uint64_t known; /* a bit for each place that is filled */
    uint64_t dirty; /* and for each that has changed and is not in LMDB yet */
    struct store_counter {
        uint64_t numbers[STORE_NUMBERS];
        unsigned count; /* of its numbers: mostly one */
        struct state_key key;
    } at[STORE_COUNTERS];
};

struct state_txn {
    struct state *state;
    struct store_env *env;
    MDB_txn *txn;
    struct state_txn *outer;         /* of a nested transaction */
    bool reads;                      /* it is a snapshot */
    struct row_cache *rows;          /* of a write transaction; NULL in a snapshot */
    struct store_counters *counters; /* the same */
    /* The row of INDEX_WAITING that was put last and is not in the table yet. Most applications are placed as soon as
     * they are created, and an LMDB table that becomes empty frees its page, which the same transaction cannot reuse:
     * that would cost a page for each application. */
    bool has_waiting;
    struct state_key waiting;
    enum { STORE_LOST_UNKNOWN, STORE_LOST_NONE, STORE_LOST_SOME } lost[COUNTER_LOST_KINDS]; /* counter_has_lost() */
    struct aq_error error;                                                                  /* the first failure */
};

/* ---- store.c ------------------------------------------------------------------------------------------ */

/* Latches the first failure of a transaction. MDB_NOTFOUND is not one. */
void store_latch(struct state_txn *txn, int code, const char *what);
/* Latches that bytes from LMDB cannot have been written like that, with their place in the file. */
void store_damage(struct state_txn *txn, const void *bytes, const char *table);
/* Copies a key out of a table. False: it is too long for one, which is latched. */
bool store_copy_key(struct state_txn *txn, const MDB_val *name, const char *table, struct state_key *key);

/* Puts a row. Returns LMDB's code. `last`: it is likely to come after all others in its table, so that LMDB need not
 * search for its place. */
int store_put(struct state_txn *txn, MDB_dbi table, MDB_val *name, MDB_val *value, bool last);

MDB_dbi store_dbi(const struct state_txn *txn, const struct aq_entity *entity);

/* ---- rows.c ------------------------------------------------------------------------------------------- */

/* The row as it is packed, in place and without a copy, valid until the next write: for comparing it. False: no such
 * row. */
bool store_peek(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                struct state_packed *row);

/* ---- generations.c ------------------------------------------------------------------------------------ */

/* As state_open(), but fails with AQ_E_NOT_FOUND if there is no generation. */
int store_open(struct state **state, const char *directory, enum state_mode mode, uint64_t map_bytes,
               struct aq_error *error) AQ_MUST_CHECK;
/* Opens a new generation, whose tables are empty. */
int store_open_next(struct state **state, const char *directory, uint64_t map_bytes,
                    struct aq_error *error) AQ_MUST_CHECK;
/* The generation to read; a reader moves to another one when the link names it. The caller releases it. */
struct store_env *store_env_acquire(struct state *state);
void store_env_release(struct store_env *env); /* NULL is fine */

/* The path of a generation's directory. */
void store_env_path(const struct state *state, const char *name, char path[STORE_PATH_SIZE]);
/* Reads the name of the current generation. Fails with AQ_E_NOT_FOUND if there is none. */
int store_current_name(const char *directory, char name[STORE_NAME_SIZE], struct aq_error *error) AQ_MUST_CHECK;

/* ---- counters.c --------------------------------------------------------------------------------------- */

struct store_counters *counters_new(void); /* to be freed with free() */
void counters_flush(struct state_txn *txn);
/* They may have been changed otherwise; none is dirty. */
void counters_forget(struct state_txn *txn);

/* ---- indexes.c ---------------------------------------------------------------------------------------- */

/* Writes the waiting row, if there is one. */
void index_flush(struct state_txn *txn);

#endif
