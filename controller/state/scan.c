#include "controller/state/store.h"
#include "schema/codec/pack.h"

#include <string.h>

typedef bool visit_fn(void *context, const MDB_val *name, const MDB_val *value);

/* Visits the rows after `from`, or before it if `back`; NULL: all. */
static void scan_table(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *from, bool back,
                       visit_fn *visit, void *context)
{
    MDB_cursor *cursor;
    MDB_val name = {0}, value;
    state_flush(txn);
    int code = mdb_cursor_open(txn->txn, store_dbi(txn, entity), &cursor);
    if (code != 0) {
        store_latch(txn, code, entity->plural);
        return;
    }
    MDB_cursor_op next = back ? MDB_PREV : MDB_NEXT;
    if (from == NULL) {
        code = mdb_cursor_get(cursor, &name, &value, back ? MDB_LAST : MDB_FIRST);
    } else {
        name = (MDB_val){from->length, (void *)from->bytes};
        code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE); /* the first that is `from` or after it */
        bool same = code == 0 && state_key_equals(from, name.mv_data, name.mv_size);
        if (back)
            code = mdb_cursor_get(cursor, &name, &value, code == 0 ? MDB_PREV : MDB_LAST);
        else if (same)
            code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
    }
    while (code == 0 && visit(context, &name, &value))
        code = mdb_cursor_get(cursor, &name, &value, next);
    store_latch(txn, code, entity->plural);
    mdb_cursor_close(cursor);
}

/* ---- unpacked rows ------------------------------------------------------------------------------------ */

struct unpacked_scan {
    struct state_txn *txn;
    const struct aq_entity *entity;
    struct aq_arena arena; /* one row */
    state_row_fn *row;
    void *context;
};

static bool visit_unpacked(void *context, const MDB_val *name, const MDB_val *value)
{
    struct unpacked_scan *unpacked = context;
    struct state_key key;
    if (!store_copy_key(unpacked->txn, name, unpacked->entity->plural, &key))
        return false;
    aq_arena_reset(&unpacked->arena);
    void *object = aq_arena_alloc(&unpacked->arena, unpacked->entity->record->size);
    const struct state_packed row = {value->mv_data, value->mv_size, name->mv_data, name->mv_size};
    if (!state_unpack(unpacked->txn, unpacked->entity, &row, AQ_ALL_FIELDS, object, &unpacked->arena))
        return false;
    return unpacked->row(unpacked->context, &key, object);
}

static void scan_unpacked(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *from,
                          bool back, state_row_fn *row, void *context)
{
    struct unpacked_scan unpacked = {.txn = txn, .entity = entity, .row = row, .context = context};
    scan_table(txn, entity, from, back, visit_unpacked, &unpacked);
    aq_arena_free(&unpacked.arena);
}

void state_scan(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *after, state_row_fn *row,
                void *context)
{
    scan_unpacked(txn, entity, after, false, row, context);
}

void state_scan_back(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *before,
                     state_row_fn *row, void *context)
{
    scan_unpacked(txn, entity, before, true, row, context);
}

/* ---- packed rows -------------------------------------------------------------------------------------- */

struct packed_scan {
    struct state_txn *txn;
    const struct aq_entity *entity;
    state_packed_fn *row;
    void *context;
};

static bool visit_packed(void *context, const MDB_val *name, const MDB_val *value)
{
    const struct packed_scan *packed = context;
    const struct state_packed row = {value->mv_data, value->mv_size, name->mv_data, name->mv_size};
    if (!state_key_length_is_valid(packed->entity, name->mv_size)) {
        store_damage(packed->txn, name->mv_data, packed->entity->plural);
        return false;
    }
    return packed->row(packed->context, &row);
}

void state_scan_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *from, bool back,
                       state_packed_fn *row, void *context)
{
    struct packed_scan packed = {txn, entity, row, context};
    aq_assert(txn->reads);
    scan_table(txn, entity, from, back, visit_packed, &packed);
}

/* ---- keys --------------------------------------------------------------------------------------------- */

struct key_scan {
    struct state_txn *txn;
    const struct aq_entity *entity;
    state_key_fn *visit;
    void *context;
};

static bool visit_key(void *context, const MDB_val *name, const MDB_val *value)
{
    const struct key_scan *keys = context;
    struct state_key key;
    (void)value;
    return store_copy_key(keys->txn, name, keys->entity->plural, &key) && keys->visit(keys->context, &key);
}

void state_scan_keys(struct state_txn *txn, const struct aq_entity *entity, state_key_fn *visit, void *context)
{
    struct key_scan keys = {txn, entity, visit, context};
    scan_table(txn, entity, NULL, false, visit_key, &keys);
}
