/* The memory map of an LMDB environment, which grows while the environment is in use. Private to controller/state and
 * controller/log.
 *
 * LMDB lets a map be changed only while no transaction of the process is open. So snapshots are counted here, and a map
 * grows in a moment without any; where that moment does not come, those who want to begin one wait for it, a second at
 * most. Another process finds at its next snapshot that the map has grown, and takes over its size. */
#ifndef AQ_CONTROLLER_LMDB_MAP_H
#define AQ_CONTROLLER_LMDB_MAP_H

#include "schema/base/error.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct store_map {
    MDB_env *env;
    uint64_t most; /* bytes that it may grow to; 0: another process decides */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned readers; /* snapshots that are open */
    bool growing;
};

void store_map_init(struct store_map *map, MDB_env *env, uint64_t most_bytes);
void store_map_destroy(struct store_map *map);

/* Begins a snapshot. Returns LMDB's code; after 0, store_map_done() follows the end of the snapshot. */
int store_map_read(struct store_map *map, MDB_txn **txn);
void store_map_done(struct store_map *map);

/* Makes the map larger when little of it is left; `full`: in any case. For the one that writes, between its
 * transactions. True: it has grown. */
bool store_map_grow(struct store_map *map, bool full);

/* Looks through the pages of the environment's file (pages.h) while it is in use. */
int store_map_check(struct store_map *map, struct aq_error *error) AQ_MUST_CHECK;

/* LMDB calls a write that the disk took only a part of EIO. With the disk full, it becomes ENOSPC, which it was. */
int store_map_write_code(const struct store_map *map, int code);

#endif
