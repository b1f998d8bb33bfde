#include "schema/model/node.h"

#include "controller/project/project.h"

#include <string.h>

static void set_free(struct aq_node *node)
{
    node->free = node->capacity;
    aq_amounts_subtract(&node->free, &node->used);
}

void project_node(struct project *project, struct aq_node *node)
{
    struct state_key key = state_key_name(node->name);
    const struct state_key number = state_key_number(node->number);
    set_free(node);
    state_store(project->txn, &aq_entity_node, &key, node);
    if (aq_node_is_tended(node))
        index_put(project->txn, INDEX_TENDED, &number, node->name, strlen(node->name));
    else
        index_remove(project->txn, INDEX_TENDED, &number);
    if (project->index != NULL)
        place_index_set(project->index, node);
}

void project_node_used(struct project *project, struct aq_node *node)
{
    set_free(node);
    if (project->index != NULL)
        place_index_set_free(project->index, node->number, &node->free);
}

static void join_node(struct project *project, const void *data)
{
    const struct aq_node_joined *event = data;
    struct aq_node node = {
        .name = event->name,
        .number = event->number,
        .status = AQ_NODE_ACTIVE,
        .address = event->address,
        .agent_version = event->agent_version,
        .drivers = event->drivers,
        .identifiers = event->identifiers,
        .capacity = event->capacity,
        .instance = event->instance,
        .key = "",
        .joined_at = project->time_ms,
        .changed_at = project->time_ms,
    };
    struct state_key number = state_key_number(event->number);
    index_put(project->txn, INDEX_NODE_NUMBER, &number, event->name, strlen(event->name));
    counter_set_last_id(project->txn, &aq_entity_node, event->number);
    project_node(project, &node);
}
PROJECT(aq_event_node_joined, join_node);

/* Finds the node of an event that changes it. */
static bool find_changed(struct project *project, const char *name, struct aq_node *node)
{
    if (!project_expect(project, state_node(project->txn, name, node, project->arena)))
        return false;
    node->changed_at = project->time_ms;
    return true;
}

static void change_node(struct project *project, const void *data)
{
    const struct aq_node_changed *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    node.instance = event->instance;
    node.address = event->address;
    node.agent_version = event->agent_version;
    node.drivers = event->drivers;
    node.identifiers = event->identifiers;
    node.capacity = event->capacity;
    project_node(project, &node);
}
PROJECT(aq_event_node_changed, change_node);

static void set_status(struct project *project, const void *data)
{
    const struct aq_node_status_set *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    if (node.status != event->status)
        counter_add_lost(project->txn, COUNTER_LOST_NODES, event->status == AQ_NODE_LOST ? 1 : -1);
    node.status = event->status;
    node.lost_at = event->status == AQ_NODE_LOST ? project->time_ms : 0;
    project_node(project, &node);
}
PROJECT(aq_event_node_status_set, set_status);

static void set_maintenance(struct project *project, const void *data)
{
    const struct aq_node_maintenance_set *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    node.maintenance = event->maintenance;
    project_node(project, &node);
}
PROJECT(aq_event_node_maintenance_set, set_maintenance);

static void set_drain(struct project *project, const void *data)
{
    const struct aq_node_drain_set *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    node.drain_status = event->status;
    node.drain_ends_at = event->until;
    node.drain_force = event->force;
    node.drain_reason = event->reason;
    project_node(project, &node);
}
PROJECT(aq_event_node_drain_set, set_drain);

static void set_shutdown(struct project *project, const void *data)
{
    const struct aq_node_shutdown_set *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    node.shutdown_status = event->status;
    node.shutdown_at = event->at;
    node.shutdown_order = event->order;
    node.shutdown_reason = event->reason;
    project_node(project, &node);
}
PROJECT(aq_event_node_shutdown_set, set_shutdown);

static void set_projects(struct project *project, const void *data)
{
    const struct aq_node_projects_set *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    node.projects = event->projects;
    project_node(project, &node);
}
PROJECT(aq_event_node_projects_set, set_projects);

/* ---- keys ---------------------------------------------------------------------------------------------- */

static void put_key(struct project *project, enum state_index index, const char *key, const char *name)
{
    struct state_key row = {0};
    state_key_add_text(&row, key);
    index_put(project->txn, index, &row, name, strlen(name));
}

/* The key of the node is no key of a node any longer. */
static void forget_key(struct project *project, const struct aq_node *node)
{
    struct state_key row = {0};
    state_key_add_text(&row, node->key);
    if (node->key[0] != '\0' && !node->revoked)
        index_remove(project->txn, INDEX_NODE_KEY, &row);
}

/* For ever: the log that says so stays. */
static void revoke_key(struct project *project, const struct aq_node *node)
{
    forget_key(project, node);
    if (node->key[0] != '\0')
        put_key(project, INDEX_REVOKED_KEY, node->key, node->name);
}

/* Until its agent says HELLO, nothing is known of a new node but its name and key. */
static void add_enrolled(struct project *project, const struct aq_node_enrolled *event, struct aq_node *node)
{
    struct state_key number = state_key_number(event->number);
    *node = (struct aq_node){
        .name = event->name,
        .number = event->number,
        .status = AQ_NODE_LOST,
        .address = "",
        .agent_version = "",
        .key = "",
        .joined_at = project->time_ms,
        .lost_at = project->time_ms,
    };
    index_put(project->txn, INDEX_NODE_NUMBER, &number, event->name, strlen(event->name));
    counter_set_last_id(project->txn, &aq_entity_node, event->number);
    counter_add_lost(project->txn, COUNTER_LOST_NODES, 1);
}

static void enrol_node(struct project *project, const void *data)
{
    const struct aq_node_enrolled *event = data;
    struct aq_node node;
    if (state_node(project->txn, event->name, &node, project->arena))
        revoke_key(project, &node);
    else
        add_enrolled(project, event, &node);
    node.key = event->key;
    node.revoked = false;
    node.changed_at = project->time_ms;
    put_key(project, INDEX_NODE_KEY, node.key, node.name);
    project_node(project, &node);
}
PROJECT(aq_event_node_enrolled, enrol_node);

static void revoke_node(struct project *project, const void *data)
{
    const struct aq_node_revoked *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    revoke_key(project, &node);
    node.revoked = true;
    project_node(project, &node);
}
PROJECT(aq_event_node_revoked, revoke_node);

/* ---- delete -------------------------------------------------------------------------------------------- */

/* Keeps the number in INDEX_NODE_NUMBER: ballots refer to it. */
static void delete_node(struct project *project, const void *data)
{
    const struct aq_node_deleted *event = data;
    struct aq_node node;
    if (!find_changed(project, event->name, &node))
        return;
    struct state_key key = state_key_name(event->name), number = state_key_number(node.number);
    forget_key(project, &node);
    index_remove(project->txn, INDEX_TENDED, &number);
    if (node.status == AQ_NODE_LOST)
        counter_add_lost(project->txn, COUNTER_LOST_NODES, -1);
    state_remove(project->txn, &aq_entity_node, &key);
    if (project->index != NULL)
        place_index_remove(project->index, node.number);
}
PROJECT(aq_event_node_deleted, delete_node);
