#include "controller/state/store.h"

#include <sodium.h>
#include <string.h>

static void hash_sized(crypto_generichash_state *hash, const void *bytes, size_t length)
{
    uint64_t size = length;
    crypto_generichash_update(hash, (const unsigned char *)&size, sizeof size);
    crypto_generichash_update(hash, bytes, length);
}

/* Returns LMDB's code. */
static int hash_table(struct state_txn *txn, MDB_dbi dbi, const char *table, crypto_generichash_state *hash,
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
    state_flush(txn);
    if (state_failed(txn, error))
        return -1;
    crypto_generichash_init(&hash, NULL, 0, 32);
    *rows = 0;
    int code = 0;
    const struct aq_entity *entity;
    for (size_t i = 0; code == 0 && (entity = aq_entity_at(i)) != NULL; i++)
        code = hash_table(txn, txn->env->entities[i], entity->plural, &hash, rows);
    for (int i = 0; code == 0 && i < INDEX_COUNT; i++)
        code = hash_table(txn, txn->env->indexes[i], index_table((enum state_index)i), &hash, rows);
    crypto_generichash_final(&hash, digest, 32);
    return code == 0 ? 0 : lmdb_file_fail(&txn->env->file, code, "reading the tables", error);
}
