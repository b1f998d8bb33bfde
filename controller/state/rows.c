#include "controller/state/store.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"

#include <string.h>

/* ---- keys --------------------------------------------------------------------------------------------- */

/* Behind its length a key's bytes are nobody's: to empty them all took 4 % of a rebuild. */

struct state_key state_key_number(uint64_t number)
{
    struct state_key key;
    key.length = 0;
    index_key_number(&key, number);
    return key;
}

struct state_key state_key_name(const char *name)
{
    struct state_key key;
    key.length = strnlen(name, STATE_KEY_MAX - 1);
    memcpy(key.bytes, name, key.length);
    return key;
}

int state_key_from_text(const struct aq_entity *entity, const char *text, struct state_key *key, struct aq_error *error)
{
    struct aq_key value;
    if (aq_key_from_text(entity, text, &value, error) != 0)
        return -1;
    *key = value.name != NULL ? state_key_name(value.name) : state_key_number(value.number);
    return 0;
}

void state_key_text(const struct aq_entity *entity, const void *object, char *out, size_t size)
{
    const struct aq_key key = aq_key_in_field(aq_entity_key(entity), object);
    aq_key_to_text(&key, out, size);
}

static MDB_val key_value(const struct state_key *key)
{
    return (MDB_val){key->length, (void *)key->bytes};
}

/* ---- rows --------------------------------------------------------------------------------------------- */

static bool key_is_whole(const struct aq_entity *entity, size_t length)
{
    return aq_entity_key(entity)->type == AQ_TYPE_NAME ? length <= STATE_KEY_MAX : length == sizeof(uint64_t);
}

static bool damaged(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                    const struct aq_error *error)
{
    char shown[STATE_KEY_MAX + 1] = "?";
    struct state_key key = {.length = row->key_length};
    if (key_is_whole(entity, key.length)) {
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
    struct aq_error error; /* filled by a failure alone: emptying it would take as long as a field */
    return aq_record_unpack_some(entity->record, object, row->data, row->length, wanted, arena, &error) == 0 ||
           damaged(txn, entity, row, &error);
}

bool state_show(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                struct aq_buffer *out)
{
    struct aq_error error;
    return aq_packed_to_json(entity->record, row->data, row->length, out, &error) == 0 ||
           damaged(txn, entity, row, &error);
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
        return false; /* LMDB would fail the transaction */
    int code = mdb_get(txn->txn, store_dbi(txn, entity), &name, value);
    store_latch(txn, code, entity->plural);
    return code == 0;
}

bool state_find(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key, void *object,
                struct aq_arena *arena)
{
    MDB_val name = key_value(key), value;
    if (txn->rows == NULL)
        return get_row(txn, entity, key, &value) && unpack_row(txn, entity, &name, &value, object, arena);
    struct cached_row *row = row_cache_find(txn->rows, entity, key);
    if (row == NULL) {
        if (!get_row(txn, entity, key, &value))
            return false;
        void *copy = aq_arena_alloc(row_cache_arena(txn->rows), entity->record->size);
        if (!unpack_row(txn, entity, &name, &value, copy, row_cache_arena(txn->rows)))
            return false;
        row = row_cache_add(txn->rows, entity, key);
        row->object = copy;
    }
    if (row->object == NULL)
        return false;
    memcpy(object, row->object, entity->record->size); /* what it points to stays until the transaction ends */
    return true;
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

bool state_exists(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key)
{
    MDB_val value;
    struct cached_row *row = txn->rows ? row_cache_find(txn->rows, entity, key) : NULL;
    return row != NULL ? row->object != NULL : get_row(txn, entity, key, &value);
}

/* The row's place in the cache, to be written. */
static struct cached_row *dirty_row(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key)
{
    aq_assert(txn->rows != NULL);
    struct cached_row *row = row_cache_find(txn->rows, entity, key);
    if (row == NULL)
        row = row_cache_add(txn->rows, entity, key);
    row->dirty = true;
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
    struct aq_buffer packed = {0};
    if (txn->rows == NULL)
        return;
    index_flush(txn);
    for (struct cached_row *row = row_cache_first(txn->rows); row != NULL; row = row->later) {
        if (!row->dirty)
            continue;
        MDB_val name = {row->length, row->key};
        int code;
        if (row->object != NULL) {
            aq_buffer_reset(&packed);
            aq_record_pack(row->entity->record, row->object, &packed);
            MDB_val value = {packed.length, packed.data};
            code = mdb_put(txn->txn, store_dbi(txn, row->entity), &name, &value, 0);
        } else {
            code = mdb_del(txn->txn, store_dbi(txn, row->entity), &name, NULL);
        }
        store_latch(txn, code, row->entity->plural);
        row->dirty = false;
    }
    aq_buffer_free(&packed);
}

uint64_t state_count(struct state_txn *txn, const struct aq_entity *entity)
{
    MDB_stat stat = {0};
    state_flush(txn);
    store_latch(txn, mdb_stat(txn->txn, store_dbi(txn, entity), &stat), entity->plural);
    return stat.ms_entries;
}

typedef bool visit_fn(void *context, const MDB_val *name, const MDB_val *value);

static void scan(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *from, bool back,
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
        name = key_value(from);
        code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE); /* the first that is not before `from` */
        bool same = code == 0 && name.mv_size == from->length && memcmp(name.mv_data, from->bytes, from->length) == 0;
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

/* ---- unpacked ---- */

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
    if (!store_take_key(unpacked->txn, name, unpacked->entity->plural, &key))
        return false;
    aq_arena_reset(&unpacked->arena);
    void *object = aq_arena_alloc(&unpacked->arena, unpacked->entity->record->size);
    if (!unpack_row(unpacked->txn, unpacked->entity, name, value, object, &unpacked->arena))
        return false;
    return unpacked->row(unpacked->context, &key, object);
}

static void scan_unpacked(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *from,
                          bool back, state_row_fn *row, void *context)
{
    struct unpacked_scan unpacked = {.txn = txn, .entity = entity, .row = row, .context = context};
    scan(txn, entity, from, back, visit_unpacked, &unpacked);
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

/* ---- packed ---- */

struct packed_scan {
    struct state_txn *txn;
    const struct aq_entity *entity;
    state_packed_fn *row;
    void *context;
};

static bool visit_packed(void *context, const MDB_val *name, const MDB_val *value)
{
    const struct packed_scan *packed = context;
    const struct state_packed row = packed_row(name, value);
    if (!key_is_whole(packed->entity, name->mv_size)) {
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
    scan(txn, entity, from, back, visit_packed, &packed);
}

/* ---- keys alone ---- */

void state_scan_keys(struct state_txn *txn, const struct aq_entity *entity, state_key_fn *visit, void *context)
{
    MDB_cursor *cursor;
    MDB_val name = {0}, value;
    state_flush(txn);
    int code = mdb_cursor_open(txn->txn, store_dbi(txn, entity), &cursor);
    if (code != 0) {
        store_latch(txn, code, entity->plural);
        return;
    }
    struct state_key key = {0};
    while ((code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT)) == 0) {
        if (!store_take_key(txn, &name, entity->plural, &key) || !visit(context, &key))
            break;
    }
    store_latch(txn, code, entity->plural);
    mdb_cursor_close(cursor);
}

void state_key_show(const struct aq_entity *entity, const struct state_key *key, char *out, size_t size)
{
    char digits[20];
    const char *text = (const char *)key->bytes;
    size_t length = key->length;
    if (aq_entity_key(entity)->type != AQ_TYPE_NAME) { /* printf would be most of what a listing costs */
        uint64_t number = index_number_at(key, 0);
        length = 0;
        do
            digits[sizeof digits - ++length] = (char)('0' + number % 10);
        while ((number /= 10) > 0);
        text = digits + sizeof digits - length;
    }
    length = length < size ? length : size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
}

/* ---- typed short forms -------------------------------------------------------------------------------- */

static bool by_name(struct state_txn *txn, const char *entity, const char *name, void *object, struct aq_arena *arena)
{
    struct state_key key = state_key_name(name);
    return state_find(txn, aq_entity_find(entity), &key, object, arena);
}

static bool by_number(struct state_txn *txn, const char *entity, uint64_t number, void *object, struct aq_arena *arena)
{
    struct state_key key = state_key_number(number);
    return state_find(txn, aq_entity_find(entity), &key, object, arena);
}

bool state_user(struct state_txn *txn, const char *name, struct aq_user *user, struct aq_arena *arena)
{
    return by_name(txn, "user", name, user, arena);
}

bool state_label(struct state_txn *txn, uint64_t id, struct aq_label *label, struct aq_arena *arena)
{
    return by_number(txn, "label", id, label, arena);
}

bool state_node(struct state_txn *txn, const char *name, struct aq_node *node, struct aq_arena *arena)
{
    return by_name(txn, "node", name, node, arena);
}

bool state_application(struct state_txn *txn, uint64_t id, struct aq_application *application, struct aq_arena *arena)
{
    return by_number(txn, "application", id, application, arena);
}

bool state_resource(struct state_txn *txn, uint64_t id, struct aq_resource *resource, struct aq_arena *arena)
{
    return by_number(txn, "resource", id, resource, arena);
}
