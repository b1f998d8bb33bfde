#include "tests/sim/mirror_rows.h"

#include "schema/codec/ranges.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"
#include "schema/model/user.h"

#include <string.h>

static void set_free(struct aq_node *node)
{
    node->free = node->capacity;
    aq_amounts_subtract(&node->free, &node->used);
}

/* When the lifetime of a resource, and so of its application, is over; 0: never, or not known yet. */
static void set_expiry(struct mirror *mirror, struct aq_resource *resource, uint64_t at_ms)
{
    struct aq_application *application = mirror_find_number(mirror, &aq_entity_application, resource->application);
    resource->expires_at = at_ms;
    if (application != NULL)
        application->expires_at = at_ms;
}

TAKE(application_created)
{
    DATA(application_created);
    const struct aq_label *label = mirror_find_number(mirror, &aq_entity_label, data->label_id);
    struct aq_application *row = mirror_add(mirror, &aq_entity_application, data->id, "");
    const struct aq_user *user = mirror_find_name(mirror, &aq_entity_user, event->author);
    row->user = mirror_copy(mirror, event->author);
    row->user_number = user != NULL ? user->number : 0;
    row->label = label != NULL ? label->name : "";
    row->version = label != NULL ? label->version : 0;
    row->label_id = data->label_id;
    row->status = AQ_NEW;
    row->lifetime = data->lifetime;
    row->metadata = mirror_copy(mirror, data->metadata);
    row->project = mirror_copy(mirror, data->project[0] != '\0' ? data->project : AQ_PROJECT_DEFAULT);
    mirror_project_of(mirror, row->project)->open++;
    mirror_project_of(mirror, row->project)->known++;
    row->created_at = row->changed_at = event->time_ms;
}

TAKE(application_waiting)
{
    DATA(application_waiting);
    struct aq_application *row = mirror_find_number(mirror, &aq_entity_application, data->id);
    if (row == NULL)
        return;
    row->description = mirror_copy(mirror, data->reason);
    row->impossible = data->impossible;
    row->round++;
}

TAKE(application_elected)
{
    DATA(application_elected);
    struct aq_application *row = mirror_find_number(mirror, &aq_entity_application, data->id);
    const struct aq_label *label = row != NULL ? mirror_find_number(mirror, &aq_entity_label, row->label_id) : NULL;
    struct aq_node *node = mirror_find_name(mirror, &aq_entity_node, data->node);
    if (label == NULL || node == NULL)
        return;
    uint64_t previous = aq_number_or(row->last_resource, 0);
    row->status = AQ_ELECTED;
    row->description = "";
    row->impossible = false;
    row->round++;
    row->changed_at = event->time_ms;
    row->resource = data->resource;
    row->last_resource = aq_some(data->resource);
    row->node = node->name;
    struct aq_resource *resource = mirror_add(mirror, &aq_entity_resource, data->resource, "");
    resource->previous = previous;
    resource->instance = node->instance;
    resource->lifetime = row->lifetime;
    resource->application = data->id;
    resource->user = row->user;
    resource->metadata = row->metadata; /* labels have none here */
    resource->user_number = row->user_number;
    resource->project = row->project;
    resource->label_id = row->label_id;
    resource->definition = data->definition;
    resource->node = node->name;
    resource->status = AQ_RESOURCE_ASSIGNED;
    resource->created_at = event->time_ms;
    if (data->definition < label->definitions.count) {
        const struct mirror_definition *definition =
            AQ_ITEM(label->definitions, struct mirror_definition, data->definition);
        resource->amounts = definition->amounts;
        resource->driver = definition->driver;
        resource->lease = definition->lease;
        if (row->lifetime == 0)
            resource->lifetime = definition->lifetime;
    }
    aq_amounts_add(&node->used, &resource->amounts);
    aq_amounts_add(&mirror_project_of(mirror, row->project)->used, &resource->amounts);
    set_free(node);
}

TAKE(application_moved)
{
    DATA(application_moved);
    struct aq_application *row = mirror_find_number(mirror, &aq_entity_application, data->id);
    if (row == NULL)
        return;
    row->status = data->status;
    row->description = mirror_copy(mirror, data->description);
    row->impossible = false;
    row->changed_at = event->time_ms;
    struct aq_resource *resource = mirror_find_number(mirror, &aq_entity_resource, row->resource);
    if (data->status == AQ_DEALLOCATE && resource != NULL)
        set_expiry(mirror, resource, 0);
    if (data->status != AQ_DEALLOCATED && data->status != AQ_RECALLED && data->status != AQ_ERRORED)
        return;
    row->ended_at = event->time_ms;
    mirror_project_of(mirror, row->project)->open--;
}

TAKE(application_extended)
{
    DATA(application_extended);
    struct aq_application *row = mirror_find_number(mirror, &aq_entity_application, data->id);
    struct aq_resource *resource = row != NULL ? mirror_find_number(mirror, &aq_entity_resource, row->resource) : NULL;
    (void)event;
    if (row == NULL)
        return;
    row->lifetime = data->lifetime;
    if (resource == NULL)
        return;
    resource->lifetime = data->lifetime;
    if (resource->started_at != 0)
        set_expiry(mirror, resource, resource->started_at + data->lifetime * 1000);
}

static void drop_tasks(struct mirror *mirror, uint64_t application)
{
    const struct mirror_table *table = mirror_table(mirror, &aq_entity_task);
    for (size_t i = table->count; i > 0; i--) {
        const struct aq_task *row = table->rows[i - 1];
        if (row->application == application)
            mirror_drop(mirror, &aq_entity_task, row->id, "");
    }
}

static bool drop_application(void *context, uint64_t number)
{
    const struct aq_application *row = mirror_find_number(context, &aq_entity_application, number);
    if (row != NULL)
        mirror_project_of(context, row->project)->known--;
    drop_tasks(context, number);
    mirror_drop(context, &aq_entity_application, number, "");
    return true;
}

TAKE(application_removed)
{
    DATA(application_removed);
    (void)aq_ranges_each(data->applications, drop_application, mirror);
}

TAKE(resource_started)
{
    DATA(resource_started);
    struct aq_resource *row = mirror_find_number(mirror, &aq_entity_resource, data->id);
    if (row == NULL)
        return;
    row->identifier = mirror_copy(mirror, data->identifier);
    row->ip_addr = mirror_copy(mirror, data->ip_addr);
    row->hw_addr = mirror_copy(mirror, data->hw_addr);
    if (row->status != AQ_RESOURCE_ASSIGNED)
        return;
    row->status = AQ_RESOURCE_RUNNING;
    row->started_at = event->time_ms;
    if (row->lifetime != 0)
        set_expiry(mirror, row, event->time_ms + row->lifetime * 1000);
}

TAKE(resource_stopped)
{
    DATA(resource_stopped);
    struct aq_resource *row = mirror_find_number(mirror, &aq_entity_resource, data->id);
    (void)event;
    if (row == NULL)
        return;
    row->status = AQ_RESOURCE_STOPPING;
    set_expiry(mirror, row, 0);
}

TAKE(resource_restarted)
{
    DATA(resource_restarted);
    struct aq_resource *row = mirror_find_number(mirror, &aq_entity_resource, data->id);
    (void)event;
    if (row == NULL)
        return;
    row->restarts = data->restarts;
    row->restarted = mirror_copy(mirror, data->reason);
    row->health = AQ_HEALTH_NONE;
    row->checked = "";
}

TAKE(resource_checked)
{
    DATA(resource_checked);
    struct aq_resource *row = mirror_find_number(mirror, &aq_entity_resource, data->id);
    (void)event;
    if (row == NULL)
        return;
    row->health = data->health;
    row->checked = mirror_copy(mirror, data->reason);
}

static void leave(struct mirror *mirror, struct aq_application *application, const struct aq_resource *resource,
                  const struct aq_resource_ended *data)
{
    application->resource = 0;
    application->expires_at = 0;
    if (data->exited)
        application->exit_status = aq_some(data->exit_status);
    if (!data->failed)
        return;
    const struct aq_try failed = {resource->node, resource->definition, mirror_copy(mirror, data->reason)};
    application->tries = aq_tries_with(&application->tries, &failed, &mirror->arena);
}

TAKE(resource_ended)
{
    DATA(resource_ended);
    struct aq_resource *row = mirror_find_number(mirror, &aq_entity_resource, data->id);
    if (row == NULL)
        return;
    struct aq_application *application = mirror_find_number(mirror, &aq_entity_application, row->application);
    struct aq_node *node = mirror_find_name(mirror, &aq_entity_node, row->node);
    if (application != NULL)
        leave(mirror, application, row, data);
    if (node != NULL) {
        aq_amounts_subtract(&node->used, &row->amounts);
        set_free(node);
    }
    aq_amounts_subtract(&mirror_project_of(mirror, row->project)->used, &row->amounts);
    mirror_drop(mirror, &aq_entity_resource, data->id, "");
}

TAKE(task_created)
{
    DATA(task_created);
    const struct aq_application *application = mirror_find_number(mirror, &aq_entity_application, data->application);
    struct aq_task *row = mirror_add(mirror, &aq_entity_task, data->id, "");
    if (application == NULL)
        return;
    row->application = data->application;
    row->user = application->user;
    row->user_number = application->user_number;
    row->project = application->project;
    row->kind = data->kind;
    row->name = mirror_copy(mirror, data->name);
    row->when = data->when;
    row->allowed = data->timeout;
    row->status = AQ_TASK_NEW;
    row->created_at = event->time_ms;
    row->created_by = mirror_copy(mirror, event->author);
}

TAKE(task_begun)
{
    DATA(task_begun);
    struct aq_task *row = mirror_find_number(mirror, &aq_entity_task, data->id);
    if (row == NULL)
        return;
    row->status = AQ_TASK_RUNNING;
    row->resource = data->resource;
    row->node = mirror_copy(mirror, data->node);
    row->begun_at = event->time_ms;
    row->expires_at = event->time_ms + row->allowed * 1000;
}

TAKE(task_ended)
{
    DATA(task_ended);
    struct aq_task *row = mirror_find_number(mirror, &aq_entity_task, data->id);
    if (row == NULL)
        return;
    row->status = data->status;
    row->reason = mirror_copy(mirror, data->reason);
    row->result = mirror_copy(mirror, data->result);
    row->expires_at = 0;
    row->ended_at = event->time_ms;
}

/* What an agent says of its node: `data` is of either event that has it. */
#define DESCRIBE(row, data)                                                                                            \
    do {                                                                                                               \
        (row)->changed_at = event->time_ms;                                                                            \
        (row)->instance = (data)->instance;                                                                            \
        (row)->address = mirror_copy(mirror, (data)->address);                                                         \
        (row)->drivers = mirror_copy_texts(mirror, &(data)->drivers);                                                  \
        (row)->identifiers = mirror_copy_texts(mirror, &(data)->identifiers);                                          \
        (row)->capacity = (data)->capacity;                                                                            \
        set_free(row);                                                                                                 \
    } while (0)

TAKE(node_joined)
{
    DATA(node_joined);
    struct aq_node *row = mirror_add(mirror, &aq_entity_node, 0, data->name);
    row->number = data->number;
    row->status = AQ_NODE_ACTIVE;
    row->joined_at = event->time_ms;
    DESCRIBE(row, data);
}

TAKE(node_enrolled)
{
    DATA(node_enrolled);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL) {
        row = mirror_add(mirror, &aq_entity_node, 0, data->name);
        row->number = data->number;
        row->status = AQ_NODE_LOST;
        row->joined_at = row->lost_at = event->time_ms;
    }
    row->key = mirror_copy(mirror, data->key);
    row->revoked = false;
    row->changed_at = event->time_ms;
}

TAKE(node_revoked)
{
    DATA(node_revoked);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    row->revoked = true;
    row->changed_at = event->time_ms;
}

TAKE(node_changed)
{
    DATA(node_changed);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    DESCRIBE(row, data);
}

TAKE(node_status_set)
{
    DATA(node_status_set);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    row->status = data->status;
    row->changed_at = event->time_ms;
    row->lost_at = data->status == AQ_NODE_LOST ? event->time_ms : 0;
}

TAKE(node_maintenance_set)
{
    DATA(node_maintenance_set);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    row->maintenance = data->maintenance;
    row->changed_at = event->time_ms;
}

TAKE(node_quarantine_set)
{
    DATA(node_quarantine_set);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    row->changed_at = event->time_ms;
    struct aq_quarantine *active = aq_arena_alloc(&mirror->arena, (row->quarantines.count + 1) * sizeof *active);
    uint32_t count = 0;
    for (uint32_t i = 0; i < row->quarantines.count; i++)
        if (AQ_ITEM(row->quarantines, struct aq_quarantine, i)->label_id != data->label_id)
            active[count++] = *AQ_ITEM(row->quarantines, struct aq_quarantine, i);
    if (data->active)
        active[count++] = (struct aq_quarantine){.label_id = data->label_id, .until = data->until};
    row->quarantines = (struct aq_list){active, count}; /* no text of it is shown */
}

TAKE(node_drain_set)
{
    DATA(node_drain_set);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    row->drain_status = data->status;
    row->drain_ends_at = data->until;
    row->drain_force = data->force;
    row->drain_reason = mirror_copy(mirror, data->reason);
    row->changed_at = event->time_ms;
}

TAKE(node_shutdown_set)
{
    DATA(node_shutdown_set);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    row->shutdown_status = data->status;
    row->shutdown_at = data->at;
    row->shutdown_order = data->order;
    row->shutdown_reason = mirror_copy(mirror, data->reason);
    row->changed_at = event->time_ms;
}

TAKE(node_projects_set)
{
    DATA(node_projects_set);
    struct aq_node *row = mirror_find_name(mirror, &aq_entity_node, data->name);
    if (row == NULL)
        return;
    row->projects = mirror_copy_texts(mirror, &data->projects);
    row->changed_at = event->time_ms;
}

TAKE(node_deleted)
{
    DATA(node_deleted);
    mirror_drop(mirror, &aq_entity_node, 0, data->name);
}

/* In the place of its definitions it has their amounts. */
TAKE(label_created)
{
    DATA(label_created);
    struct aq_label *row = mirror_add(mirror, &aq_entity_label, data->id, "");
    struct mirror_definition *definitions =
        aq_arena_alloc(&mirror->arena, data->definitions.count * sizeof *definitions);
    row->name = mirror_copy(mirror, data->name);
    row->version = data->version;
    row->created_at = event->time_ms;
    row->created_by = mirror_copy(mirror, event->author);
    row->description = mirror_copy(mirror, data->description);
    row->project = mirror_copy(mirror, data->project);
    for (uint32_t i = 0; i < data->definitions.count; i++) {
        const struct aq_definition *definition = AQ_ITEM(data->definitions, struct aq_definition, i);
        definitions[i] =
            (struct mirror_definition){.driver = mirror_copy(mirror, definition->driver),
                                       .amounts = aq_needs_amounts(&definition->resources),
                                       .node_filter = mirror_copy_texts(mirror, &definition->resources.node_filter),
                                       .lifetime = definition->resources.lifetime,
                                       .lease = definition->resources.lease};
    }
    row->definitions = (struct aq_list){definitions, data->definitions.count};
}

TAKE(label_deleted)
{
    DATA(label_deleted);
    mirror_drop(mirror, &aq_entity_label, data->id, "");
}

const struct mirror_taker mirror_work[] = {
    {&aq_event_application_created, take_application_created},
    {&aq_event_application_waiting, take_application_waiting},
    {&aq_event_application_elected, take_application_elected},
    {&aq_event_application_extended, take_application_extended},
    {&aq_event_application_moved, take_application_moved},
    {&aq_event_application_removed, take_application_removed},
    {&aq_event_resource_started, take_resource_started},
    {&aq_event_resource_stopped, take_resource_stopped},
    {&aq_event_resource_ended, take_resource_ended},
    {&aq_event_resource_restarted, take_resource_restarted},
    {&aq_event_resource_checked, take_resource_checked},
    {&aq_event_task_created, take_task_created},
    {&aq_event_task_begun, take_task_begun},
    {&aq_event_task_ended, take_task_ended},
    {&aq_event_node_joined, take_node_joined},
    {&aq_event_node_enrolled, take_node_enrolled},
    {&aq_event_node_revoked, take_node_revoked},
    {&aq_event_node_changed, take_node_changed},
    {&aq_event_node_status_set, take_node_status_set},
    {&aq_event_node_maintenance_set, take_node_maintenance_set},
    {&aq_event_node_quarantine_set, take_node_quarantine_set},
    {&aq_event_node_drain_set, take_node_drain_set},
    {&aq_event_node_shutdown_set, take_node_shutdown_set},
    {&aq_event_node_projects_set, take_node_projects_set},
    {&aq_event_node_deleted, take_node_deleted},
    {&aq_event_label_created, take_label_created},
    {&aq_event_label_deleted, take_label_deleted},
    {NULL, NULL},
};
