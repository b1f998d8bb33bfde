#include "controller/hub/changes.h"

#include "schema/base/journal.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"

#include <string.h>

enum {
    EVENTS_TURN = 10000,     /* events that one call reads */
    EVENTS_BEHIND = 1000000, /* if more events than this are new, the tables are read instead */
};

static const struct aq_entity *nodes(void)
{
    return &aq_entity_node;
}

/* ---- tables -------------------------------------------------------------------------------------------- */

static bool load_node(void *context, const struct state_key *key, const void *object)
{
    struct hub_base *base = context;
    const struct aq_node *node = object;
    (void)key;
    struct hub_agent *agent = agents_add(&base->agents, node->name);
    if (agent == NULL)
        return true; /* too many: its HELLO will be refused */
    if (!agent->known)
        agent->seen_ms = base->now.steady_ms;
    agent->known = true;
    agent->active = node->status == AQ_NODE_ACTIVE;
    agent_set_owner(agent, node->instance, node->address);
    agents_set_key(&base->agents, agent, node->revoked ? "" : node->key);
    return true;
}

/* Reads all nodes: at start, and when there are too many new events or they cannot be read. */
static void load_nodes(struct hub_changes *changes)
{
    struct hub_base *base = changes->base;
    struct agents *agents = &base->agents;
    struct state_txn *txn = NULL;
    struct aq_error error;
    if (state_read(base->state, &txn, &error) != 0) {
        aq_journal(AQ_ERROR, "the tables cannot be read", "error", error.message, NULL);
        return;
    }
    for (uint32_t i = 0; i < agents->count; i++)
        agents->all[i]->active = false;
    state_scan(txn, nodes(), NULL, load_node, base);
    changes->seen_seq = state_seq(txn);
    for (uint32_t i = agents->count; i > 0; i--) {
        struct hub_agent *agent = agents->all[i - 1];
        struct state_key key = state_key_name(agent->name);
        if (!state_exists(txn, nodes(), &key) && agent->joining == NULL)
            sessions_drop_node(changes->sessions, agent);
        else if (agent->session != 0)
            agents_tell_all(agents, agent);
    }
    changes->loaded = !state_failed(txn, &error);
    state_end(txn);
}

/* ---- events -------------------------------------------------------------------------------------------- */

struct reading {
    struct hub_changes *changes;
    struct state_txn *txn; /* at least as new as the events */
    struct aq_arena arena; /* for one row; the base's arena may hold a message */
};

/* The node may be there again in tables that are newer. */
static void end_session(const struct reading *reading, const char *name)
{
    struct hub_agent *agent = agents_find(&reading->changes->base->agents, name);
    if (agent != NULL)
        sessions_drop_node(reading->changes->sessions, agent);
}

static void read_node(struct reading *reading, const char *name)
{
    struct aq_node node;
    aq_arena_reset(&reading->arena);
    if (state_node(reading->txn, name, &node, &reading->arena))
        load_node(reading->changes->base, NULL, &node);
}

/* The next delivery says that its host is to be shut down. */
static void shutdown_set(const struct reading *reading, const struct aq_node_shutdown_set *event)
{
    struct agents *agents = &reading->changes->base->agents;
    struct hub_agent *agent = agents_find(agents, event->name);
    if (agent != NULL && (event->status == AQ_SHUTDOWN_TOLD || event->status == AQ_SHUTDOWN_GOING))
        agents_tell_all(agents, agent);
}

static void tell_agent(const struct reading *reading, const char *node, uint64_t resource)
{
    struct agents *agents = &reading->changes->base->agents;
    struct hub_agent *agent = agents_find(agents, node);
    if (agent != NULL)
        agents_tell(agents, agent, resource);
}

static void resource_stopped(struct reading *reading, uint64_t number)
{
    struct aq_resource resource;
    aq_arena_reset(&reading->arena);
    if (state_resource(reading->txn, number, &resource, &reading->arena))
        tell_agent(reading, resource.node, number);
}

static void task_changed(struct reading *reading, uint64_t number)
{
    struct aq_task task;
    aq_arena_reset(&reading->arena);
    if (state_task(reading->txn, number, &task, &reading->arena) && task.resource != 0)
        tell_agent(reading, task.node, task.resource);
}

/* A key that was revoked or replaced ends the session, too. */
static void node_changed(struct reading *reading, const struct aq_event *event)
{
    const struct aq_field *key = aq_record_field(event->type->record, aq_entity_key(nodes())->name);
    aq_assert(key != NULL);
    const char *name = aq_field_text(key, event->data);
    const bool deleted = event->type == &aq_event_node_deleted;
    if (deleted || event->type == &aq_event_node_revoked || event->type == &aq_event_node_enrolled)
        end_session(reading, name);
    if (!deleted)
        read_node(reading, name);
}

static bool read_event(void *context, const struct aq_event *event)
{
    struct reading *reading = context;
    reading->changes->seen_seq = event->seq;
    if (event->type->entity == &aq_entity_node) {
        node_changed(reading, event);
        if (event->type == &aq_event_node_shutdown_set)
            shutdown_set(reading, event->data);
    } else if (event->type == &aq_event_application_elected) {
        const struct aq_application_elected *elected = event->data;
        tell_agent(reading, elected->node, elected->resource);
    } else if (event->type == &aq_event_resource_stopped) {
        const struct aq_resource_stopped *stopped = event->data;
        resource_stopped(reading, stopped->id);
    } else if (event->type == &aq_event_task_begun) {
        const struct aq_task_begun *begun = event->data;
        tell_agent(reading, begun->node, begun->resource);
    } else if (event->type == &aq_event_task_ended) {
        const struct aq_task_ended *ended = event->data;
        task_changed(reading, ended->id);
    } else if (event->type == &aq_event_resource_ended) {
        const struct aq_resource_ended *ended = event->data;
        presence_drop_log(reading->changes->presence, ended->id);
        usages_drop(reading->changes->usages, ended->id);
    }
    return true;
}

bool changes_read(struct hub_changes *changes)
{
    const struct hub_base *base = changes->base;
    uint64_t last = writer_seq(base->writer);
    if (!changes->loaded || last > changes->seen_seq + EVENTS_BEHIND)
        load_nodes(changes);
    if (!changes->loaded || last <= changes->seen_seq)
        return false;
    uint64_t upto = last - changes->seen_seq > EVENTS_TURN ? changes->seen_seq + EVENTS_TURN : last;
    struct reading reading = {.changes = changes};
    struct aq_error error;
    if (state_read(base->state, &reading.txn, &error) != 0) {
        aq_journal(AQ_ERROR, "the tables cannot be read", "error", error.message, NULL);
        return false; /* tried again at the next commit */
    }
    int failed = events_scan(writer_events(base->writer), changes->seen_seq + 1, upto, read_event, &reading, &error);
    state_end(reading.txn);
    aq_arena_free(&reading.arena);
    if (failed != 0 || changes->seen_seq < upto) {
        aq_journal(AQ_WARN, "events cannot be read: all nodes are read from the tables", "error",
                   failed != 0 ? error.message : "they are not kept", NULL);
        load_nodes(changes);
        return false;
    }
    return upto < last;
}
