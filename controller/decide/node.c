#include "schema/model/node.h"

#include "controller/decide/tasks.h"
#include "schema/base/utf8.h"
#include "schema/model/application.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"

#include <string.h>

static const char *const reserved[] = {NULL};

static bool describes_the_same(const struct aq_node *node, const struct aq_node_join *join)
{
    return node->instance == join->instance && strcmp(node->address, join->address) == 0 &&
           strcmp(node->agent_version, join->agent_version) == 0 && aq_texts_equal(&node->drivers, &join->drivers) &&
           aq_texts_equal(&node->identifiers, &join->identifiers) && aq_amounts_equal(&node->capacity, &join->capacity);
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

/* The node may have been deleted, or have got another key, since the agent said HELLO. */
static int check_key(const struct aq_node_join *command, const char *key, struct aq_error *error)
{
    if (command->key == NULL || command->key[0] == '\0' || strcmp(command->key, key) == 0)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "the key of this agent is not that of node %s any more", command->name);
}

/* Its host is back, if it has gone. But if the agent was only cut off, it may still shut the host down. */
static void note_return(struct decide *decide, const struct aq_node *node)
{
    struct aq_node_shutdown_set event = {.name = node->name, .order = node->shutdown_order, .reason = ""};
    if (aq_node_may_go(node, decide->time_ms)) {
        event.status = AQ_SHUTDOWN_GOING;
        event.at = node->shutdown_at;
        event.reason = "its node was lost and is back: its host has restarted, or is still about to go";
    }
    decide_emit(decide, &aq_event_node_shutdown_set, &event);
}

static int join_node(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_join *command = record;
    struct aq_node node;
    decide_id_name(decide, command->name);
    if (!state_node(decide->txn, command->name, &node, decide->arena)) {
        if (check_key(command, "", error) != 0 || decide_check_name(command->name, reserved, error) != 0)
            return -1;
        emit_joined(decide, command);
        return 0;
    }
    if (node.revoked)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "node %s was revoked: enrol its agent with a join token that says that it replaces",
                       command->name);
    if (check_key(command, node.key, error) != 0)
        return -1;
    if (node.instance != command->instance && node.status == AQ_NODE_ACTIVE)
        return aq_fail(error, AQ_E_EXISTS, "node %s is alive at %s: give this agent another name", command->name,
                       node.address);
    if (!describes_the_same(&node, command))
        emit_changed(decide, command);
    if (node.status != AQ_NODE_ACTIVE) {
        struct aq_node_status_set event = {command->name, AQ_NODE_ACTIVE};
        decide_emit(decide, &aq_event_node_status_set, &event);
        if (node.shutdown_status == AQ_SHUTDOWN_GOING)
            note_return(decide, &node);
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

/* ---- projects ------------------------------------------------------------------------------------------- */

/* The names that were given, each once; none if it is to serve all. */
static int read_projects(const struct decide *decide, const struct aq_list *given, struct aq_list *projects,
                         struct aq_error *error)
{
    *projects = (struct aq_list){aq_arena_alloc(decide->arena, given->count * sizeof(char *)), 0};
    if (given->count == 1 && strcmp(AQ_TEXT_ITEM(*given, 0), "*") == 0)
        return 0;
    for (uint32_t i = 0; i < given->count; i++) {
        const char *name = AQ_TEXT_ITEM(*given, i);
        bool good = name[0] != '\0' && aq_name_is_good(name, strlen(name));
        const struct state_key key = state_key_name(good ? name : "");
        if (!good || !state_exists(decide->txn, &aq_entity_project, &key) ||
            !aq_access_knows_project(&decide->caller, name))
            return aq_fail(error, AQ_E_INVALID, "projects[%u] is \"%.100s\", but there is no such project", i, name);
        if (!aq_texts_have(projects, name))
            AQ_TEXT_ITEM(*projects, projects->count++) = name;
    }
    return 0;
}

static int set_projects(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_projects *command = record;
    struct aq_node node;
    struct aq_list projects;
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0 ||
        read_projects(decide, &command->projects, &projects, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (aq_texts_equal(&node.projects, &projects))
        return 0;
    struct aq_node_projects_set event = {command->name, projects};
    decide_emit(decide, &aq_event_node_projects_set, &event);
    return 0;
}
DECIDE(aq_command_node_projects, set_projects);

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
    uint64_t id = state_key_number_at(key, sizeof(uint64_t));
    if (!state_resource(decide->txn, id, &resource, decide->arena) ||
        !state_application(decide->txn, resource.application, &application, decide->arena))
        return true;
    ending->count += 1 + decide_tasks_open(decide, application.id);
    if (ending->count > ENDED_AT_ONCE_MAX)
        return false;
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
        return aq_fail(error, AQ_E_LIMIT,
                       "node %s holds more than %d resources and tasks, the most that can end at once: let its agent "
                       "return and end some first",
                       command->name, ENDED_AT_ONCE_MAX);
    struct aq_node_deleted event = {command->name};
    decide_emit(decide, &aq_event_node_deleted, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_node_delete, delete_node);
