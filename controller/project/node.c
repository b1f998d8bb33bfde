#include "schema/model/node.h"

#include "controller/project/project.h"

#include <string.h>

static void store(struct project *project, struct aq_node *node)
{
    struct state_key key = state_key_name(node->name);
    node->free = node->capacity;
    aq_amounts_subtract(&node->free, &node->used);
    project_store(project, "node", &key, node);
}

void project_node(struct project *project, struct aq_node *node)
{
    store(project, node);
    if (project->index != NULL)
        place_index_set(project->index, node);
}

void project_node_used(struct project *project, struct aq_node *node)
{
    store(project, node);
    if (project->index != NULL)
        place_index_set_free(project->index, node->number, &node->free);
}

static void joined(struct project *project, const void *data)
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
        .joined_at = project->time_ms,
        .changed_at = project->time_ms,
    };
    struct state_key number = state_key_number(event->number);
    index_put(project->txn, INDEX_NODE_NUMBER, &number, event->name, strlen(event->name));
    counter_set_last_id(project->txn, "node", event->number);
    project_node(project, &node);
}
PROJECT(aq_event_node_joined, joined);

static bool get(struct project *project, const char *name, struct aq_node *node)
{
    struct aq_error error;
    bool found = state_node(project->txn, name, node, project->arena);
    aq_assert(found || state_failed(project->txn, &error));
    if (found)
        node->changed_at = project->time_ms;
    return found;
}

static void changed(struct project *project, const void *data)
{
    const struct aq_node_changed *event = data;
    struct aq_node node;
    if (!get(project, event->name, &node))
        return;
    node.instance = event->instance;
    node.address = event->address;
    node.agent_version = event->agent_version;
    node.drivers = event->drivers;
    node.identifiers = event->identifiers;
    node.capacity = event->capacity;
    project_node(project, &node);
}
PROJECT(aq_event_node_changed, changed);

static void status_set(struct project *project, const void *data)
{
    const struct aq_node_status_set *event = data;
    struct aq_node node;
    if (!get(project, event->name, &node))
        return;
    node.status = event->status;
    project_node(project, &node);
}
PROJECT(aq_event_node_status_set, status_set);

static void maintenance_set(struct project *project, const void *data)
{
    const struct aq_node_maintenance_set *event = data;
    struct aq_node node;
    if (!get(project, event->name, &node))
        return;
    node.maintenance = event->maintenance;
    project_node(project, &node);
}
PROJECT(aq_event_node_maintenance_set, maintenance_set);

/* Its number stays known: ballots go on naming it. */
static void deleted(struct project *project, const void *data)
{
    const struct aq_node_deleted *event = data;
    struct aq_node node;
    if (!get(project, event->name, &node))
        return;
    struct state_key key = state_key_name(event->name);
    project_remove(project, "node", &key);
    if (project->index != NULL)
        place_index_remove(project->index, node.number);
}
PROJECT(aq_event_node_deleted, deleted);
