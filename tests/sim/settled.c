#include "tests/sim/settled.h"

#include "tests/sim/finished.h"
#include "tests/sim/keyring_files.h"
#include "tests/sim/liars.h"
#include "tests/sim/places.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool fail(struct unsettled *unsettled, const char *invariant, const char *format, ...) AQ_PRINTF(3, 4);

static bool fail(struct unsettled *unsettled, const char *invariant, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    unsettled->invariant = invariant;
    vsnprintf(unsettled->words, sizeof unsettled->words, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

/* Its agent has the node: of several of one name, only one does. */
static bool has_node(const struct node *node)
{
    return node->agent != NULL && !node->gone && agent_is_welcome(node->agent);
}

static bool name_is_served(const struct nodes *nodes, const char *name)
{
    for (unsigned i = 0; i < nodes->count; i++)
        if (strcmp(nodes->all[i].config.name, name) == 0 && has_node(&nodes->all[i]))
            return true;
    return false;
}

static bool has_rack(const struct aq_node *row, const char *rack)
{
    for (uint32_t i = 0; i < row->identifiers.count; i++)
        if (strcmp(AQ_TEXT_ITEM(row->identifiers, i), rack) == 0)
            return true;
    return false;
}

static bool offers_the_same(const struct world *world, const struct node *node, const struct aq_amounts *capacity)
{
    const struct aq_agent_capacity *offer = &node->config.capacity;
    return has_rack(mirror_row(&world->judge.mirror, &aq_entity_node, node->config.name), node->rack) &&
           offer->cpu == capacity->cpu && offer->ram == capacity->ram && offer->disk == capacity->disk &&
           offer->slots == capacity->slots;
}

static bool agents_are_active(struct world *world, struct unsettled *unsettled)
{
    for (unsigned i = 0; i < world->nodes.count; i++) {
        const struct node *node = &world->nodes.all[i];
        const struct judge_node *row = judge_node(&world->judge, node->config.name);
        if (node->gone)
            continue;
        if (!name_is_served(&world->nodes, node->config.name))
            return fail(unsettled, "an agent that is alive is admitted", "%s: %.120s", node->machine.name,
                        node->agent != NULL ? agent_refusal(node->agent) : "it does not run");
        if (row != NULL && has_node(node) && !offers_the_same(world, node, &row->capacity))
            return fail(unsettled, "a node offers what its agent does", "%s", node->config.name);
        if (row == NULL || row->lost)
            return fail(unsettled, "an agent that is alive is ACTIVE", "%s is %s", node->config.name,
                        row == NULL ? "not there" : "LOST");
    }
    return true;
}

static bool silent_nodes_are_lost(struct world *world, struct unsettled *unsettled)
{
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++) {
        const struct judge_node *row = &world->judge.nodes[i];
        bool liar = strncmp(row->name, LIARS_PREFIX, strlen(LIARS_PREFIX)) == 0;
        if (row->there && !row->lost && !liar && !name_is_served(&world->nodes, row->name))
            return fail(unsettled, "a node without an agent is LOST", "%s", row->name);
    }
    return true;
}

/* ---- workloads ---------------------------------------------------------------------------------------- */

static bool resource_is_right(struct world *world, const struct node *node, uint64_t id, struct unsettled *unsettled)
{
    const struct judge_resource *row = id <= world->judge.n_resources ? &world->judge.resources[id - 1] : NULL;
    bool wanted = row != NULL && row->there && strcmp(row->node, node->config.name) == 0;
    bool runs = witness_sees(&world->witness, node->host, id);
    if (runs && !wanted)
        return fail(unsettled, "no workload runs without its resource", "resource %" PRIu64 " on %s", id,
                    node->machine.name);
    if (runs && witness_is_overdue(&world->witness, id))
        return fail(unsettled, "a workload that ends by itself has ended", "resource %" PRIu64 " on %s", id,
                    node->machine.name);
    uint64_t limit;
    if (wanted && !runs && witness_saw_start(&world->witness, node->host, id) &&
        judge_restart(&world->judge, row, &limit) != AQ_RESTART_NEVER)
        return fail(unsettled, "a restart comes to its end", "resource %" PRIu64 " on %s", id, node->machine.name);
    if (wanted && !runs)
        return fail(unsettled, "no resource is forgotten", "resource %" PRIu64 " does not run on %s", id,
                    node->machine.name);
    return true;
}

/* What is on a host that was copied may be there twice, and nothing in the cluster can know that. */
static bool workloads_are_right(struct world *world, struct unsettled *unsettled)
{
    size_t last =
        world->witness.n_workloads > world->judge.n_resources ? world->witness.n_workloads : world->judge.n_resources;
    for (unsigned i = 0; i < world->nodes.count; i++) {
        const struct node *node = &world->nodes.all[i];
        for (uint64_t id = 1; has_node(node) && !world->witness.hosts[i].copied && id <= last; id++)
            if (!resource_is_right(world, node, id, unsettled))
                return false;
    }
    return true;
}

/* ---- applications ------------------------------------------------------------------------------------- */

/* Its resource is on a node where somebody could end it. */
static bool is_served(struct world *world, const struct judge_application *row)
{
    return row->resource != 0 && name_is_served(&world->nodes, world->judge.resources[row->resource - 1].node);
}

static bool application_is_right(struct world *world, uint64_t id, struct unsettled *unsettled)
{
    const struct judge_application *row = &world->judge.applications[id - 1];
    char where[JUDGE_NAME];
    if (row->status == AQ_NEW && places_now(&world->judge, id, where))
        return fail(unsettled, "what waits has a reason", "application %" PRIu64 " could run on %s", id, where);
    if ((row->status == AQ_ELECTED || row->status == AQ_DEALLOCATE || row->status == AQ_RECALLED) &&
        is_served(world, row))
        return fail(unsettled, "every application ends or runs", "application %" PRIu64 " is %s", id,
                    aq_application_status_words.words[row->status]);
    return true;
}

static bool applications_are_right(struct world *world, struct unsettled *unsettled)
{
    for (uint64_t id = 1; id <= world->judge.n_applications; id++)
        if (world->judge.applications[id - 1].there && !application_is_right(world, id, unsettled))
            return false;
    return true;
}

/* At most as many finished ones are kept as the settings say, and as long; one that still holds a resource is not
 * removed. */
static bool finished_are_removed(struct world *world, struct unsettled *unsettled)
{
    uint64_t most = world->controller.config.keep.finished.number, kept = 0, held = 0;
    for (size_t i = 0; i < world->judge.n_applications; i++) {
        const struct judge_application *row = &world->judge.applications[i];
        bool over = row->there && aq_application_is_over(row->status);
        kept += over && row->resource == 0;
        held += over && row->resource != 0;
    }
    uint64_t late = finished_find_late(&world->controller);
    if (late != 0)
        return fail(unsettled, "finished applications leave", "application %" PRIu64 " is too old", late);
    if (most > 0 && kept > most)
        return fail(unsettled, "finished applications leave", "%" PRIu64 " are kept, %" PRIu64 " hold resources", kept,
                    held);
    return true;
}

/* ---- tasks -------------------------------------------------------------------------------------------- */

static bool tasks_are_right(struct world *world, struct unsettled *unsettled)
{
    for (uint64_t id = 1; id <= world->judge.n_tasks; id++) {
        const struct judge_task *row = &world->judge.tasks[id - 1];
        if (row->status == AQ_TASK_RUNNING)
            return fail(unsettled, "every task ends", "task %" PRIu64 " on %s", id, row->node);
        if (row->status == AQ_TASK_DONE && strncmp(row->node, LIARS_PREFIX, strlen(LIARS_PREFIX)) != 0 &&
            !witness_saw_task_made(&world->witness, id))
            return fail(unsettled, "what is DONE was made", "task %" PRIu64 " on %s", id, row->node);
    }
    return true;
}

/* ---- lifetimes ---------------------------------------------------------------------------------------- */

static bool lifetimes_have_ended(struct world *world, struct unsettled *unsettled)
{
    enum { SLACK_MS = 3000 };
    const struct mirror_table *applications = mirror_table(&world->judge.mirror, &aq_entity_application);
    const struct aq_clocks now = machine_clocks(&world->controller.machine);
    const uint64_t now_ms = writer_time_ms(world->controller.writer, &now);
    for (size_t i = 0; i < applications->count; i++) {
        const struct aq_application *row = applications->rows[i];
        if (row->expires_at != 0 && row->expires_at + SLACK_MS < now_ms)
            return fail(unsettled, "lifetimes end", "that of application %" PRIu64 " is over", row->id);
    }
    return true;
}

/* ---- leases ------------------------------------------------------------------------------------------- */

/* On a node that stays lost, what has a lease counts as ended when that is over, and some time later. */
static bool leases_have_ended(struct world *world, struct unsettled *unsettled)
{
    enum { SLACK_MS = 5000 };
    const struct mirror_table *resources = mirror_table(&world->judge.mirror, &aq_entity_resource);
    const struct aq_clocks now = machine_clocks(&world->controller.machine);
    const uint64_t now_ms = writer_time_ms(world->controller.writer, &now);
    for (size_t i = 0; i < resources->count; i++) {
        const struct aq_resource *row = resources->rows[i];
        const struct judge_node *node = judge_node(&world->judge, row->node);
        if (row->lease != 0 && node->lost && node->lost_at + aq_lease_over_ms(row->lease) + SLACK_MS < now_ms)
            return fail(unsettled, "leases come to their end", "that of resource %" PRIu64 " on %s", row->id,
                        row->node);
    }
    return true;
}

/* ---- epochs ------------------------------------------------------------------------------------------- */

/* The data keys that are still needed are wrapped by the key of the open epoch, unless keys are lost. */
static bool epochs_have_ended(struct world *world, struct unsettled *unsettled)
{
    const struct sealed *sealed = &world->judge.sealed;
    const char *left = keyring_files_left(&world->judge, CONTROLLER_DIRECTORY);
    const struct sealed_epoch *last = sealed->n_epochs > 0 ? &sealed->epochs[sealed->n_epochs - 1] : NULL;
    if (left[0] != '\0')
        return fail(unsettled, "the key of an epoch that has ended is deleted", "epoch %s", left);
    for (size_t i = 0; i < sealed->n_epochs; i++) {
        const struct sealed_epoch *epoch = &sealed->epochs[i];
        if (!epoch->ended && epoch->lost != epoch->away)
            return fail(unsettled, "an epoch tells that its key is lost", "epoch %zu", i + 1);
        if (!epoch->ended && !epoch->open && !epoch->away && !last->away)
            return fail(unsettled, "old epochs end", "epoch %zu does not", i + 1);
    }
    return true;
}

bool settled(struct world *world, struct unsettled *unsettled)
{
    if (!controller_leads(&world->controller))
        return fail(unsettled, "a controller leads when nothing is wrong", "it does not");
    if (world->requests.waiting > 0)
        return fail(unsettled, "every request has an answer", "%zu have none", world->requests.waiting);
    if (front_fetches(&world->readers.front))
        return fail(unsettled, "readers of output get their answers in time", "some wait");
    if (world->tails.waiting > 0)
        return fail(unsettled, "readers of output get their answers in time", "%" PRIu64 " wait", world->tails.waiting);
    const uint64_t exec = runners_unsettled(&world->runners);
    if (exec != 0)
        return fail(unsettled, "commands in workloads end", "exec-%" PRIu64 " does not", exec);
    return agents_are_active(world, unsettled) && silent_nodes_are_lost(world, unsettled) &&
           workloads_are_right(world, unsettled) && applications_are_right(world, unsettled) &&
           tasks_are_right(world, unsettled) && finished_are_removed(world, unsettled) &&
           lifetimes_have_ended(world, unsettled) && epochs_have_ended(world, unsettled) &&
           leases_have_ended(world, unsettled);
}
