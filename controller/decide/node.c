#include "schema/model/node.h"

#include "controller/decide/decide.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"

#include <string.h>

static const char *const reserved[] = {NULL};

static bool texts_equal(const struct aq_list *a, const struct aq_list *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(AQ_TEXT_ITEM(*a, i), AQ_TEXT_ITEM(*b, i)) != 0)
            return false;
    return true;
}

static bool describes_the_same(const struct aq_node *node, const struct aq_node_join *join)
{
    return node->instance == join->instance && strcmp(node->address, join->address) == 0 &&
           strcmp(node->agent_version, join->agent_version) == 0 && texts_equal(&node->drivers, &join->drivers) &&
           texts_equal(&node->identifiers, &join->identifiers) && aq_amounts_equal(&node->capacity, &join->capacity);
}

static void emit_joined(struct decide *decide, const struct aq_node_join *command)
{
    struct aq_node_joined event = {
        .name = command->name,
        .number = counter_last_id(decide->txn, &aq_entity_node) + 1,
        .instance = command->instance,
        .address = command->address,
        .agent_version = command->agent_version,
        .drivers = command->drivers,
        .identifiers = command->identifiers,
        .capacity = command->capacity,
    };
    decide_emit(decide, &aq_event_node_joined, &event);
}

static void emit_changed(struct decide *decide, const struct aq_node_join *command)
{
    struct aq_node_changed event = {
        .name = command->name,
        .instance = command->instance,
        .address = command->address,
        .agent_version = command->agent_version,
        .drivers = command->drivers,
        .identifiers = command->identifiers,
        .capacity = command->capacity,
    };
    decide_emit(decide, &aq_event_node_changed, &event);
}

static int join_node(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_join *command = record;
    struct aq_node node;
    decide_id_name(decide, command->name);
    if (!state_node(decide->txn, command->name, &node, decide->arena)) {
        if (decide_check_name(command->name, reserved, error) != 0)
            return -1;
        emit_joined(decide, command);
        return 0;
    }
    if (node.instance != command->instance && node.status == AQ_NODE_ACTIVE)
        return aq_fail(error, AQ_E_EXISTS, "node %s is alive at %s: give this agent another name", command->name,
                       node.address);
    if (!describes_the_same(&node, command))
        emit_changed(decide, command);
    if (node.status != AQ_NODE_ACTIVE) {
        struct aq_node_status_set event = {command->name, AQ_NODE_ACTIVE};
        decide_emit(decide, &aq_event_node_status_set, &event);
    }
    return 0;
}
DECIDE(aq_command_node_join, join_node);

static int lose_node(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_lose *command = record;
    struct aq_node node;
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (node.status == AQ_NODE_LOST)
        return 0;
    struct aq_node_status_set event = {command->name, AQ_NODE_LOST};
    decide_emit(decide, &aq_event_node_status_set, &event);
    return 0;
}
DECIDE(aq_command_node_lose, lose_node);

static int set_maintenance(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_maintenance *command = record;
    struct aq_node node;
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (node.maintenance == command->maintenance)
        return 0;
    struct aq_node_maintenance_set event = {command->name, command->maintenance};
    decide_emit(decide, &aq_event_node_maintenance_set, &event);
    return 0;
}
DECIDE(aq_command_node_maintenance, set_maintenance);

/* ---- delete --------------------------------------------------------------------------------------------- */

enum { ENDED_AT_ONCE_MAX = 16384 }; /* each takes two events, all in one decision */

struct ending {
    struct decide *decide;
    const char *reason;
    uint32_t count;
};

/* What ran there counts as ended: by deleting the node, the operator says that the host is gone for good. */
static bool end_resource(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct ending *ending = context;
    struct decide *decide = ending->decide;
    struct aq_resource resource;
    struct aq_application application;
    (void)value;
    (void)length;
    if (++ending->count > ENDED_AT_ONCE_MAX)
        return false;
    uint64_t id = state_key_number_at(key, sizeof(uint64_t));
    if (!state_resource(decide->txn, id, &resource, decide->arena) ||
        !state_application(decide->txn, resource.application, &application, decide->arena))
        return true;
    struct aq_resource_ended ended = {.id = id, .reason = ending->reason};
    decide_emit(decide, &aq_event_resource_ended, &ended);
    struct aq_application_moved moved = {.id = application.id, .description = ending->reason};
    if (application.status == AQ_DEALLOCATE)
        moved.status = AQ_DEALLOCATED;
    else if (application.status == AQ_ELECTED || application.status == AQ_ALLOCATED)
        moved.status = AQ_ERRORED;
    else
        return true; /* recalled before */
    decide_emit(decide, &aq_event_application_moved, &moved);
    return true;
}

static int delete_node(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_delete *command = record;
    struct aq_node node;
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    if (node.status != AQ_NODE_LOST)
        return aq_fail(error, AQ_E_STATE, "node %s is %s: stop its agent first; only a LOST node can be deleted",
                       command->name, aq_node_status_words.words[node.status]);
    struct ending ending = {decide, aq_arena_format(decide->arena, "node %s was deleted", command->name), 0};
    struct state_key prefix = state_key_number(node.number);
    index_scan(decide->txn, INDEX_NODE_RESOURCE, &prefix, end_resource, &ending);
    if (ending.count > ENDED_AT_ONCE_MAX)
        return aq_fail(
            error, AQ_E_LIMIT,
            "node %s holds more than %d resources, the most that can end at once: let its agent return and end "
            "some first",
            command->name, ENDED_AT_ONCE_MAX);
    struct aq_node_deleted event = {command->name};
    decide_emit(decide, &aq_event_node_deleted, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_node_delete, delete_node);
