/* Rows of each entity by their key, and keys by what else identifies a row. */
#include "controller/state/counters.h"
#include "controller/state/store.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
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

bool state_label(struct state_txn *txn, uint64_t id, struct aq_label *label, struct aq_arena *arena)
{
    return find_by_number(txn, &aq_entity_label, id, label, arena);
}

bool state_node(struct state_txn *txn, const char *name, struct aq_node *node, struct aq_arena *arena)
{
    return find_by_name(txn, &aq_entity_node, name, node, arena);
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
    const void *value;
    size_t length;
    if (!index_get(txn, INDEX_NODE_NUMBER, &key, &value, &length))
        return false;
    snprintf(name, size, "%.*s", (int)length, (const char *)value);
    return true;
}

uint64_t state_resource_at(struct state_txn *txn, const char *address)
{
    struct state_key key = {0};
    if (strlen(address) >= STATE_KEY_MAX)
        return 0;
    state_key_add_text(&key, address);
    return get_id(txn, INDEX_ADDRESS, &key);
}
