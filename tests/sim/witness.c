#include "tests/sim/witness.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void witness_open(struct witness *witness, struct sim *sim, const struct judge *judge)
{
    *witness = (struct witness){.sim = sim, .judge = judge};
}

void witness_free(struct witness *witness)
{
    free(witness->workloads);
    free(witness->tasks);
}

static struct witness_workload *workload_of(struct witness *witness, uint64_t resource)
{
    aq_assert(resource >= 1 && resource < 1000000);
    if (resource > witness->workloads_room) {
        size_t room = (size_t)resource * 2;
        witness->workloads = aq_realloc(witness->workloads, room * sizeof *witness->workloads);
        memset(witness->workloads + witness->workloads_room, 0,
               (room - witness->workloads_room) * sizeof *witness->workloads);
        witness->workloads_room = room;
    }
    if (resource > witness->n_workloads)
        witness->n_workloads = (size_t)resource;
    return &witness->workloads[resource - 1];
}

static uint16_t bit_of(unsigned host)
{
    return (uint16_t)(1u << host);
}

/* It is in the log, for this node. Its node may have been deleted since it was told: then it ended without its agent,
 * which does not know that yet. */
static void check_assigned(const struct witness *witness, unsigned host, uint64_t resource)
{
    const struct judge *judge = witness->judge;
    const struct judge_resource *row = resource <= judge->n_resources ? &judge->resources[resource - 1] : NULL;
    if (row == NULL || strcmp(row->node, witness->hosts[host].name) != 0)
        sim_broken(witness->sim, "what runs was assigned to its node", "resource %" PRIu64 " is started on %s",
                   resource, witness->hosts[host].name);
    if (!row->there && !row->node_deleted)
        sim_broken(witness->sim, "what has ended is not started", "resource %" PRIu64 " on %s", resource,
                   witness->hosts[host].name);
}

/* No other workload of its application runs, unless nobody could know: its node was deleted. */
static void check_alone(const struct witness *witness, uint64_t resource)
{
    const struct judge *judge = witness->judge;
    const uint64_t application = judge->resources[resource - 1].application;
    for (size_t i = 0; i < judge->n_resources; i++) {
        const struct judge_resource *other = &judge->resources[i];
        if (other->application == application && i + 1 != resource && !other->node_deleted &&
            witness_sees_anywhere(witness, i + 1))
            sim_broken(witness->sim, "no application runs twice",
                       "application %" PRIu64 " as resource %" PRIu64 " and as %zu", application, resource, i + 1);
    }
}

/* Where it was started before, and only there, and only as its label says. */
static bool may_restart(const struct witness *witness, const struct witness_workload *workload, unsigned host,
                        uint64_t resource)
{
    const struct judge *judge = witness->judge;
    uint64_t limit;
    return workload->started == bit_of(host) && resource <= judge->n_resources &&
           judge_restart(judge, &judge->resources[resource - 1], &limit) != AQ_RESTART_NEVER;
}

void witness_start(struct witness *witness, unsigned host, uint64_t resource, uint64_t takes_ms)
{
    struct witness_workload *workload = workload_of(witness, resource);
    workload->over_ms = takes_ms > 0 ? witness->sim->now_ms + takes_ms : 0;
    witness->sim->result->totals.starts++;
    sim_say(witness->sim, "driver: %s starts resource %" PRIu64, witness->hosts[host].name, resource);
    if (witness->hosts[host].copied)
        return;
    check_assigned(witness, host, resource);
    check_alone(witness, resource);
    if (may_restart(witness, workload, host, resource)) {
        /* It may have been told to end in this turn: then it is ended at once. */
        if (workload->runs & bit_of(host))
            sim_broken(witness->sim, "a workload restarted in place is never two", "resource %" PRIu64 " on %s",
                       resource, witness->hosts[host].name);
        witness->sim->result->totals.restarts++;
        return;
    }
    if (workload->started != 0)
        sim_broken(witness->sim, "no workload is started twice", "resource %" PRIu64 " on %s", resource,
                   witness->hosts[host].name);
    if (workload->to_end & bit_of(host))
        sim_broken(witness->sim, "what is to end is not started", "resource %" PRIu64 " on %s", resource,
                   witness->hosts[host].name);
}

void witness_command(struct witness *witness, uint64_t resource, const struct aq_list *arguments)
{
    const struct judge *judge = witness->judge;
    char text[sizeof judge->applications->command];
    judge_command_text(arguments, text, sizeof text);
    if (resource <= judge->n_resources &&
        strcmp(judge->applications[judge->resources[resource - 1].application - 1].command, text) != 0)
        sim_broken(witness->sim, "a workload runs what its application says", "resource %" PRIu64 ": %s", resource,
                   text);
}

void witness_runs(struct witness *witness, unsigned host, uint64_t resource, bool adopted)
{
    struct witness_workload *workload = workload_of(witness, resource);
    workload->runs |= bit_of(host);
    if (!adopted)
        workload->started |= bit_of(host);
    else
        sim_say(witness->sim, "driver: %s adopts resource %" PRIu64, witness->hosts[host].name, resource);
}

void witness_ended(struct witness *witness, unsigned host, uint64_t resource)
{
    workload_of(witness, resource)->runs &= (uint16_t)~bit_of(host);
    sim_say(witness->sim, "driver: resource %" PRIu64 " has ended on %s", resource, witness->hosts[host].name);
}

void witness_wrote(struct witness *witness, uint64_t resource, uint64_t bytes)
{
    struct witness_workload *workload = workload_of(witness, resource);
    workload->written = bytes > workload->written ? bytes : workload->written;
}

uint64_t witness_written(const struct witness *witness, uint64_t resource)
{
    return resource >= 1 && resource <= witness->n_workloads ? witness->workloads[resource - 1].written : 0;
}

void witness_to_end(struct witness *witness, unsigned host, uint64_t resource)
{
    workload_of(witness, resource)->to_end |= bit_of(host);
}

void witness_stop(struct witness *witness, unsigned host, uint64_t resource)
{
    const struct judge *judge = witness->judge;
    const struct judge_resource *row = resource <= judge->n_resources ? &judge->resources[resource - 1] : NULL;
    uint64_t limit;
    bool wanted = row != NULL && row->there && strcmp(row->node, witness->hosts[host].name) == 0;
    if (wanted && judge_is_checked(judge, row) && judge_restart(judge, row, &limit) != AQ_RESTART_NEVER)
        return; /* it may be unhealthy */
    if (wanted && !witness->hosts[host].copied && (workload_of(witness, resource)->to_end & bit_of(host)) == 0)
        sim_broken(witness->sim, "what is wanted is not ended", "resource %" PRIu64 " on %s", resource,
                   witness->hosts[host].name);
}

/* Only when that was decided, is not called off, and nothing is there. */
void witness_shuts_down(const struct witness *witness, unsigned host)
{
    const struct judge *judge = witness->judge;
    const char *name = witness->hosts[host].name;
    const struct judge_node *node = judge_node((struct judge *)(uintptr_t)judge, name);
    sim_say(witness->sim, "driver: %s shuts its host down", name);
    if (node == NULL || node->shutdown != AQ_SHUTDOWN_GOING)
        sim_broken(witness->sim, "what was called off does not happen", "%s is shut down", name);
    for (size_t i = 0; i < judge->n_resources; i++)
        if (judge->resources[i].there && strcmp(judge->resources[i].node, name) == 0)
            sim_broken(witness->sim, "no host is shut down with work on it", "%s has resource %zu", name, i + 1);
    for (size_t i = 0; i < witness->n_workloads && !witness->hosts[host].copied; i++)
        if (witness->workloads[i].runs & bit_of(host))
            sim_broken(witness->sim, "no host is shut down with work on it", "%s runs resource %zu", name, i + 1);
    witness->sim->result->totals.shutdowns++;
}

void witness_lost_directory(struct witness *witness, unsigned host)
{
    for (size_t i = 0; i < witness->n_workloads; i++)
        witness->workloads[i].runs &= (uint16_t)~bit_of(host);
}

bool witness_sees_anywhere(const struct witness *witness, uint64_t resource)
{
    for (unsigned host = 0; host < WITNESS_HOSTS_MAX; host++)
        if (!witness->hosts[host].copied && witness_sees(witness, host, resource))
            return true;
    return false;
}

bool witness_sees(const struct witness *witness, unsigned host, uint64_t resource)
{
    return resource <= witness->n_workloads && (witness->workloads[resource - 1].runs & bit_of(host)) != 0;
}

bool witness_is_overdue(const struct witness *witness, uint64_t resource)
{
    return resource <= witness->n_workloads && witness->workloads[resource - 1].over_ms != 0 &&
           witness->workloads[resource - 1].over_ms < witness->sim->now_ms;
}

bool witness_saw_start(const struct witness *witness, unsigned host, uint64_t resource)
{
    return resource <= witness->n_workloads && (witness->workloads[resource - 1].started & bit_of(host)) != 0;
}

/* ---- tasks -------------------------------------------------------------------------------------------- */

void witness_task(struct witness *witness, unsigned host, const struct driver_task *task)
{
    const struct judge *judge = witness->judge;
    const struct judge_task *row = task->number <= judge->n_tasks ? &judge->tasks[task->number - 1] : NULL;
    sim_say(witness->sim, "driver: %s begins task %" PRIu64, witness->hosts[host].name, task->number);
    if (row == NULL || row->resource != task->resource || strcmp(row->node, witness->hosts[host].name) != 0)
        sim_broken(witness->sim, "what is made was asked for", "task %" PRIu64 " on %s", task->number,
                   witness->hosts[host].name);
    if (row->status == AQ_TASK_DONE && !witness->hosts[host].copied)
        sim_broken(witness->sim, "nothing is made twice", "task %" PRIu64 " on %s is begun when it is DONE",
                   task->number, witness->hosts[host].name);
}

void witness_task_made(struct witness *witness, uint64_t number)
{
    if (number > witness->tasks_room) {
        const size_t room = (size_t)number * 2;
        witness->tasks = aq_realloc(witness->tasks, room * sizeof *witness->tasks);
        memset(witness->tasks + witness->tasks_room, 0, (room - witness->tasks_room) * sizeof *witness->tasks);
        witness->tasks_room = room;
    }
    witness->tasks[number - 1].made = true;
}

bool witness_saw_task_made(const struct witness *witness, uint64_t number)
{
    return number <= witness->tasks_room && witness->tasks[number - 1].made;
}
