#include "schema/model/application.h"

#include "controller/project/project.h"
#include "controller/project/quota.h"
#include "controller/project/secrets.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"

#include <string.h>

static void store_application(struct project *project, const struct aq_application *application)
{
    struct state_key key = state_key_number(application->id);
    state_store(project->txn, &aq_entity_application, &key, application);
}

static bool find_application(struct project *project, uint64_t id, struct aq_application *application)
{
    return project_expect(project, state_application(project->txn, id, application, project->arena));
}

static void open_application(struct project *project, const struct aq_application *application)
{
    struct state_key key = state_key_number(application->id);
    index_put(project->txn, INDEX_OPEN, &key, "", 0);
    counter_add_open(project->txn, application->user_number, application->label_id, 1);
    quota_add_application(project, application->project, application->user_number);
}

static void close_application(struct project *project, struct aq_application *application)
{
    struct state_key key = state_key_number(application->id), ended = state_key_number(project->time_ms);
    state_key_add_number(&ended, application->id);
    index_remove(project->txn, INDEX_OPEN, &key);
    index_put(project->txn, INDEX_OVER, &ended, "", 0);
    counter_add_open(project->txn, application->user_number, application->label_id, -1);
    quota_close_application(project, application->project, application->user_number);
    application->ended_at = project->time_ms;
    project_drop_secrets(project, &application->wrap, &aq_entity_application, application->id);
    application->sealed = (struct aq_list){0};
    application->wrap = (struct aq_wrap){.epoch = ""};
}

static void set_status(struct project *project, struct aq_application *application, enum aq_application_status to)
{
    enum aq_application_status from = application->status;
    struct state_key key = state_key_number(application->id);
    aq_assert(aq_application_may_move(from, to));
    if (from == AQ_NEW)
        index_remove(project->txn, INDEX_WAITING, &key);
    if (to == AQ_NEW)
        index_put(project->txn, INDEX_WAITING, &key, "", 0);
    if (aq_application_is_over(to))
        close_application(project, application);
    application->status = to;
    application->impossible = false;
    application->changed_at = project->time_ms;
}

static void create_application(struct project *project, const void *data)
{
    const struct aq_application_created *event = data;
    struct aq_label label;
    if (!state_label(project->txn, event->label_id, &label, project->arena))
        return;
    struct aq_application application = {
        .id = event->id,
        .user = project->author,
        .label = label.name,
        .version = label.version,
        .label_id = label.id,
        .status = AQ_NEW,
        .metadata = event->metadata,
        .created_at = project->time_ms,
        .changed_at = project->time_ms,
        .lifetime = event->lifetime,
        .user_number = project->author_number,
        .project = event->project[0] != '\0' ? event->project : AQ_PROJECT_DEFAULT,
        .arguments = event->arguments,
        .sealed = event->sealed,
        .wrap = event->wrap,
    };
    struct state_key key = state_key_number(event->id), owned = state_key_number(application.user_number),
                     in_project = index_project_key(application.project, event->id);
    state_key_add_number(&owned, event->id);
    index_put(project->txn, INDEX_OWNED, &owned, "", 0);
    index_put(project->txn, INDEX_APPLICATION_PROJECT, &in_project, "", 0);
    index_put(project->txn, INDEX_WAITING, &key, "", 0);
    counter_set_last_id(project->txn, &aq_entity_application, event->id);
    open_application(project, &application);
    project_hold_secrets(project, &application.wrap, &aq_entity_application, application.id);
    store_application(project, &application);
    project_history(project, event->id);
}
PROJECT(aq_event_application_created, create_application);

/* The ballot is stored in the application's history, at the event. */
static void store_ballot(struct project *project, struct aq_application *application, const char *node,
                         uint64_t definition, struct aq_list groups)
{
    struct aq_ballot ballot = {
        .application = application->id,
        .round = ++application->round,
        .time = project->time_ms,
        .node = node,
        .definition = definition,
        .groups = groups,
    };
    struct aq_buffer packed = {0};
    aq_record_pack(&aq_ballot_record, &ballot, &packed);
    project_ballot(project, application->id, packed.data, packed.length);
    aq_buffer_free(&packed);
}

static void create_resource(struct project *project, const struct aq_application_elected *event,
                            const struct aq_application *application, uint64_t previous)
{
    const struct state_key name = state_key_name(event->node);
    struct aq_label label;
    if (!state_label(project->txn, application->label_id, &label, project->arena))
        return;
    struct aq_node *node = state_edit(project->txn, &aq_entity_node, &name);
    if (node == NULL)
        return;
    aq_assert(event->definition < label.definitions.count);
    const struct aq_definition *definition = AQ_ITEM(label.definitions, struct aq_definition, event->definition);
    struct aq_resource resource = {
        .id = event->resource,
        .application = application->id,
        .user = application->user,
        .label_id = label.id,
        .definition = event->definition,
        .node = event->node,
        .driver = definition->driver,
        .status = AQ_RESOURCE_ASSIGNED,
        .metadata = aq_json_merge(label.metadata, application->metadata, project->arena),
        .amounts = aq_needs_amounts(&definition->resources),
        .lifetime = application->lifetime != 0 ? application->lifetime : definition->resources.lifetime,
        .created_at = project->time_ms,
        .previous = previous,
        .instance = node->instance,
        .user_number = application->user_number,
        .project = application->project,
        .lease = definition->resources.lease,
    };
    aq_amounts_add(&node->used, &resource.amounts);
    project_node_used(project, node);
    struct state_key key = state_key_number(resource.id), on_node = state_key_number(node->number),
                     owned = state_key_number(resource.user_number),
                     in_project = index_project_key(resource.project, resource.id);
    state_key_add_number(&on_node, resource.id);
    state_key_add_number(&owned, resource.id);
    state_store(project->txn, &aq_entity_resource, &key, &resource);
    index_put(project->txn, INDEX_NODE_RESOURCE, &on_node, "", 0);
    if (resource.lease > 0)
        index_put(project->txn, INDEX_LEASED, &on_node, "", 0);
    index_put(project->txn, INDEX_RESOURCE_USER, &owned, "", 0);
    index_put(project->txn, INDEX_RESOURCE_PROJECT, &in_project, "", 0);
    counter_set_last_id(project->txn, &aq_entity_resource, resource.id);
    quota_hold(project, resource.project, resource.user_number, &resource.amounts);
}

static void elect_node(struct project *project, const void *data)
{
    const struct aq_application_elected *event = data;
    struct aq_application application;
    if (!find_application(project, event->id, &application))
        return;
    set_status(project, &application, AQ_ELECTED);
    application.description = "";
    uint64_t previous = aq_number_or(application.last_resource, 0);
    application.resource = event->resource;
    application.last_resource = aq_some(event->resource);
    application.node = event->node;
    store_ballot(project, &application, event->node, event->definition, event->groups);
    store_application(project, &application);
    create_resource(project, event, &application, previous);
}
PROJECT(aq_event_application_elected, elect_node);

static void keep_waiting(struct project *project, const void *data)
{
    const struct aq_application_waiting *event = data;
    struct aq_application application;
    if (!find_application(project, event->id, &application))
        return;
    application.description = event->reason;
    application.impossible = event->impossible;
    store_ballot(project, &application, "", 0, event->groups);
    store_application(project, &application);
}
PROJECT(aq_event_application_waiting, keep_waiting);

/* Its workload may go on until its last task is over. */
static void drop_expiry(struct project *project, struct aq_application *application)
{
    struct aq_resource resource;
    application->expires_at = 0;
    if (application->resource != 0 &&
        project_expect(project, state_resource(project->txn, application->resource, &resource, project->arena)))
        project_expiry(project, &resource, 0);
}

static void move_application(struct project *project, const void *data)
{
    const struct aq_application_moved *event = data;
    struct aq_application application;
    if (!find_application(project, event->id, &application))
        return;
    set_status(project, &application, event->status);
    application.description = event->description;
    if (event->status == AQ_DEALLOCATE)
        drop_expiry(project, &application);
    store_application(project, &application);
    project_history(project, event->id);
}
PROJECT(aq_event_application_moved, move_application);

static void extend_application(struct project *project, const void *data)
{
    const struct aq_application_extended *event = data;
    struct aq_application application;
    struct aq_resource resource;
    if (!find_application(project, event->id, &application))
        return;
    application.lifetime = event->lifetime;
    application.expires_at = event->expires_at;
    store_application(project, &application);
    if (application.resource != 0 &&
        project_expect(project, state_resource(project->txn, application.resource, &resource, project->arena))) {
        resource.lifetime = event->lifetime;
        project_expiry(project, &resource, event->expires_at);
    }
    project_history(project, event->id);
}
PROJECT(aq_event_application_extended, extend_application);
