#include "controller/state/counters.h"

#include "controller/state/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t get(struct state_txn *txn, const struct state_key *key)
{
    const void *value;
    size_t length;
    uint64_t number = 0;
    if (index_get(txn, INDEX_META, key, &value, &length)) {
        if (length == sizeof number)
            memcpy(&number, value, sizeof number);
        else
            store_damage(txn, value, index_table(INDEX_META));
    }
    return number;
}

static void set(struct state_txn *txn, const struct state_key *key, uint64_t value)
{
    if (value == 0)
        index_remove(txn, INDEX_META, key);
    else
        index_put(txn, INDEX_META, key, &value, sizeof value);
}

static void add(struct state_txn *txn, const struct state_key *key, int change)
{
    struct aq_error error;
    uint64_t value = get(txn, key);
    if (state_failed(txn, &error))
        return; /* the value may be wrong */
    aq_assert(change >= 0 || value >= (uint64_t)-change);
    set(txn, key, value + (uint64_t)change);
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* The key of the counter "<kind><name>". */
static struct state_key key_of(const char *kind, const char *name)
{
    struct state_key key;
    key.length = strlen(kind);
    memcpy(key.bytes, kind, key.length);
    state_key_add_text(&key, name);
    return key;
}

static struct state_key key_of_last_id(const struct aq_entity *entity)
{
    return key_of("next/", entity->name);
}

static struct state_key key_of_version(const char *label)
{
    return key_of("version/", label);
}

static struct state_key key_of_open_by_user(const char *user)
{
    return key_of("open/user/", user);
}

static struct state_key key_of_open_by_label(uint64_t label_id)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, label_id);
    return key_of("open/label/", digits);
}

/* ---- each kind ---------------------------------------------------------------------------------------- */

uint64_t counter_last_id(struct state_txn *txn, const struct aq_entity *entity)
{
    struct state_key key = key_of_last_id(entity);
    return get(txn, &key);
}

void counter_set_last_id(struct state_txn *txn, const struct aq_entity *entity, uint64_t id)
{
    struct state_key key = key_of_last_id(entity);
    set(txn, &key, id);
}

uint64_t counter_label_version(struct state_txn *txn, const char *label)
{
    struct state_key key = key_of_version(label);
    return get(txn, &key);
}

void counter_set_label_version(struct state_txn *txn, const char *label, uint64_t version)
{
    struct state_key key = key_of_version(label);
    set(txn, &key, version);
}

uint64_t counter_open_of_user(struct state_txn *txn, const char *user)
{
    struct state_key key = key_of_open_by_user(user);
    return get(txn, &key);
}

uint64_t counter_open_of_label(struct state_txn *txn, uint64_t label_id)
{
    struct state_key key = key_of_open_by_label(label_id);
    return get(txn, &key);
}

void counter_add_open(struct state_txn *txn, const char *user, uint64_t label_id, int change)
{
    struct state_key of_user = key_of_open_by_user(user), of_label = key_of_open_by_label(label_id);
    add(txn, &of_user, change);
    add(txn, &of_label, change);
}

static struct state_key key_of_lost(void)
{
    return key_of("lost/", "nodes");
}

uint64_t counter_lost_nodes(struct state_txn *txn)
{
    struct state_key key = key_of_lost();
    return get(txn, &key);
}

void counter_add_lost_node(struct state_txn *txn, int change)
{
    struct state_key key = key_of_lost();
    add(txn, &key, change);
    txn->lost = STORE_LOST_UNKNOWN;
}

uint64_t counter_get(struct state_txn *txn, const char *name)
{
    struct state_key key = key_of("", name);
    return get(txn, &key);
}

void counter_set(struct state_txn *txn, const char *name, uint64_t value)
{
    struct state_key key = key_of("", name);
    set(txn, &key, value);
}
