#include "schema/model/resource.h"

#include "controller/decide/placement.h"
#include "controller/decide/quarantine.h"
#include "controller/decide/tasks.h"
#include "schema/model/exec.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <string.h>

/* Finds a resource and its application; `node` reports about it (NULL: the controller itself). Refuses a report about a
 * resource that is gone or belongs to another node: the agent counts it as done. */
static int find_reported(struct decide *decide, uint64_t id, const char *node, struct aq_resource *resource,
                         struct aq_application *application, struct aq_error *error)
{
    decide_id_number(decide, id);
    if (decide_find_number(decide, &aq_entity_resource, id, resource, error) != 0)
        return -1;
    if (node != NULL && strcmp(resource->node, node) != 0)
        return aq_fail(error, AQ_E_FORBIDDEN, "resource %" PRIu64 " is on node %s, not on %s", id, resource->node,
                       node);
    if (!state_application(decide->txn, resource->application, application, decide->arena))
        aq_broken(__FILE__, __LINE__, "a resource without its application");
    return 0;
}

static void emit_moved(struct decide *decide, uint64_t application, enum aq_application_status to,
                       const char *description)
{
    struct aq_application_moved event = {application, to, description};
    decide_emit(decide, &aq_event_application_moved, &event);
}

static int start_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_start *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find_reported(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    bool known = strcmp(resource.identifier, command->identifier) == 0 &&
                 strcmp(resource.ip_addr, command->ip_addr) == 0 && strcmp(resource.hw_addr, command->hw_addr) == 0;
    if (resource.status != AQ_RESOURCE_ASSIGNED && known)
        return 0;
    struct aq_resource_started event = {command->id, command->identifier, command->ip_addr, command->hw_addr};
    decide_emit(decide, &aq_event_resource_started, &event);
    if (resource.status == AQ_RESOURCE_ASSIGNED)
        quarantine_after_success(decide, &resource);
    if (application.status == AQ_ELECTED) {
        emit_moved(decide, application.id, AQ_ALLOCATED, "");
        decide_tasks_allocated(decide, &resource);
    }
    return 0;
}
DECIDE(aq_command_resource_start, start_resource);

/* `tries` are those that failed. */
static void place_again(struct decide *decide, struct aq_application *application, const char *reason,
                        const struct aq_list *tries)
{
    struct aq_label label = decide_label_of(decide, application);
    emit_moved(decide, application->id, AQ_NEW, reason);
    application->description = reason;
    decide_placement(decide, application, &label, tries);
}

/* A try of an application failed: it is placed elsewhere, or goes to ERROR after the last try. */
static void try_elsewhere(struct decide *decide, struct aq_application *application, const struct aq_try *failed)
{
    struct aq_list tries = aq_tries_with(&application->tries, failed, decide->arena);
    if (tries.count >= AQ_TRIES_MAX) {
        const char *outcome = aq_arena_format(decide->arena, "failed %u times", tries.count);
        emit_moved(decide, application->id, AQ_ERRORED, decide_tries_text(decide, outcome, &tries));
        return;
    }
    place_again(decide, application, failed->reason, &tries);
}

static bool restarts_when_lost(struct decide *decide, const struct aq_application *application,
                               const struct aq_resource *resource)
{
    struct aq_label label = decide_label_of(decide, application);
    return AQ_ITEM(label.definitions, struct aq_definition, resource->definition)->resources.restart_lost;
}

/* It may have run, and what became of it is not known: unless the label wants that, it is not started again. */
static void lose(struct decide *decide, const struct aq_resource *resource, struct aq_application *application,
                 const char *reason)
{
    struct aq_resource_ended event = {.id = resource->id, .reason = reason};
    decide_emit(decide, &aq_event_resource_ended, &event);
    const char *words = aq_arena_format(decide->arena, "lost: %s", reason);
    if (application->status == AQ_DEALLOCATE)
        emit_moved(decide, application->id, AQ_DEALLOCATED, application->description);
    else if (application->status != AQ_ELECTED && application->status != AQ_ALLOCATED)
        return; /* recalled meanwhile */
    else if (restarts_when_lost(decide, application, resource))
        place_again(decide, application, words, &application->tries);
    else
        emit_moved(decide, application->id, AQ_ERRORED, words);
}

static int fail_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_fail *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find_reported(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    if (resource.status == AQ_RESOURCE_RUNNING) { /* the node has lost what it knew of it, as in a power cut */
        lose(decide, &resource, &application,
             aq_arena_format(decide->arena, "its node has no record that it started (%s)", command->reason));
        return 0;
    }
    bool counts = application.status == AQ_ELECTED;
    struct aq_resource_ended event = {
        .id = command->id, .failed = counts, .reason = command->reason, .log_bytes = command->log_bytes};
    decide_emit(decide, &aq_event_resource_ended, &event);
    if (application.status == AQ_DEALLOCATE)
        emit_moved(decide, application.id, AQ_DEALLOCATED, application.description);
    if (counts) /* else it was given back meanwhile */
        try_elsewhere(decide, &application, &(struct aq_try){resource.node, resource.definition, command->reason});
    if (counts) /* last, for placement does not see it yet */
        quarantine_after_failure(decide, &resource, &application, command->reason);
    return 0;
}
DECIDE(aq_command_resource_fail, fail_resource);

static int end_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_end *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find_reported(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    struct aq_resource_ended event = {.id = command->id,
                                      .exit_status = command->exit_status,
                                      .reason = command->reason,
                                      .exited = !command->unknown,
                                      .log_bytes = command->log_bytes};
    decide_emit(decide, &aq_event_resource_ended, &event);
    const char *words = aq_arena_format(decide->arena, "ended: %s", command->reason);
    bool well = command->exit_status == 0 && !command->unknown;
    switch (application.status) {
    case AQ_DEALLOCATE:
        emit_moved(decide, application.id, AQ_DEALLOCATED, application.description);
        break;
    case AQ_ALLOCATED: /* it ended by itself */
        emit_moved(decide, application.id, well ? AQ_DEALLOCATED : AQ_ERRORED, words);
        break;
    case AQ_ELECTED: /* it ended before its start was reported */
        emit_moved(decide, application.id, AQ_ALLOCATED, "");
        emit_moved(decide, application.id, well ? AQ_DEALLOCATED : AQ_ERRORED, words);
        break;
    default: /* recalled meanwhile */
        break;
    }
    return 0;
}
DECIDE(aq_command_resource_end, end_resource);

/* What ran there is certainly over: its keeper has ended it, whether its agent runs or not. The log's time alone does
 * not tell that: it may have jumped when the controller was started. */
static int end_lease(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_lease *command = record;
    struct aq_resource resource;
    struct aq_application application;
    struct aq_node node;
    if (find_reported(decide, command->id, NULL, &resource, &application, error) != 0)
        return -1;
    const uint64_t over_ms = aq_lease_over_ms(resource.lease);
    if (resource.lease == 0 || command->lost_ms < over_ms ||
        !state_node(decide->txn, resource.node, &node, decide->arena) || node.status != AQ_NODE_LOST ||
        decide->time_ms < node.lost_at + over_ms)
        return 0;
    lose(decide, &resource, &application,
         aq_arena_format(decide->arena, "node %s was lost, and its lease is over", resource.node));
    return 0;
}
DECIDE(aq_command_resource_lease, end_lease);

static int lose_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_lose *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find_reported(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    lose(decide, &resource, &application, command->reason);
    return 0;
}
DECIDE(aq_command_resource_lose, lose_resource);

/* Reports of restarts may come late, or twice: the newest counts. */
static int restart_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_restart *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find_reported(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    if (command->restarts <= resource.restarts)
        return 0;
    struct aq_resource_restarted event = {command->id, command->restarts, command->reason};
    decide_emit(decide, &aq_event_resource_restarted, &event);
    return 0;
}
DECIDE(aq_command_resource_restart, restart_resource);

static int check_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_check *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find_reported(decide, command->id, command->node, &resource, &application, error) != 0)
        return -1;
    if (command->health == resource.health)
        return 0;
    struct aq_resource_checked event = {command->id, command->health, command->reason};
    decide_emit(decide, &aq_event_resource_checked, &event);
    if (command->health == AQ_HEALTHY)
        quarantine_after_success(decide, &resource);
    return 0;
}
DECIDE(aq_command_resource_check, check_resource);

/* ---- commands in workloads ------------------------------------------------------------------------------ */

static void emit_exec(struct decide *decide, const struct aq_resource_exec *command, uint64_t application)
{
    struct aq_resource_exec_started event = {.id = command->id,
                                             .application = application,
                                             .session = command->session,
                                             .arguments = command->arguments,
                                             .terminal = command->terminal};
    decide_emit(decide, &aq_event_resource_exec_started, &event);
}

/* Nothing runs after the workload's end, but what it has left may be copied out. */
static int copy_after_end(struct decide *decide, const struct aq_resource_exec *command, const struct aq_ended *ended,
                          struct aq_error *error)
{
    struct aq_application application;
    const bool there = state_application(decide->txn, ended->application, &application, decide->arena);
    if (decide_check_owner(decide, ended->user_number, there ? application.project : NULL, &aq_entity_resource,
                           aq_key_number(command->id), error) != 0)
        return -1;
    if (!aq_exec_is_copy_out(&command->arguments))
        return aq_fail(error, AQ_E_STATE,
                       "resource %" PRIu64 " has ended: a command needs a workload that runs, and only what it has "
                       "left can be copied out (aq cp)",
                       command->id);
    *error = (struct aq_error){0}; /* there is no row, and need not be */
    emit_exec(decide, command, ended->application);
    return 0;
}

static int exec_in_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_exec *command = record;
    struct aq_resource resource;
    struct aq_ended ended;
    decide_id_number(decide, command->id);
    if (decide_find_number(decide, &aq_entity_resource, command->id, &resource, error) != 0)
        return error->code == AQ_E_NOT_FOUND && state_ended(decide->txn, command->id, &ended, decide->arena)
                   ? copy_after_end(decide, command, &ended, error)
                   : -1;
    if (decide_check_owner(decide, resource.user_number, resource.project, &aq_entity_resource,
                           aq_key_number(command->id), error) != 0)
        return -1;
    if (resource.status != AQ_RESOURCE_RUNNING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " is %s: a command needs a workload that runs",
                       command->id, aq_resource_status_words.words[resource.status]);
    emit_exec(decide, command, resource.application);
    return 0;
}
DECIDE(aq_command_resource_exec, exec_in_resource);

/* The resource may be gone by then. */
static int end_exec(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_exec_end *command = record;
    struct aq_resource resource;
    struct aq_ended ended;
    struct aq_resource_exec_ended event = {.id = command->id,
                                           .session = command->session,
                                           .user = command->user,
                                           .exit_status = command->exit_status,
                                           .reason = command->reason};
    decide_id_number(decide, command->id);
    if (state_resource(decide->txn, command->id, &resource, decide->arena))
        event.application = resource.application;
    else if (state_ended(decide->txn, command->id, &ended, decide->arena))
        event.application = ended.application;
    else
        return aq_key_not_found(&aq_entity_resource, aq_key_number(command->id), error);
    decide_emit(decide, &aq_event_resource_exec_ended, &event);
    return 0;
}
DECIDE(aq_command_resource_exec_end, end_exec);

static int expire_resource(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_resource_expire *command = record;
    struct aq_resource resource;
    struct aq_application application;
    if (find_reported(decide, command->id, NULL, &resource, &application, error) != 0)
        return -1;
    if (resource.expires_at == 0 || decide->time_ms < resource.expires_at || application.status != AQ_ALLOCATED)
        return 0;
    decide_give_back(decide, &application, "its lifetime is over");
    return 0;
}
DECIDE(aq_command_resource_expire, expire_resource);
