#include "controller/state/store.h"

#include "controller/lmdb/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int store_fail(struct aq_error *error, int code, const char *what)
{
    switch (code) {
    case MDB_MAP_FULL:
        return aq_fail(error, AQ_E_NO_SPACE, "%s: the tables have reached state.map_size", what);
    case ENOSPC:
    case EDQUOT:
        return aq_fail(error, AQ_E_NO_SPACE, "%s: the disk is full", what);
    case MDB_NOTFOUND:
        return aq_fail(error, AQ_E_CORRUPT, "%s: a table is missing", what);
    case MDB_CORRUPTED:
    case MDB_INCOMPATIBLE:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_BAD_TXN:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
        return aq_fail(error, AQ_E_CORRUPT, "%s: %s: pages are damaged; aq log verify names the place", what,
                       mdb_strerror(code));
    case MDB_READERS_FULL:
        return aq_fail(error, AQ_E_BUSY, "%s: all %d places for readers are taken", what, STORE_READERS_MAX);
    default:
        return aq_fail(error, AQ_E_IO, "%s: %s", what, mdb_strerror(code));
    }
}

void store_latch(struct state_txn *txn, int code, const char *what)
{
    if (code != 0 && code != MDB_NOTFOUND && txn->error.code == AQ_OK)
        (void)store_fail(&txn->error, store_map_write_code(&txn->env->map, code), what);
}

void store_damage(struct state_txn *txn, const void *given, const char *table)
{
    char place[GUARD_PLACE_SIZE];
    guard_place(given, place);
    if (txn->error.code == AQ_OK)
        (void)aq_fail(&txn->error, AQ_E_CORRUPT, "table %s: %s", table, place);
}

bool store_take_key(struct state_txn *txn, const MDB_val *name, const char *table, struct state_key *key)
{
    key->length = name->mv_size;
    if (key->length <= sizeof key->bytes) {
        memcpy(key->bytes, name->mv_data, key->length);
        return true;
    }
    store_damage(txn, name->mv_data, table);
    return false;
}

MDB_dbi store_dbi(const struct state_txn *txn, const struct aq_entity *entity)
{
    const struct aq_entity *row;
    for (size_t i = 0; (row = aq_entity_at(i)) != NULL; i++)
        if (row == entity)
            return txn->env->entities[i];
    aq_broken(__FILE__, __LINE__, "an entity that is not registered");
}

/* ---- made anew by another process --------------------------------------------------------------------- */

bool store_time_to_look(uint64_t *looked_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (now_ms < *looked_ms + STORE_LOOK_MS)
        return false;
    *looked_ms = now_ms;
    return true;
}

bool store_is_other(MDB_env *env, const char *directory)
{
    char path[1300];
    mdb_filehandle_t file;
    struct stat there, ours;
    snprintf(path, sizeof path, "%s/data.mdb", directory);
    return stat(path, &there) == 0 && mdb_env_get_fd(env, &file) == 0 && fstat(file, &ours) == 0 &&
           (there.st_ino != ours.st_ino || there.st_dev != ours.st_dev);
}

/* ---- digest ------------------------------------------------------------------------------------------- */

static void hash_sized(crypto_generichash_state *hash, const void *bytes, size_t length)
{
    uint64_t size = length;
    crypto_generichash_update(hash, (const unsigned char *)&size, sizeof size);
    crypto_generichash_update(hash, bytes, length);
}

static int digest_table(struct state_txn *txn, MDB_dbi dbi, const char *table, crypto_generichash_state *hash,
                        uint64_t *rows)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(txn->txn, dbi, &cursor);
    if (code != 0)
        return code;
    hash_sized(hash, table, strlen(table));
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        hash_sized(hash, key.mv_data, key.mv_size);
        hash_sized(hash, value.mv_data, value.mv_size);
        ++*rows;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int state_digest(struct state_txn *txn, unsigned char digest[32], uint64_t *rows, struct aq_error *error)
{
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, NULL, 0, 32);
    *rows = 0;
    int code = 0;
    const struct aq_entity *entity;
    for (size_t i = 0; code == 0 && (entity = aq_entity_at(i)) != NULL; i++)
        code = digest_table(txn, txn->env->entities[i], entity->plural, &hash, rows);
    for (int i = 0; code == 0 && i < INDEX_COUNT; i++)
        code = digest_table(txn, txn->env->indexes[i], store_index_name((enum state_index)i), &hash, rows);
    crypto_generichash_final(&hash, digest, 32);
    return code == 0 ? 0 : store_fail(error, code, "reading the tables");
}
