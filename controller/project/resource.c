#include "schema/model/resource.h"

#include "controller/project/project.h"
#include "schema/model/application.h"
#include "schema/model/node.h"

#include <string.h>

static bool get(struct project *project, uint64_t id, struct aq_resource *resource)
{
    struct aq_error error;
    bool found = state_resource(project->txn, id, resource, project->arena);
    aq_assert(found || state_failed(project->txn, &error));
    return found;
}

static void store(struct project *project, const struct aq_resource *resource)
{
    struct state_key key = state_key_number(resource->id);
    project_store(project, "resource", &key, resource);
}

static void note_address(struct project *project, const char *address, uint64_t resource)
{
    struct state_key key = {0};
    if (address[0] == '\0')
        return;
    state_key_add_text(&key, address);
    index_put(project->txn, INDEX_ADDRESS, &key, &resource, sizeof resource);
}

/* Another resource may have the address by now. */
static void forget_address(struct project *project, const char *address, uint64_t resource)
{
    struct state_key key = {0};
    if (address[0] == '\0' || state_resource_at(project->txn, address) != resource)
        return;
    state_key_add_text(&key, address);
    index_remove(project->txn, INDEX_ADDRESS, &key);
}

static void forget_expiry(struct project *project, const struct aq_resource *resource)
{
    if (resource->expires_at == 0)
        return;
    struct state_key key = state_key_number(resource->expires_at);
    state_key_add_number(&key, resource->id);
    index_remove(project->txn, INDEX_EXPIRY, &key);
}

static void started(struct project *project, const void *data)
{
    const struct aq_resource_started *event = data;
    struct aq_resource resource;
    if (!get(project, event->id, &resource))
        return;
    forget_address(project, resource.ip_addr, resource.id);
    forget_address(project, resource.hw_addr, resource.id);
    resource.identifier = event->identifier;
    resource.ip_addr = event->ip_addr;
    resource.hw_addr = event->hw_addr;
    note_address(project, event->ip_addr, resource.id);
    note_address(project, event->hw_addr, resource.id);
    if (resource.status == AQ_RESOURCE_ASSIGNED) {
        resource.status = AQ_RESOURCE_RUNNING;
        resource.started_at = project->time_ms;
        if (resource.lifetime > 0) {
            resource.expires_at = project->time_ms + resource.lifetime * 1000;
            struct state_key key = state_key_number(resource.expires_at);
            state_key_add_number(&key, resource.id);
            index_put(project->txn, INDEX_EXPIRY, &key, "", 0);
        }
    }
    store(project, &resource);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_started, started);

static void stopped(struct project *project, const void *data)
{
    const struct aq_resource_stopped *event = data;
    struct aq_resource resource;
    if (!get(project, event->id, &resource))
        return;
    forget_expiry(project, &resource);
    resource.expires_at = 0;
    resource.status = AQ_RESOURCE_STOPPING;
    store(project, &resource);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_stopped, stopped);

static void free_node(struct project *project, const struct aq_resource *resource)
{
    struct aq_node node;
    if (!state_node(project->txn, resource->node, &node, project->arena))
        return;
    struct state_key key = state_key_number(node.number);
    state_key_add_number(&key, resource->id);
    index_remove(project->txn, INDEX_NODE_RESOURCE, &key);
    aq_amounts_subtract(&node.used, &resource->amounts);
    project_node_used(project, &node);
}

static void leave_application(struct project *project, const struct aq_resource *resource,
                              const struct aq_resource_ended *event)
{
    struct aq_application application;
    if (!state_application(project->txn, resource->application, &application, project->arena))
        return;
    application.resource = 0;
    if (event->failed) {
        uint32_t count = application.tries.count;
        struct aq_try *tries = aq_arena_alloc(project->arena, (count + 1) * sizeof *tries);
        if (count > 0)
            memcpy(tries, application.tries.items, count * sizeof *tries);
        tries[count] = (struct aq_try){resource->node, resource->definition, event->reason};
        application.tries = (struct aq_list){tries, count + 1};
    }
    struct state_key key = state_key_number(application.id);
    project_store(project, "application", &key, &application);
}

static void ended(struct project *project, const void *data)
{
    const struct aq_resource_ended *event = data;
    struct aq_resource resource;
    if (!get(project, event->id, &resource))
        return;
    forget_expiry(project, &resource);
    forget_address(project, resource.ip_addr, resource.id);
    forget_address(project, resource.hw_addr, resource.id);
    free_node(project, &resource);
    leave_application(project, &resource, event);
    struct state_key key = state_key_number(resource.id);
    project_remove(project, "resource", &key);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_ended, ended);
