#include "schema/model/resource.h"

#include "controller/project/project.h"
#include "controller/project/quarantine.h"
#include "controller/project/quota.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/node.h"

#include <string.h>

static bool find_resource(struct project *project, uint64_t id, struct aq_resource *resource)
{
    return project_expect(project, state_resource(project->txn, id, resource, project->arena));
}

static void store_resource(struct project *project, const struct aq_resource *resource)
{
    struct state_key key = state_key_number(resource->id);
    state_store(project->txn, &aq_entity_resource, &key, resource);
}

static struct state_key address_key(const char *address, uint64_t resource)
{
    struct state_key key = {0};
    state_key_add_text(&key, address);
    state_key_add_number(&key, resource);
    return key;
}

static void add_address(struct project *project, const char *address, uint64_t resource)
{
    const struct state_key key = address_key(address, resource);
    if (address[0] != '\0')
        index_put(project->txn, INDEX_ADDRESS, &key, "", 0);
}

static void remove_address(struct project *project, const char *address, uint64_t resource)
{
    const struct state_key key = address_key(address, resource);
    if (address[0] != '\0')
        index_remove(project->txn, INDEX_ADDRESS, &key);
}

static struct state_key expiry_key(const struct aq_resource *resource)
{
    struct state_key key = state_key_number(resource->expires_at);
    state_key_add_number(&key, resource->id);
    return key;
}

static void remove_expiry(struct project *project, const struct aq_resource *resource)
{
    struct state_key key = expiry_key(resource);
    if (resource->expires_at != 0)
        index_remove(project->txn, INDEX_EXPIRY, &key);
}

void project_expiry(struct project *project, struct aq_resource *resource, uint64_t expires_at)
{
    remove_expiry(project, resource);
    resource->expires_at = expires_at;
    struct state_key key = expiry_key(resource);
    if (expires_at != 0)
        index_put(project->txn, INDEX_EXPIRY, &key, "", 0);
    store_resource(project, resource);
}

/* Its application shows it too. */
static void set_expiry(struct project *project, struct aq_resource *resource, uint64_t expires_at)
{
    struct aq_application application;
    if (resource->expires_at != expires_at &&
        project_expect(project, state_application(project->txn, resource->application, &application, project->arena))) {
        struct state_key key = state_key_number(application.id);
        application.expires_at = expires_at;
        state_store(project->txn, &aq_entity_application, &key, &application);
    }
    project_expiry(project, resource, expires_at);
}

static void start_resource(struct project *project, const void *data)
{
    const struct aq_resource_started *event = data;
    struct aq_resource resource;
    if (!find_resource(project, event->id, &resource))
        return;
    remove_address(project, resource.ip_addr, resource.id);
    remove_address(project, resource.hw_addr, resource.id);
    resource.identifier = event->identifier;
    resource.ip_addr = event->ip_addr;
    resource.hw_addr = event->hw_addr;
    add_address(project, event->ip_addr, resource.id);
    add_address(project, event->hw_addr, resource.id);
    uint64_t expires_at = resource.expires_at;
    if (resource.status == AQ_RESOURCE_ASSIGNED) {
        quarantine_count_success(project, &resource);
        resource.status = AQ_RESOURCE_RUNNING;
        resource.started_at = project->time_ms;
        if (resource.lifetime > 0)
            expires_at = project->time_ms + resource.lifetime * 1000;
    }
    set_expiry(project, &resource, expires_at);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_started, start_resource);

static void stop_resource(struct project *project, const void *data)
{
    const struct aq_resource_stopped *event = data;
    struct aq_resource resource;
    if (!find_resource(project, event->id, &resource))
        return;
    resource.status = AQ_RESOURCE_STOPPING;
    set_expiry(project, &resource, 0);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_stopped, stop_resource);

static void restart_resource(struct project *project, const void *data)
{
    const struct aq_resource_restarted *event = data;
    struct aq_resource resource;
    if (!find_resource(project, event->id, &resource))
        return;
    resource.restarts = event->restarts;
    resource.restarted = event->reason;
    resource.health = AQ_HEALTH_NONE;
    resource.checked = "";
    store_resource(project, &resource);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_restarted, restart_resource);

static void check_resource(struct project *project, const void *data)
{
    const struct aq_resource_checked *event = data;
    struct aq_resource resource;
    if (!find_resource(project, event->id, &resource))
        return;
    resource.health = event->health;
    resource.checked = event->reason;
    store_resource(project, &resource);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_checked, check_resource);

static void note_exec_started(struct project *project, const void *data)
{
    project_history(project, ((const struct aq_resource_exec_started *)data)->application);
}
PROJECT(aq_event_resource_exec_started, note_exec_started);

static void note_exec_ended(struct project *project, const void *data)
{
    project_history(project, ((const struct aq_resource_exec_ended *)data)->application);
}
PROJECT(aq_event_resource_exec_ended, note_exec_ended);

static void free_capacity(struct project *project, const struct aq_resource *resource)
{
    const struct state_key name = state_key_name(resource->node);
    struct aq_node *node = state_edit(project->txn, &aq_entity_node, &name);
    if (node == NULL)
        return;
    struct state_key key = state_key_number(node->number);
    state_key_add_number(&key, resource->id);
    index_remove(project->txn, INDEX_NODE_RESOURCE, &key);
    if (resource->lease > 0)
        index_remove(project->txn, INDEX_LEASED, &key);
    aq_amounts_subtract(&node->used, &resource->amounts);
    project_node_used(project, node);
}

static void leave_application(struct project *project, const struct aq_resource *resource,
                              const struct aq_resource_ended *event)
{
    struct aq_application application;
    if (!state_application(project->txn, resource->application, &application, project->arena))
        return;
    application.resource = 0;
    application.expires_at = 0;
    if (event->exited)
        application.exit_status = aq_some(event->exit_status);
    struct aq_try failed = {resource->node, resource->definition, event->reason};
    if (event->failed)
        application.tries = aq_tries_with(&application.tries, &failed, project->arena);
    struct state_key key = state_key_number(application.id);
    state_store(project->txn, &aq_entity_application, &key, &application);
}

/* So that its log is found. */
static void keep_ended(struct project *project, const struct aq_resource *resource,
                       const struct aq_resource_ended *event)
{
    const struct aq_ended ended = {.application = resource->application,
                                   .user = resource->user,
                                   .node = resource->node,
                                   .log_bytes = event->log_bytes,
                                   .previous = resource->previous,
                                   .user_number = resource->user_number};
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    struct state_key key = state_key_number(resource->id);
    aq_record_pack(&aq_ended_record, &ended, &packed);
    index_put(project->txn, INDEX_ENDED, &key, packed.data, packed.length);
}

static void end_resource(struct project *project, const void *data)
{
    const struct aq_resource_ended *event = data;
    struct aq_resource resource;
    if (!find_resource(project, event->id, &resource))
        return;
    remove_expiry(project, &resource);
    remove_address(project, resource.ip_addr, resource.id);
    remove_address(project, resource.hw_addr, resource.id);
    free_capacity(project, &resource);
    quota_free(project, resource.project, resource.user_number, &resource.amounts);
    leave_application(project, &resource, event);
    if (event->failed)
        quarantine_count_failure(project, &resource);
    keep_ended(project, &resource, event);
    struct state_key key = state_key_number(resource.id), owned = state_key_number(resource.user_number),
                     in_project = index_project_key(resource.project, resource.id);
    state_key_add_number(&owned, resource.id);
    state_remove(project->txn, &aq_entity_resource, &key);
    index_remove(project->txn, INDEX_RESOURCE_USER, &owned);
    index_remove(project->txn, INDEX_RESOURCE_PROJECT, &in_project);
    project_history(project, resource.application);
}
PROJECT(aq_event_resource_ended, end_resource);
