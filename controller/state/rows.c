#include "controller/state/store.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/key.h"

#include <string.h>

static MDB_val key_value(const struct state_key *key)
{
    return (MDB_val){key->length, (void *)key->bytes};
}

/* ---- packed rows -------------------------------------------------------------------------------------- */

/* Latches that a row cannot be unpacked. Returns false. */
static bool fail_row(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                     const struct aq_error *error)
{
    char shown[STATE_KEY_MAX + 1] = "?";
    struct state_key key = {.length = row->key_length};
    if (state_key_length_is_valid(entity, key.length)) {
        memcpy(key.bytes, row->key, key.length);
        state_key_show(entity, &key, shown, sizeof shown);
    }
    if (txn->error.code == AQ_OK)
        (void)aq_fail(&txn->error, AQ_E_CORRUPT, "table %s, row %.100s: %s", entity->plural, shown, error->message);
    return false;
}

bool state_unpack(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                  uint64_t wanted, void *object, struct aq_arena *arena)
{
    struct aq_error error; /* not cleared: that would cost as much as a field */
    return aq_record_unpack_some(entity->record, object, row->data, row->length, wanted, arena, &error) == 0 ||
           fail_row(txn, entity, row, &error);
}

bool state_show(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                struct aq_buffer *out)
{
    struct aq_error error;
    return aq_packed_to_json(entity->record, row->data, row->length, out, &error) == 0 ||
           fail_row(txn, entity, row, &error);
}

static struct state_packed packed_row(const MDB_val *name, const MDB_val *value)
{
    return (struct state_packed){value->mv_data, value->mv_size, name->mv_data, name->mv_size};
}

static bool unpack_row(struct state_txn *txn, const struct aq_entity *entity, const MDB_val *name, const MDB_val *value,
                       void *object, struct aq_arena *arena)
{
    const struct state_packed row = packed_row(name, value);
    return state_unpack(txn, entity, &row, AQ_ALL_FIELDS, object, arena);
}

static bool get_row(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key, MDB_val *value)
{
    MDB_val name = key_value(key);
    if (key->length == 0)
        return false; /* which LMDB takes for an error of the transaction */
    int code = mdb_get(txn->txn, store_dbi(txn, entity), &name, value);
    store_latch(txn, code, entity->plural);
    return code == 0;
}

/* The row in the cache of a write transaction; NULL: there is no such row. */
static struct cached_row *cached_row(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key)
{
    MDB_val name = key_value(key), value;
    struct cached_row *row = row_cache_find(txn->rows, entity, key);
    if (row != NULL)
        return row->object != NULL ? row : NULL;
    if (!get_row(txn, entity, key, &value))
        return NULL;
    void *copy = aq_arena_alloc(row_cache_arena(txn->rows), entity->record->size);
    if (!unpack_row(txn, entity, &name, &value, copy, row_cache_arena(txn->rows)))
        return NULL;
    row = row_cache_add(txn->rows, entity, key);
    row->object = copy;
    row->stored = true;
    return row;
}

bool state_find(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key, void *object,
                struct aq_arena *arena)
{
    MDB_val name = key_value(key), value;
    if (txn->rows == NULL)
        return get_row(txn, entity, key, &value) && unpack_row(txn, entity, &name, &value, object, arena);
    const struct cached_row *row = cached_row(txn, entity, key);
    if (row != NULL)
        memcpy(object, row->object, entity->record->size); /* what it points to is valid until the transaction ends */
    return row != NULL;
}

void *state_edit(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key)
{
    aq_assert(txn->rows != NULL);
    struct cached_row *row = cached_row(txn, entity, key);
    if (row == NULL)
        return NULL;
    row->dirty = true;
    row->packed = NULL;
    return row->object;
}

bool state_find_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                       struct state_packed *row)
{
    MDB_val name = key_value(key), value;
    aq_assert(txn->reads);
    if (!get_row(txn, entity, key, &value))
        return false;
    *row = packed_row(&name, &value);
    return true;
}

/* A row that is packed for an answer is mostly written as it is then, so it is packed once. */
static void pack_cached(struct state_txn *txn, struct cached_row *row, struct aq_buffer *scratch)
{
    if (row->packed != NULL)
        return;
    size_t begin = scratch->length;
    aq_record_pack(row->entity->record, row->object, scratch);
    row->packed_length = scratch->length - begin;
    row->packed = aq_arena_text(row_cache_arena(txn->rows), scratch->data + begin, row->packed_length);
    scratch->length = begin;
}

bool state_pack(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                struct aq_buffer *out)
{
    MDB_val value;
    struct cached_row *row = txn->rows != NULL ? row_cache_find(txn->rows, entity, key) : NULL;
    if (row != NULL && row->object != NULL) {
        pack_cached(txn, row, out);
        aq_buffer_add(out, row->packed, row->packed_length);
    } else if (row == NULL && get_row(txn, entity, key, &value)) {
        aq_buffer_add(out, value.mv_data, value.mv_size);
    } else {
        return false;
    }
    return true;
}

bool store_peek(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                struct state_packed *row)
{
    AQ_CLEANUP_BUFFER struct aq_buffer scratch = {0};
    MDB_val name = key_value(key), value;
    struct cached_row *cached = txn->rows != NULL ? row_cache_find(txn->rows, entity, key) : NULL;
    if (cached == NULL && get_row(txn, entity, key, &value)) {
        *row = packed_row(&name, &value);
        return true;
    }
    if (cached == NULL || cached->object == NULL)
        return false;
    pack_cached(txn, cached, &scratch);
    *row = (struct state_packed){cached->packed, cached->packed_length, key->bytes, key->length};
    return true;
}

bool state_exists(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key)
{
    MDB_val value;
    struct cached_row *row = txn->rows ? row_cache_find(txn->rows, entity, key) : NULL;
    return row != NULL ? row->object != NULL : get_row(txn, entity, key, &value);
}

/* The row in the cache, marked to be written. */
static struct cached_row *dirty_row(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key)
{
    aq_assert(txn->rows != NULL);
    struct cached_row *row = row_cache_find(txn->rows, entity, key);
    if (row == NULL)
        row = row_cache_add(txn->rows, entity, key);
    row->dirty = true;
    row->packed = NULL;
    return row;
}

void state_store(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key, const void *object)
{
    struct cached_row *row = dirty_row(txn, entity, key);
    void *copy = aq_arena_alloc(row_cache_arena(txn->rows), entity->record->size);
    aq_record_copy(entity->record, copy, object, row_cache_arena(txn->rows));
    row->object = copy;
}

void state_remove(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key)
{
    dirty_row(txn, entity, key)->object = NULL;
}

void state_flush(struct state_txn *txn)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    if (txn->rows == NULL)
        return;
    index_flush(txn);
    counters_flush(txn);
    for (struct cached_row *row = row_cache_first(txn->rows); row != NULL; row = row->later) {
        if (!row->dirty)
            continue;
        MDB_val name = {row->length, row->key};
        int code;
        if (row->object != NULL) {
            MDB_val value = {row->packed_length, (void *)row->packed};
            if (row->packed == NULL) {
                aq_buffer_reset(&packed);
                aq_record_pack(row->entity->record, row->object, &packed);
                value = (MDB_val){packed.length, packed.data};
            }
            bool last = !row->stored && !aq_entity_is_named(row->entity); /* their numbers grow */
            code = store_put(txn, store_dbi(txn, row->entity), &name, &value, last);
        } else {
            code = mdb_del(txn->txn, store_dbi(txn, row->entity), &name, NULL);
        }
        store_latch(txn, code, row->entity->plural);
        row->stored = code == 0 && row->object != NULL;
        row->dirty = false;
    }
}

uint64_t state_count(struct state_txn *txn, const struct aq_entity *entity)
{
    MDB_stat stat = {0};
    state_flush(txn);
    store_latch(txn, mdb_stat(txn->txn, store_dbi(txn, entity), &stat), entity->plural);
    return stat.ms_entries;
}
