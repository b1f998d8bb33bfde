/* Maintenance of nodes: they take no new work, drain, and their hosts are shut down. */
#include "controller/decide/placement.h"
#include "controller/decide/quarantine.h"
#include "controller/decide/tasks.h"
#include "schema/codec/number.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <string.h>

enum {
    GIVEN_BACK_AT_ONCE = 256, /* in one decision; the others follow */
    NAMED_MAX = 10,           /* applications in a reason */
    SEEN_MAX = 16384,         /* resources that one decision looks at */
};

static void emit_maintenance(struct decide *decide, const struct aq_node *node, bool maintenance)
{
    struct aq_node_maintenance_set event = {node->name, maintenance};
    if (node->maintenance != maintenance)
        decide_emit(decide, &aq_event_node_maintenance_set, &event);
}

static void emit_drain(struct decide *decide, const struct aq_node *node, enum aq_drain_status status,
                       const char *reason)
{
    struct aq_node_drain_set event = {node->name, status, node->drain_ends_at, node->drain_force, reason};
    decide_emit(decide, &aq_event_node_drain_set, &event);
}

static void emit_shutdown(struct decide *decide, const struct aq_node *node, enum aq_shutdown_status status,
                          uint64_t at, const char *reason)
{
    struct aq_node_shutdown_set event = {node->name, status, at, node->shutdown_order, reason};
    decide_emit(decide, &aq_event_node_shutdown_set, &event);
}

/* ---- maintenance ---------------------------------------------------------------------------------------- */

/* The agent may have run the power-off command by now, even if the node is LOST: it may only be cut off. */
static int check_not_too_late(const struct decide *decide, const struct aq_node *node, struct aq_error *error)
{
    char since[AQ_TIME_TEXT_SIZE];
    aq_time_to_text(node->shutdown_at, since);
    if (!aq_node_may_go(node, decide->time_ms))
        return 0;
    return aq_fail(error, AQ_E_STATE,
                   "node %s shuts its host down since %s: it is too late to call that off; ask again in a minute",
                   node->name, since);
}

/* It takes work again, and nothing that was planned for it happens. */
static int call_off(struct decide *decide, const struct aq_node *node, struct aq_error *error)
{
    const struct aq_node plain = {.name = node->name, .shutdown_order = node->shutdown_order};
    if (check_not_too_late(decide, node, error) != 0)
        return -1;
    if (node->shutdown_status != AQ_SHUTDOWN_NONE)
        emit_shutdown(decide, &plain, AQ_SHUTDOWN_NONE, 0, "");
    if (node->drain_status != AQ_DRAIN_NONE)
        emit_drain(decide, &plain, AQ_DRAIN_NONE, "");
    emit_maintenance(decide, node, false);
    return 0;
}

static int plan_shutdown(struct decide *decide, struct aq_node *node, uint64_t after, struct aq_error *error)
{
    if (check_not_too_late(decide, node, error) != 0)
        return -1;
    /* Never the same number as before: the agent may remember that one. */
    node->shutdown_order = decide->time_ms > node->shutdown_order ? decide->time_ms : node->shutdown_order + 1;
    emit_shutdown(decide, node, AQ_SHUTDOWN_PLANNED, decide->time_ms + after * 1000, "");
    return 0;
}

static int set_maintenance(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_maintenance *command = record;
    struct aq_node node;
    if (command->cancel && (command->maintenance || command->shutdown_after != 0))
        return aq_fail(error, AQ_E_INVALID,
                       "cancel calls maintenance off: give neither maintenance nor shutdown_after");
    if (!command->maintenance && command->shutdown_after != 0)
        return aq_fail(error, AQ_E_INVALID, "shutdown_after is for a node in maintenance: maintenance must be true");
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (!command->maintenance)
        return call_off(decide, &node, error);
    emit_maintenance(decide, &node, true);
    return command->shutdown_after != 0 ? plan_shutdown(decide, &node, command->shutdown_after, error) : 0;
}
DECIDE(aq_command_node_maintenance, set_maintenance);

static int drain_node(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_drain *command = record;
    struct aq_node node;
    if (command->cancel && (command->timeout != 0 || command->force))
        return aq_fail(error, AQ_E_INVALID, "cancel calls the drain off: give neither timeout nor force");
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (command->cancel)
        return call_off(decide, &node, error);
    node.drain_ends_at = command->timeout != 0 || command->force ? decide->time_ms + command->timeout * 1000 : 0;
    node.drain_force = command->force;
    emit_maintenance(decide, &node, true);
    emit_drain(decide, &node, AQ_DRAINING, "");
    return 0;
}
DECIDE(aq_command_node_drain, drain_node);

/* ---- what is due ---------------------------------------------------------------------------------------- */

/* What is on a node. */
struct holders {
    struct decide *decide;
    const struct aq_node *node;
    bool drains;    /* what its label says is given back now, */
    bool forced;    /* and all the rest, too */
    uint32_t count; /* of resources, */
    uint32_t given; /* of those that were given back now, */
    uint32_t named; /* and of those whose applications are in `names` */
    struct aq_buffer names;
};

static bool is_given_back(const struct holders *holders, const struct aq_resource *resource,
                          const struct aq_application *application)
{
    if (!holders->drains || holders->given == GIVEN_BACK_AT_ONCE)
        return false;
    const bool waits = application->status == AQ_DEALLOCATE && resource->status != AQ_RESOURCE_STOPPING;
    if (holders->forced)
        return application->status == AQ_ALLOCATED || application->status == AQ_ELECTED || waits;
    if (application->status != AQ_ALLOCATED) /* what does not run yet may still be started elsewhere */
        return false;
    const struct aq_label label = decide_label_of(holders->decide, application);
    return AQ_ITEM(label.definitions, struct aq_definition, resource->definition)->resources.drain ==
           AQ_DRAIN_GIVES_BACK;
}

static void give_back(struct holders *holders, const struct aq_application *application)
{
    const char *reason = aq_arena_format(holders->decide->arena, "node %s drains", holders->node->name);
    if (holders->forced)
        decide_give_back_at_once(holders->decide, application, reason);
    else
        decide_give_back(holders->decide, application, reason);
    holders->given++;
}

static bool look_at_holder(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct holders *holders = context;
    struct decide *decide = holders->decide;
    struct aq_resource resource;
    struct aq_application application;
    (void)value, (void)length;
    if (!state_resource(decide->txn, state_key_number_at(key, sizeof(uint64_t)), &resource, decide->arena) ||
        !state_application(decide->txn, resource.application, &application, decide->arena))
        return true;
    if (is_given_back(holders, &resource, &application))
        give_back(holders, &application);
    if (holders->named < NAMED_MAX)
        aq_buffer_format(&holders->names, "%s%" PRIu64, holders->named++ > 0 ? ", " : "", application.id);
    return ++holders->count < SEEN_MAX;
}

static struct holders look_at_holders(struct decide *decide, const struct aq_node *node)
{
    const struct state_key prefix = state_key_number(node->number);
    const bool drains = node->drain_status == AQ_DRAINING || node->drain_status == AQ_DRAIN_LATE;
    struct holders holders = {.decide = decide,
                              .node = node,
                              .drains = drains,
                              .forced = drains && node->drain_force && decide->time_ms >= node->drain_ends_at};
    index_scan(decide->txn, INDEX_NODE_RESOURCE, &prefix, look_at_holder, &holders);
    return holders;
}

/* "application 13", "applications 13, 14 and 3 more" */
static const char *name_holders(struct holders *holders)
{
    struct aq_buffer *names = &holders->names;
    const char *plural = holders->count > 1 ? "s" : "";
    const char *listed = aq_arena_text(holders->decide->arena, names->data, names->length);
    if (holders->count > holders->named)
        return aq_arena_format(holders->decide->arena, "application%s %s and %s%u more", plural, listed,
                               holders->count == SEEN_MAX ? "at least " : "", holders->count - holders->named);
    return aq_arena_format(holders->decide->arena, "application%s %s", plural, listed);
}

static void go_on_draining(struct decide *decide, const struct aq_node *node, struct holders *holders)
{
    const bool over = node->drain_ends_at != 0 && decide->time_ms >= node->drain_ends_at;
    if (holders->count == 0)
        emit_drain(decide, node, AQ_DRAINED, "");
    else if (over && node->drain_status == AQ_DRAINING && holders->given == 0)
        emit_drain(decide, node, AQ_DRAIN_LATE,
                   aq_arena_format(decide->arena, "%s: still there", name_holders(holders)));
}

static void go_on_shutting_down(struct decide *decide, const struct aq_node *node, struct holders *holders)
{
    const uint64_t now_ms = decide->time_ms, since_ms = node->shutdown_at;
    const bool patient = now_ms < since_ms + AQ_SHUTDOWN_PATIENCE_MS;
    const bool going = node->shutdown_status == AQ_SHUTDOWN_GOING && node->status == AQ_NODE_ACTIVE;
    if (node->shutdown_status == AQ_SHUTDOWN_PLANNED && now_ms >= since_ms) {
        if (holders->count > 0 && node->shutdown_reason[0] == '\0')
            emit_shutdown(decide, node, AQ_SHUTDOWN_PLANNED, since_ms,
                          aq_arena_format(decide->arena, "waits for the end of %s", name_holders(holders)));
        else if (holders->count == 0 && node->status == AQ_NODE_ACTIVE)
            emit_shutdown(decide, node, AQ_SHUTDOWN_TOLD, now_ms, "");
    } else if (node->shutdown_status == AQ_SHUTDOWN_TOLD && !patient) {
        emit_shutdown(decide, node, AQ_SHUTDOWN_FAILED, now_ms,
                      "its agent was told, and has not answered: is it of an earlier build, or cut off?");
    } else if (going && node->shutdown_reason[0] != '\0' && !aq_node_may_go(node, now_ms)) {
        emit_shutdown(decide, node, AQ_SHUTDOWN_NONE, 0, ""); /* its host is back */
    } else if (going && !patient) {
        emit_shutdown(decide, node, AQ_SHUTDOWN_FAILED, now_ms,
                      aq_arena_format(decide->arena,
                                      "its agent has run shutdown.command, but the host is still there after %dm",
                                      AQ_SHUTDOWN_PATIENCE_MS / 60000));
    }
}

static int tend_node(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_tend *command = record;
    struct aq_node node;
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (!aq_node_is_tended(&node))
        return 0;
    quarantine_tend(decide, &node);
    struct holders holders = look_at_holders(decide, &node);
    if (holders.drains)
        go_on_draining(decide, &node, &holders);
    go_on_shutting_down(decide, &node, &holders);
    aq_buffer_free(&holders.names);
    return 0;
}
DECIDE(aq_command_node_tend, tend_node);

/* ---- the agent's answer --------------------------------------------------------------------------------- */

/* Until this is decided, the shutdown can be called off; the agent goes on only when it is told that it was. */
static int answer_shutdown(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_node_shutdown_answer *command = record;
    struct aq_node node;
    if (decide_find_name(decide, &aq_entity_node, command->name, &node, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    const bool waited_for = node.shutdown_order == command->order &&
                            (node.shutdown_status == AQ_SHUTDOWN_TOLD || node.shutdown_status == AQ_SHUTDOWN_GOING);
    if (!waited_for)
        return aq_fail(error, AQ_E_STATE, "node %s is not to be shut down: that was called off", command->name);
    if (command->refused[0] != '\0')
        emit_shutdown(decide, &node, AQ_SHUTDOWN_FAILED, decide->time_ms, command->refused);
    else if (node.shutdown_status == AQ_SHUTDOWN_TOLD)
        emit_shutdown(decide, &node, AQ_SHUTDOWN_GOING, decide->time_ms, "");
    return 0;
}
DECIDE(aq_command_node_shutdown_answer, answer_shutdown);
