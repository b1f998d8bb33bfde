#include "controller/state/indexes.h"

#include "controller/state/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[INDEX_COUNT] = {
    [INDEX_META] = "meta",
    [INDEX_LABEL_VERSION] = "label-version",
    [INDEX_NODE_NUMBER] = "node-number",
    [INDEX_NODE_RESOURCE] = "node-resource",
    [INDEX_WAITING] = "waiting",
    [INDEX_EXPIRY] = "expiry",
    [INDEX_ADDRESS] = "address",
    [INDEX_HISTORY] = "history",
    [INDEX_OWNED] = "owned",
    [INDEX_KEYS] = "keys",
    [INDEX_KEY_TIMES] = "key-times",
};

const char *store_index_name(enum state_index index)
{
    return names[index];
}

void index_key_number(struct state_key *key, uint64_t number)
{
    aq_assert(key->length + sizeof number <= sizeof key->bytes);
    for (size_t i = 0; i < sizeof number; i++)
        key->bytes[key->length + i] = (unsigned char)(number >> (56 - 8 * i)); /* big end first: sorts by value */
    key->length += sizeof number;
}

void index_key_text(struct state_key *key, const char *text)
{
    size_t length = strlen(text);
    aq_assert(key->length + length + 1 <= sizeof key->bytes);
    memcpy(key->bytes + key->length, text, length + 1);
    key->length += length + 1;
}

uint64_t index_number_at(const struct state_key *key, size_t offset)
{
    uint64_t number = 0;
    aq_assert(offset + sizeof number <= key->length);
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | key->bytes[offset + i];
    return number;
}

static void put(struct state_txn *txn, enum state_index index, const struct state_key *key, const void *value,
                size_t length)
{
    MDB_val name = {key->length, (void *)key->bytes}, data = {length, (void *)value};
    store_latch(txn, mdb_put(txn->txn, txn->env->indexes[index], &name, &data, 0), names[index]);
}

void index_flush(struct state_txn *txn)
{
    if (txn->waits)
        put(txn, INDEX_WAITING, &txn->waiting, "", 0);
    txn->waits = false;
}

bool index_get(struct state_txn *txn, enum state_index index, const struct state_key *key, const void **value,
               size_t *length)
{
    MDB_val name = {key->length, (void *)key->bytes}, found;
    if (index == INDEX_WAITING)
        index_flush(txn);
    int code = mdb_get(txn->txn, txn->env->indexes[index], &name, &found);
    store_latch(txn, code, names[index]);
    if (code != 0)
        return false;
    *value = found.mv_data;
    *length = found.mv_size;
    return true;
}

void index_put(struct state_txn *txn, enum state_index index, const struct state_key *key, const void *value,
               size_t length)
{
    const void *old;
    size_t old_length;
    if (index == INDEX_WAITING && !index_get(txn, index, key, &old, &old_length)) {
        txn->waits = true;
        txn->waiting = *key;
        return;
    }
    put(txn, index, key, value, length);
}

void index_remove(struct state_txn *txn, enum state_index index, const struct state_key *key)
{
    MDB_val name = {key->length, (void *)key->bytes};
    if (index == INDEX_WAITING && txn->waits && txn->waiting.length == key->length &&
        memcmp(txn->waiting.bytes, key->bytes, key->length) == 0) {
        txn->waits = false;
        return;
    }
    store_latch(txn, mdb_del(txn->txn, txn->env->indexes[index], &name, NULL), names[index]);
}

static bool begins_with(const MDB_val *name, const struct state_key *prefix)
{
    return name->mv_size >= prefix->length && memcmp(name->mv_data, prefix->bytes, prefix->length) == 0;
}

void index_scan_after(struct state_txn *txn, enum state_index index, const struct state_key *prefix,
                      const struct state_key *after, index_row_fn *row, void *context)
{
    MDB_cursor *cursor;
    const struct state_key *from = after ? after : prefix;
    MDB_val name = {from->length, (void *)from->bytes}, value;
    index_flush(txn);
    int code = mdb_cursor_open(txn->txn, txn->env->indexes[index], &cursor);
    if (code != 0) {
        store_latch(txn, code, names[index]);
        return;
    }
    code = mdb_cursor_get(cursor, &name, &value, from->length ? MDB_SET_RANGE : MDB_FIRST);
    if (code == 0 && after != NULL && name.mv_size == after->length &&
        memcmp(name.mv_data, after->bytes, after->length) == 0)
        code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
    while (code == 0 && begins_with(&name, prefix)) {
        struct state_key key;
        if (!store_take_key(txn, &name, names[index], &key) || !row(context, &key, value.mv_data, value.mv_size))
            break;
        code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
    }
    store_latch(txn, code, names[index]);
    mdb_cursor_close(cursor);
}

void index_scan(struct state_txn *txn, enum state_index index, const struct state_key *prefix, index_row_fn *row,
                void *context)
{
    index_scan_after(txn, index, prefix, NULL, row, context);
}

/* ---- counters ----------------------------------------------------------------------------------------- */

uint64_t counter_get(struct state_txn *txn, const char *name)
{
    struct state_key key = {0};
    const void *value;
    size_t length;
    uint64_t number = 0;
    index_key_text(&key, name);
    if (index_get(txn, INDEX_META, &key, &value, &length)) {
        if (length == sizeof number)
            memcpy(&number, value, sizeof number);
        else
            store_damage(txn, value, names[INDEX_META]);
    }
    return number;
}

void counter_set(struct state_txn *txn, const char *name, uint64_t value)
{
    struct state_key key = {0};
    index_key_text(&key, name);
    if (value == 0)
        index_remove(txn, INDEX_META, &key);
    else
        index_put(txn, INDEX_META, &key, &value, sizeof value);
}

/* ---- labels, nodes, addresses ------------------------------------------------------------------------- */

static bool note_last(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)key;
    aq_assert(length == sizeof(uint64_t));
    memcpy(context, value, length);
    return true;
}

uint64_t index_label(struct state_txn *txn, const char *name, uint64_t version)
{
    struct state_key key = {0};
    uint64_t id = 0;
    const void *value;
    size_t length;
    if (strlen(name) > 64)
        return 0;
    index_key_text(&key, name);
    if (version == 0) {
        struct state_key before = key;
        char counter[96];
        snprintf(counter, sizeof counter, "version/%s", name);
        version = counter_get(txn, counter);
        index_key_number(&before, version > 0 ? version - 1 : 0);
        index_scan_after(txn, INDEX_LABEL_VERSION, &key, &before, note_last, &id); /* the last one, as a rule */
        if (id == 0)
            index_scan(txn, INDEX_LABEL_VERSION, &key, note_last, &id); /* versions sort by number */
        return id;
    }
    index_key_number(&key, version);
    if (index_get(txn, INDEX_LABEL_VERSION, &key, &value, &length))
        note_last(&id, &key, value, length);
    return id;
}

bool index_node_name(struct state_txn *txn, uint64_t number, char *name, size_t size)
{
    struct state_key key = state_key_number(number);
    const void *value;
    size_t length;
    if (!index_get(txn, INDEX_NODE_NUMBER, &key, &value, &length))
        return false;
    snprintf(name, size, "%.*s", (int)length, (const char *)value);
    return true;
}

uint64_t index_address(struct state_txn *txn, const char *address)
{
    struct state_key key = {0};
    const void *value;
    size_t length;
    uint64_t id = 0;
    if (strlen(address) >= STATE_KEY_MAX)
        return 0;
    index_key_text(&key, address);
    if (index_get(txn, INDEX_ADDRESS, &key, &value, &length))
        note_last(&id, &key, value, length);
    return id;
}

/* ---- place in the log --------------------------------------------------------------------------------- */

struct state_place state_place_get(struct state_txn *txn)
{
    struct state_key key = {0};
    struct state_place place = {0};
    const void *value;
    size_t length;
    index_key_text(&key, "place");
    if (index_get(txn, INDEX_META, &key, &value, &length)) {
        if (length == sizeof place)
            memcpy(&place, value, sizeof place);
        else
            store_damage(txn, value, names[INDEX_META]);
    }
    return place;
}

void state_place_set(struct state_txn *txn, const struct state_place *place)
{
    struct state_key key = {0};
    index_key_text(&key, "place");
    index_put(txn, INDEX_META, &key, place, sizeof *place);
}

uint64_t state_seq(struct state_txn *txn)
{
    return state_place_get(txn).seq;
}
