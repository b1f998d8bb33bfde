/* What the files of this folder share about LMDB. Private to controller/state. */
#ifndef AQ_CONTROLLER_STATE_STORE_H
#define AQ_CONTROLLER_STATE_STORE_H

#include "controller/lmdb/map.h"
#include "controller/state/cache.h"
#include "controller/state/indexes.h"
#include "controller/state/state.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STORE_ENTITIES_MAX = 16, STORE_READERS_MAX = 512, STORE_LOOK_MS = 20 };

/* One generation of the tables: an environment in a directory of its own. */
struct store_env {
    MDB_env *env;
    struct store_map map;
    MDB_dbi entities[STORE_ENTITIES_MAX]; /* in the order of aq_entity_at() */
    MDB_dbi indexes[INDEX_COUNT];
    char name[32];   /* of its directory below state/ */
    uint64_t number; /* among all that this process has opened */
    atomic_uint users;
};

struct state {
    char *directory; /* <data>/state */
    enum state_mode mode;
    uint64_t map_bytes;
    pthread_mutex_t lock; /* guards `env` against a move to another generation */
    struct store_env *env;
    uint64_t looked_ms; /* when a reader last looked for another generation */
};

struct state_txn {
    struct state *state;
    struct store_env *env;
    MDB_txn *txn;
    struct state_txn *outer; /* of a nested transaction */
    bool reads;              /* a snapshot */
    struct row_cache *rows;  /* of a write transaction; NULL in a snapshot */
    /* The row of INDEX_WAITING that was put last, and is not in the table yet. Most applications are placed as soon as
     * they are made, and a table of LMDB that becomes empty gives up its page, which the same transaction cannot use
     * again: that would be a page for each of them. */
    bool waits;
    struct state_key waiting;
    struct aq_error error; /* the first failure */
};

/* Turns an LMDB code into our error. Returns -1. */
int store_fail(struct aq_error *error, int code, const char *what);
/* Latches the first failure of a transaction; MDB_NOTFOUND is none. */
void store_latch(struct state_txn *txn, int code, const char *what);

/* Processes that read look from time to time only whether what they have open was made anew: that happens when a
 * controller starts, and looking costs as much as the read of a row. True at most once in STORE_LOOK_MS. */
bool store_time_to_look(uint64_t *looked_ms);
/* Does another file than the open one stand in the directory? */
bool store_is_other(MDB_env *env, const char *directory);

/* Latches that what LMDB has given cannot have been written, with its place. */
void store_damage(struct state_txn *txn, const void *given, const char *table);
/* A key out of a table. False: it is too long for one, which is latched. */
bool store_take_key(struct state_txn *txn, const MDB_val *name, const char *table, struct state_key *key);

MDB_dbi store_dbi(const struct state_txn *txn, const struct aq_entity *entity);
const char *store_index_name(enum state_index index);
/* Puts what waits to be put. */
void index_flush(struct state_txn *txn);

#endif
