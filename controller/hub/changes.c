#include "controller/hub/core.h"

#include "schema/base/journal.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"

#include <stdio.h>
#include <string.h>

static const char node_author[] = "node:";

static const struct aq_entity *nodes(void)
{
    return &aq_entity_node;
}

/* ---- what the tables say ------------------------------------------------------------------------------- */

static bool load_node(void *context, const struct state_key *key, const void *object)
{
    struct hub *hub = context;
    const struct aq_node *node = object;
    (void)key;
    struct hub_agent *agent = agents_add(&hub->agents, node->name);
    if (agent == NULL)
        return true; /* its agent will be refused */
    if (!agent->known)
        agent->seen_ms = hub->now_ms;
    agent->known = true;
    agent->active = node->status == AQ_NODE_ACTIVE;
    return true;
}

static void forget(struct hub *hub, struct hub_agent *agent)
{
    agent->known = agent->active = false;
    hub_session_end(hub, agent);
    if (agent->joining == NULL)
        hub_agent_remove(hub, agent);
}

/* Everything anew: at the start, and when events cannot tell. */
static void load(struct hub *hub)
{
    struct state_txn *txn = NULL;
    struct aq_error error;
    if (state_read(hub->options.state, &txn, &error) != 0) {
        aq_journal(AQ_ERROR, "the tables cannot be read", "error", error.message, NULL);
        return;
    }
    for (uint32_t i = 0; i < hub->agents.count; i++)
        hub->agents.all[i]->active = false;
    state_scan(txn, nodes(), NULL, load_node, hub);
    hub->seen_seq = state_seq(txn);
    for (uint32_t i = hub->agents.count; i > 0; i--) {
        struct hub_agent *agent = hub->agents.all[i - 1];
        struct state_key key = state_key_name(agent->name);
        if (!state_exists(txn, nodes(), &key) && agent->joining == NULL)
            forget(hub, agent);
        else if (agent->session != 0)
            agents_tell_all(&hub->agents, agent);
    }
    hub->loaded = !state_failed(txn, &error);
    state_end(txn);
}

/* ---- what events say ----------------------------------------------------------------------------------- */

struct reading {
    struct hub *hub;
    struct state_txn *txn; /* shows at least what the events brought */
    struct aq_arena arena; /* one row; the hub's own may hold a message */
};

static void load_one(struct reading *reading, const char *name)
{
    struct aq_node node;
    aq_arena_reset(&reading->arena);
    if (state_node(reading->txn, name, &node, &reading->arena)) {
        load_node(reading->hub, NULL, &node);
        return;
    }
    struct hub_agent *agent = agents_find(&reading->hub->agents, name);
    if (agent != NULL)
        forget(reading->hub, agent);
}

static void tell_node(struct hub *hub, const char *node, uint64_t resource)
{
    struct hub_agent *agent = agents_find(&hub->agents, node);
    if (agent != NULL)
        agents_tell(&hub->agents, agent, resource);
}

static void resource_stopped(struct reading *reading, uint64_t number)
{
    struct aq_resource resource;
    aq_arena_reset(&reading->arena);
    if (state_resource(reading->txn, number, &resource, &reading->arena))
        tell_node(reading->hub, resource.node, number);
}

/* Ended by its node's own word; a node that was forgotten hears of everything when it says hello. */
static void resource_ended(struct hub *hub, const char *author, uint64_t number)
{
    if (strncmp(author, node_author, strlen(node_author)) != 0)
        return;
    struct hub_trace *trace = &hub->traces[number % HUB_TRACES];
    trace->resource = number;
    snprintf(trace->node, sizeof trace->node, "%s", author + strlen(node_author));
}

static bool read_event(void *context, const struct aq_event *event)
{
    struct reading *reading = context;
    struct hub *hub = reading->hub;
    hub->seen_seq = event->seq;
    if (event->type->entity == &aq_entity_node) {
        const struct aq_field *key = aq_record_field(event->type->record, aq_entity_key(nodes())->name);
        aq_assert(key != NULL);
        load_one(reading, aq_field_text(key, event->data));
    } else if (event->type == &aq_event_application_elected) {
        const struct aq_application_elected *elected = event->data;
        tell_node(hub, elected->node, elected->resource);
    } else if (event->type == &aq_event_resource_stopped) {
        const struct aq_resource_stopped *stopped = event->data;
        resource_stopped(reading, stopped->id);
    } else if (event->type == &aq_event_resource_ended) {
        const struct aq_resource_ended *ended = event->data;
        resource_ended(hub, event->author, ended->id);
    }
    return true;
}

bool hub_changes_read(struct hub *hub)
{
    uint64_t last = writer_seq(hub->options.writer);
    if (!hub->loaded || last > hub->seen_seq + HUB_EVENTS_BEHIND)
        load(hub);
    if (!hub->loaded || last <= hub->seen_seq)
        return false;
    uint64_t upto = last - hub->seen_seq > HUB_EVENTS_TURN ? hub->seen_seq + HUB_EVENTS_TURN : last;
    struct reading reading = {.hub = hub};
    struct aq_error error;
    if (state_read(hub->options.state, &reading.txn, &error) != 0) {
        aq_journal(AQ_ERROR, "the tables cannot be read", "error", error.message, NULL);
        return false; /* the next commit tries again */
    }
    int failed = events_scan(writer_events(hub->options.writer), hub->seen_seq + 1, upto, read_event, &reading, &error);
    state_end(reading.txn);
    aq_arena_free(&reading.arena);
    if (failed != 0 || hub->seen_seq < upto) {
        aq_journal(AQ_WARN, "events cannot be read: looking at everything anew", "error",
                   failed != 0 ? error.message : "they are not kept", NULL);
        load(hub);
        return false;
    }
    return upto < last;
}
