#include "controller/state/indexes.h"

#include "controller/state/store.h"
#include "schema/model/access.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/membership.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"
#include "schema/model/token.h"

#include <string.h>

static const char *const tables[INDEX_COUNT] = {
#define STATE_INDEX_TABLE(id, table) [id] = (table),
    STATE_INDEXES(STATE_INDEX_TABLE)
#undef STATE_INDEX_TABLE
};

const char *index_table(enum state_index index)
{
    return tables[index];
}

enum state_index index_of_groups(const struct aq_entity *entity)
{
    const size_t length = strlen(entity->name);
    for (int index = 0; index < INDEX_COUNT; index++) {
        const char *name = tables[index];
        if (strncmp(name, entity->name, length) == 0 && name[length] == '-' &&
            strcmp(name + length + 1, entity->member) == 0)
            return (enum state_index)index;
    }
    aq_broken(__FILE__, __LINE__, "an entity with groups that has no index");
}

enum state_index index_of_owner(const struct aq_entity *entity)
{
    aq_assert(entity->indexed_by_owner);
    if (entity == &aq_entity_token)
        return INDEX_TOKEN_USER;
    if (entity == &aq_entity_membership)
        return INDEX_MEMBERSHIP_USER;
    if (entity == &aq_entity_task)
        return INDEX_TASK_USER;
    return entity == &aq_entity_resource ? INDEX_RESOURCE_USER : INDEX_OWNED;
}

enum state_index index_of_project(const struct aq_entity *entity)
{
    static const struct {
        const struct aq_entity *entity;
        enum state_index index;
    } all[] = {{&aq_entity_application, INDEX_APPLICATION_PROJECT},
               {&aq_entity_resource, INDEX_RESOURCE_PROJECT},
               {&aq_entity_task, INDEX_TASK_PROJECT},
               {&aq_entity_label, INDEX_LABEL_PROJECT},
               {&aq_entity_membership, INDEX_MEMBERSHIP_PROJECT}};
    for (size_t i = 0; i < AQ_LENGTH(all); i++)
        if (all[i].entity == entity)
            return all[i].index;
    aq_broken(__FILE__, __LINE__, "an entity of projects that has no index");
}

struct state_key index_epoch_ended(const char *epoch)
{
    struct state_key key = {.length = 0};
    state_key_add_text(&key, epoch);
    return key;
}

struct state_key index_project_prefix(const char *project)
{
    struct state_key key = {.length = 0};
    state_key_add_text(&key, project);
    return key;
}

struct state_key index_project_key(const char *project, uint64_t number)
{
    struct state_key key = index_project_prefix(project);
    state_key_add_number(&key, number);
    return key;
}

static MDB_val key_value(const struct state_key *key)
{
    return (MDB_val){key->length, (void *)key->bytes};
}

static void put_row(struct state_txn *txn, enum state_index index, const struct state_key *key, const void *value,
                    size_t length)
{
    /* By numbers and times that grow. */
    static const bool grows[INDEX_COUNT] = {[INDEX_WAITING] = true,
                                            [INDEX_HISTORY] = true,
                                            [INDEX_OPEN] = true,
                                            [INDEX_OVER] = true,
                                            [INDEX_KEY_TIMES] = true};
    MDB_val name = key_value(key), data = {length, (void *)value};
    store_latch(txn, store_put(txn, txn->env->indexes[index], &name, &data, grows[index]), tables[index]);
}

void index_flush(struct state_txn *txn)
{
    if (txn->has_waiting)
        put_row(txn, INDEX_WAITING, &txn->waiting, "", 0);
    txn->has_waiting = false;
}

bool index_get(struct state_txn *txn, enum state_index index, const struct state_key *key, const void **value,
               size_t *length)
{
    MDB_val name = key_value(key), found;
    if (index == INDEX_WAITING)
        index_flush(txn);
    int code = mdb_get(txn->txn, txn->env->indexes[index], &name, &found);
    store_latch(txn, code, tables[index]);
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
        txn->has_waiting = true;
        txn->waiting = *key;
        return;
    }
    put_row(txn, index, key, value, length);
}

void index_remove(struct state_txn *txn, enum state_index index, const struct state_key *key)
{
    MDB_val name = key_value(key);
    if (index == INDEX_WAITING && txn->has_waiting && state_key_equals(&txn->waiting, key->bytes, key->length)) {
        txn->has_waiting = false;
        return;
    }
    store_latch(txn, mdb_del(txn->txn, txn->env->indexes[index], &name, NULL), tables[index]);
}

static bool begins_with(const MDB_val *name, const struct state_key *prefix)
{
    return name->mv_size >= prefix->length && memcmp(name->mv_data, prefix->bytes, prefix->length) == 0;
}

/* To the first key after `after`; NULL: to the first with the prefix. Returns LMDB's code. */
static int go_after(MDB_cursor *cursor, const struct state_key *prefix, const struct state_key *after, MDB_val *name,
                    MDB_val *value)
{
    const struct state_key *from = after ? after : prefix;
    *name = key_value(from);
    int code = mdb_cursor_get(cursor, name, value, from->length ? MDB_SET_RANGE : MDB_FIRST);
    if (code == 0 && after != NULL && state_key_equals(after, name->mv_data, name->mv_size))
        code = mdb_cursor_get(cursor, name, value, MDB_NEXT);
    return code;
}

/* To the last key before `before`; NULL: to the last with the prefix. */
static int go_before(MDB_cursor *cursor, const struct state_key *prefix, const struct state_key *before, MDB_val *name,
                     MDB_val *value)
{
    struct state_key from = before ? *before : *prefix;
    if (before == NULL) { /* behind every key with the prefix */
        memset(from.bytes + from.length, 0xFF, sizeof from.bytes - from.length);
        from.length = sizeof from.bytes;
    }
    *name = key_value(&from);
    int code = mdb_cursor_get(cursor, name, value, MDB_SET_RANGE);
    return mdb_cursor_get(cursor, name, value, code == 0 ? MDB_PREV : MDB_LAST);
}

bool index_last(struct state_txn *txn, enum state_index index, const struct state_key *prefix, struct state_key *key,
                const void **value, size_t *length)
{
    MDB_cursor *cursor;
    MDB_val name, found = {0};
    index_flush(txn);
    int code = mdb_cursor_open(txn->txn, txn->env->indexes[index], &cursor);
    if (code != 0) {
        store_latch(txn, code, tables[index]);
        return false;
    }
    code = go_before(cursor, prefix, NULL, &name, &found);
    store_latch(txn, code, tables[index]);
    bool there = code == 0 && begins_with(&name, prefix) && store_copy_key(txn, &name, tables[index], key);
    if (there) {
        *value = found.mv_data;
        *length = found.mv_size;
    }
    mdb_cursor_close(cursor);
    return there;
}

static void scan(struct state_txn *txn, enum state_index index, const struct state_key *prefix,
                 const struct state_key *from, bool back, index_row_fn *row, void *context)
{
    MDB_cursor *cursor;
    MDB_val name, value;
    index_flush(txn);
    int code = mdb_cursor_open(txn->txn, txn->env->indexes[index], &cursor);
    if (code != 0) {
        store_latch(txn, code, tables[index]);
        return;
    }
    code = (back ? go_before : go_after)(cursor, prefix, from, &name, &value);
    while (code == 0 && begins_with(&name, prefix)) {
        struct state_key key;
        if (!store_copy_key(txn, &name, tables[index], &key) || !row(context, &key, value.mv_data, value.mv_size))
            break;
        code = mdb_cursor_get(cursor, &name, &value, back ? MDB_PREV : MDB_NEXT);
    }
    store_latch(txn, code, tables[index]);
    mdb_cursor_close(cursor);
}

void index_scan_after(struct state_txn *txn, enum state_index index, const struct state_key *prefix,
                      const struct state_key *after, index_row_fn *row, void *context)
{
    scan(txn, index, prefix, after, false, row, context);
}

void index_scan_back(struct state_txn *txn, enum state_index index, const struct state_key *prefix,
                     const struct state_key *before, index_row_fn *row, void *context)
{
    scan(txn, index, prefix, before, true, row, context);
}

void index_scan(struct state_txn *txn, enum state_index index, const struct state_key *prefix, index_row_fn *row,
                void *context)
{
    scan(txn, index, prefix, NULL, false, row, context);
}

uint64_t index_count(struct state_txn *txn, enum state_index index)
{
    MDB_stat stat = {0};
    index_flush(txn);
    store_latch(txn, mdb_stat(txn->txn, txn->env->indexes[index], &stat), tables[index]);
    return stat.ms_entries;
}
