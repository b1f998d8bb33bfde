#include "controller/state/store.h"

#include "controller/lmdb/address.h"

#include <string.h>

void store_latch(struct state_txn *txn, int code, const char *what)
{
    if (code != 0 && code != MDB_NOTFOUND && txn->error.code == AQ_OK)
        (void)lmdb_file_fail(&txn->env->file, code, what, &txn->error);
}

void store_damage(struct state_txn *txn, const void *bytes, const char *table)
{
    char place[LMDB_PLACE_SIZE];
    lmdb_address_show(bytes, place);
    if (txn->error.code == AQ_OK)
        (void)aq_fail(&txn->error, AQ_E_CORRUPT, "table %s: %s", table, place);
}

bool store_copy_key(struct state_txn *txn, const MDB_val *name, const char *table, struct state_key *key)
{
    key->length = name->mv_size;
    if (key->length <= sizeof key->bytes) {
        memcpy(key->bytes, name->mv_data, key->length);
        return true;
    }
    store_damage(txn, name->mv_data, table);
    return false;
}

int store_put(struct state_txn *txn, MDB_dbi table, MDB_val *name, MDB_val *value, bool last)
{
    int code = last ? mdb_put(txn->txn, table, name, value, MDB_APPEND) : MDB_KEYEXIST;
    return code == MDB_KEYEXIST ? mdb_put(txn->txn, table, name, value, 0) : code; /* it does not come last */
}

MDB_dbi store_dbi(const struct state_txn *txn, const struct aq_entity *entity)
{
    const struct aq_entity *row;
    for (size_t i = 0; (row = aq_entity_at(i)) != NULL; i++)
        if (row == entity)
            return txn->env->entities[i];
    aq_broken(__FILE__, __LINE__, "an entity that is not registered");
}
