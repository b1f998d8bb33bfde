#include "schema/model/resource.h"

#include "controller/decide/decide.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

#include <inttypes.h>
#include <string.h>

/* The resource that a node reports about. A report about what is gone, or was never its own, is refused: the agent
 * counts it as done. */
static int find(struct decide *decide, uint64_t id, const char *node, struct aq_resource *resource,
                struct aq_application *application, struct aq_error *error)
{
    decide_id_number(decide, id);
    if (!state_resource(decide->txn, id, resource, decide->arena))
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no resource %" PRIu64, id);
    if (node != NULL && strcmp(resource->node, node) != 0)
        return aq_fail(error, AQ_E_FORBIDDEN, "resource %" PRIu64 " is on node %s, not on %s", id, resource->node,
                       node);
    if (!state_application(decide->txn, resource->application, application, decide->arena))
        aq_broken(__FILE__, __LINE__, "a resource without its application");
    return 0;
}

static void move(struct decide *decide, uint64_t application, enum aq_application_status to, const char *description)
{
    struct aq_application_moved event = {application, to, description};
    decide_emit(decide, &aq_event_application_moved, &event);
}

static int start(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_start *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    bool known = strcmp(resource.identifier, command->identifier) == 0 &&
                 strcmp(resource.ip_addr, command->ip_addr) == 0 && strcmp(resource.hw_addr, command->hw_addr) == 0;
    if (resource.status != AQ_RESOURCE_ASSIGNED && known)
        return 0;
    struct aq_resource_started event = {command->id, command->identifier, command->ip_addr, command->hw_addr};
    decide_emit(decide, &aq_event_resource_started, &event);
    if (application.status == AQ_ELECTED)
        move(decide, application.id, AQ_ALLOCATED, "");
    return 0;
}
DECIDE(aq_command_resource_start, start);

/* The application's tries with one more. */
static struct aq_list one_more_try(struct decide *decide, const struct aq_application *application,
                                   const struct aq_resource *resource, const char *reason)
{
    uint32_t count = application->tries.count;
    struct aq_try *tries = aq_arena_alloc(decide->arena, (count + 1) * sizeof *tries);
    if (count > 0)
        memcpy(tries, application->tries.items, count * sizeof *tries);
    tries[count] = (struct aq_try){resource->node, resource->definition, reason};
    return (struct aq_list){tries, count + 1};
}

static const char *tries_text(struct decide *decide, const struct aq_list *tries)
{
    struct aq_buffer words = {0};
    aq_buffer_format(&words, "failed %u times", tries->count);
    for (uint32_t i = 0; i < tries->count; i++) {
        const struct aq_try *try = AQ_ITEM(*tries, struct aq_try, i);
        aq_buffer_format(&words, "; try %u on %s: %s", i + 1, try->node, try->reason);
    }
    const char *text = aq_arena_text(decide->arena, words.data, words.length);
    aq_buffer_free(&words);
    return text;
}

static int fail(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_fail *command = record;
    struct aq_resource resource;
    struct aq_application application;
    struct aq_label label;
    if (find(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    if (resource.status == AQ_RESOURCE_RUNNING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " is RUNNING: it cannot fail to start", command->id);
    bool counts = application.status == AQ_ELECTED;
    struct aq_resource_ended event = {.id = command->id, .failed = counts, .reason = command->reason};
    decide_emit(decide, &aq_event_resource_ended, &event);
    if (application.status == AQ_DEALLOCATE)
        move(decide, application.id, AQ_DEALLOCATED, application.description);
    if (!counts)
        return 0; /* given back meanwhile */
    struct aq_list tries = one_more_try(decide, &application, &resource, command->reason);
    if (tries.count >= AQ_TRIES_MAX) {
        move(decide, application.id, AQ_ERRORED, tries_text(decide, &tries));
        return 0;
    }
    move(decide, application.id, AQ_NEW, command->reason);
    if (!state_label(decide->txn, application.label_id, &label, decide->arena))
        aq_broken(__FILE__, __LINE__, "an open application without its label");
    application.description = command->reason;
    decide_election(decide, &application, &label, &tries);
    return 0;
}
DECIDE(aq_command_resource_fail, fail);

static int end(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_end *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    struct aq_resource_ended event = {
        .id = command->id, .exit_status = command->exit_status, .reason = command->reason};
    decide_emit(decide, &aq_event_resource_ended, &event);
    const char *words = aq_arena_format(decide->arena, "ended: %s", command->reason);
    switch (application.status) {
    case AQ_DEALLOCATE:
        move(decide, application.id, AQ_DEALLOCATED, application.description);
        break;
    case AQ_ALLOCATED: /* it ended by itself */
        move(decide, application.id, command->exit_status == 0 ? AQ_DEALLOCATED : AQ_ERRORED, words);
        break;
    case AQ_ELECTED: /* it was over before its start was reported */
        move(decide, application.id, AQ_ALLOCATED, "");
        move(decide, application.id, command->exit_status == 0 ? AQ_DEALLOCATED : AQ_ERRORED, words);
        break;
    default: /* recalled meanwhile */
        break;
    }
    return 0;
}
DECIDE(aq_command_resource_end, end);

static int expire(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_expire *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find(decide, command->id, NULL, &resource, &application, error) != 0)
        return -1;
    if (resource.expires_at == 0 || decide->time_ms < resource.expires_at || application.status != AQ_ALLOCATED)
        return 0;
    struct aq_resource_stopped stopped = {command->id, "its lifetime is over"};
    move(decide, application.id, AQ_DEALLOCATE, "its lifetime is over");
    decide_emit(decide, &aq_event_resource_stopped, &stopped);
    return 0;
}
DECIDE(aq_command_resource_expire, expire);
