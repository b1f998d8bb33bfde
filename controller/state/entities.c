/* Rows of each entity by their key, and keys by what else identifies a row. */
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/store.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/join_token.h"
#include "schema/model/label.h"
#include "schema/model/membership.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/role.h"
#include "schema/model/task.h"
#include "schema/model/token.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- rows --------------------------------------------------------------------------------------------- */

static bool find_by_name(struct state_txn *txn, const struct aq_entity *entity, const char *name, void *object,
                         struct aq_arena *arena)
{
    struct state_key key = state_key_name(name);
    return state_find(txn, entity, &key, object, arena);
}

static bool find_by_number(struct state_txn *txn, const struct aq_entity *entity, uint64_t number, void *object,
                           struct aq_arena *arena)
{
    struct state_key key = state_key_number(number);
    return state_find(txn, entity, &key, object, arena);
}

bool state_user(struct state_txn *txn, const char *name, struct aq_user *user, struct aq_arena *arena)
{
    return find_by_name(txn, &aq_entity_user, name, user, arena);
}

bool state_project(struct state_txn *txn, const char *name, struct aq_project *project, struct aq_arena *arena)
{
    return find_by_name(txn, &aq_entity_project, name, project, arena);
}

bool state_task(struct state_txn *txn, uint64_t id, struct aq_task *task, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_task, id, task, arena);
}

bool state_membership(struct state_txn *txn, uint64_t id, struct aq_membership *membership, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_membership, id, membership, arena);
}

uint64_t state_membership_of(struct state_txn *txn, const char *project, const char *user)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_user row;
    if (!state_user(txn, user, &row, &arena))
        return 0;
    for (uint32_t i = 0; i < row.memberships.count; i++) {
        const struct aq_user_membership *membership = AQ_ITEM(row.memberships, struct aq_user_membership, i);
        if (strcmp(membership->project, project) == 0)
            return membership->id;
    }
    return 0;
}

bool state_role(struct state_txn *txn, const char *name, struct aq_role *role, struct aq_arena *arena)
{
    return find_by_name(txn, &aq_entity_role, name, role, arena);
}

static bool get_name(struct state_txn *txn, enum state_index index, const struct state_key *key, char *name,
                     size_t size)
{
    const void *value;
    size_t length;
    if (!index_get(txn, index, key, &value, &length) || length >= size)
        return false;
    memcpy(name, value, length);
    name[length] = '\0';
    return true;
}

bool state_user_of_uid(struct state_txn *txn, uint64_t uid, char *name, size_t size)
{
    struct state_key key = {0};
    state_key_add_number(&key, uid);
    return get_name(txn, INDEX_USER_UID, &key, name, size);
}

bool state_label(struct state_txn *txn, uint64_t id, struct aq_label *label, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_label, id, label, arena);
}

bool state_node(struct state_txn *txn, const char *name, struct aq_node *node, struct aq_arena *arena)
{
    return find_by_name(txn, &aq_entity_node, name, node, arena);
}

bool state_token(struct state_txn *txn, uint64_t id, struct aq_token *token, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_token, id, token, arena);
}

bool state_join_token(struct state_txn *txn, uint64_t id, struct aq_join_token *token, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_join_token, id, token, arena);
}

bool state_application(struct state_txn *txn, uint64_t id, struct aq_application *application, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_application, id, application, arena);
}

bool state_resource(struct state_txn *txn, uint64_t id, struct aq_resource *resource, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_resource, id, resource, arena);
}

bool state_ended(struct state_txn *txn, uint64_t id, struct aq_ended *ended, struct aq_arena *arena)
{
    struct state_key key = state_key_number(id);
    const void *value;
    size_t length;
    struct aq_error error;
    if (!index_get(txn, INDEX_ENDED, &key, &value, &length))
        return false;
    if (aq_record_unpack(&aq_ended_record, ended, value, length, false, arena, &error) == 0)
        return true;
    store_damage(txn, value, index_table(INDEX_ENDED));
    return false;
}

/* Numbers are given one after another, so one that was given and has no row has left. */
bool state_has_left(struct state_txn *txn, uint64_t application)
{
    const struct state_key key = state_key_number(application);
    return application != 0 && application <= counter_last_id(txn, &aq_entity_application) &&
           !state_exists(txn, &aq_entity_application, &key);
}

int state_fail_absent(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                      struct aq_error *error)
{
    uint64_t number = entity == &aq_entity_application ? state_key_number_at(key, 0) : 0;
    if (!state_has_left(txn, number))
        return state_fail_missing(entity, key, error);
    return aq_fail(error, AQ_E_NOT_FOUND,
                   "application %" PRIu64 " has ended and left the tables; admins find its events with "
                   "`aq log show application %" PRIu64 "`",
                   number, number);
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static uint64_t get_id(struct state_txn *txn, enum state_index index, const struct state_key *key)
{
    uint64_t id = 0;
    const void *value;
    size_t length;
    if (index_get(txn, index, key, &value, &length)) {
        aq_assert(length == sizeof id);
        memcpy(&id, value, length);
    }
    return id;
}

bool state_node_name(struct state_txn *txn, uint64_t number, char *name, size_t size)
{
    struct state_key key = state_key_number(number);
    return get_name(txn, INDEX_NODE_NUMBER, &key, name, size);
}

bool state_node_of_key(struct state_txn *txn, const char *key, char *name, size_t size)
{
    struct state_key row = {0};
    if (strlen(key) >= STATE_KEY_MAX)
        return false;
    state_key_add_text(&row, key);
    return get_name(txn, INDEX_NODE_KEY, &row, name, size);
}

bool state_key_was_revoked(struct state_txn *txn, const char *key)
{
    struct state_key row = {0};
    const void *value;
    size_t length;
    if (strlen(key) >= STATE_KEY_MAX)
        return false;
    state_key_add_text(&row, key);
    return index_get(txn, INDEX_REVOKED_KEY, &row, &value, &length);
}

uint64_t state_token_of_hash(struct state_txn *txn, const char *hash)
{
    struct state_key key = {0};
    if (strlen(hash) >= STATE_KEY_MAX)
        return 0;
    state_key_add_text(&key, hash);
    return get_id(txn, INDEX_TOKEN_HASH, &key);
}

struct named {
    const char *name;
    uint64_t id;
};

static bool find_named(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct named *named = context;
    if (length != strlen(named->name) || memcmp(value, named->name, length) != 0)
        return true;
    named->id = state_key_number_at(key, sizeof(uint64_t));
    return false;
}

uint64_t state_token_named(struct state_txn *txn, uint64_t user_number, const char *name)
{
    struct named named = {.name = name};
    const struct state_key own = state_key_number(user_number);
    index_scan(txn, INDEX_TOKEN_USER, &own, find_named, &named);
    return named.id;
}

uint64_t state_join_token_of_hash(struct state_txn *txn, const char *hash)
{
    struct state_key key = {0};
    if (strlen(hash) >= STATE_KEY_MAX)
        return 0;
    state_key_add_text(&key, hash);
    return get_id(txn, INDEX_JOIN_SECRET, &key);
}

struct found_ids {
    uint64_t *ids;
    size_t count, most;
};

static bool note_id(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct found_ids *found = context;
    (void)value;
    (void)length;
    found->ids[found->count++] = state_key_number_at(key, key->length - sizeof(uint64_t));
    return found->count < found->most;
}

size_t state_resources_at(struct state_txn *txn, const char *address, uint64_t after, uint64_t *ids, size_t most)
{
    struct state_key key = {0}, last;
    struct found_ids found = {ids, 0, most};
    if (strlen(address) >= STATE_KEY_MAX - sizeof(uint64_t) || most == 0)
        return 0;
    state_key_add_text(&key, address);
    last = key;
    state_key_add_number(&last, after);
    index_scan_after(txn, INDEX_ADDRESS, &key, after != 0 ? &last : NULL, note_id, &found);
    return found.count;
}
