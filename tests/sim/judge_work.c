#include "tests/sim/judge_rules.h"

#include "schema/codec/ranges.h"
#include "tests/sim/judge_projects.h"
#include "tests/sim/judge_secrets.h"
#include "tests/sim/places.h"
#include "tests/sim/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- applications ------------------------------------------------------------------------------------- */

static const char *status_word(enum aq_application_status status)
{
    return aq_application_status_words.words[status];
}

/* The table of moves, as docs/architecture.md prints it: written again here on purpose. */
static bool may_move(enum aq_application_status from, enum aq_application_status to)
{
    switch (from) {
    case AQ_NEW:
        return to == AQ_ELECTED || to == AQ_RECALLED || to == AQ_ERRORED;
    case AQ_ELECTED:
        return to == AQ_ALLOCATED || to == AQ_NEW || to == AQ_RECALLED || to == AQ_ERRORED;
    case AQ_ALLOCATED:
        return to == AQ_DEALLOCATE || to == AQ_DEALLOCATED || to == AQ_ERRORED || to == AQ_NEW;
    case AQ_DEALLOCATE:
        return to == AQ_DEALLOCATED;
    default:
        return false;
    }
}

static void move(struct judge *judge, struct judge_application *row, uint64_t id, enum aq_application_status to)
{
    if (!may_move(row->status, to))
        sim_broken(judge->sim, "every move is in the table of moves", "application %" PRIu64 " from %s to %s", id,
                   status_word(row->status), status_word(to));
    row->status = to;
}

/* A label of one project is used there alone. */
static void must_be_usable(struct judge *judge, const struct aq_application_created *event)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, event->label_id);
    const struct aq_label *label = mirror_row(&judge->mirror, &aq_entity_label, key);
    const char *project = event->project[0] != '\0' ? event->project : AQ_PROJECT_DEFAULT;
    judge_must(judge, label->project[0] == '\0' || strcmp(label->project, project) == 0,
               "labels are used in their project", "application", event->id);
}

static void take_arguments(struct judge *judge, struct judge_application *row,
                           const struct aq_application_created *event)
{
    if (event->arguments.count == 0)
        return;
    judge_must(judge, judge->labels[event->label_id - 1].arguments, "arguments are for labels that take them",
               "application", event->id);
    judge_command_text(&event->arguments, row->command, sizeof row->command);
}

static void created(struct judge *judge, const void *data)
{
    const struct aq_application_created *event = data;
    judge_must(judge, event->id > judge->n_applications, "a number is never used again", "application", event->id);
    struct judge_application *row = JUDGE_ROW(judge, applications, event->id);
    judge_must(judge,
               event->label_id >= 1 && event->label_id <= judge->n_labels && judge->labels[event->label_id - 1].there,
               "an application has a label", "application", event->id);
    judge_note_made(judge, event->id);
    row->there = true;
    row->label = event->label_id;
    row->status = AQ_NEW;
    snprintf(row->user, sizeof row->user, "%s", judge->author);
    struct judge_user *user = judge_user(judge, row->user);
    judge_must(judge, user != NULL, "an application has a user", "application", event->id);
    row->user_number = user->number;
    must_be_usable(judge, event);
    take_arguments(judge, row, event);
    judge_open_applications(judge, event, user->number);
    judge_must(judge, user->most == 0 || judge_open_of(judge, user) <= user->most, "limits of users hold",
               "application", event->id);
}

/* A node may offer less than before: then it has too much of what it has already, and gets no more of that. */
static void elected(struct judge *judge, const void *data)
{
    const struct aq_application_elected *event = data;
    struct judge_application *row = judge_open_application(judge, event->id);
    struct judge_node *node = judge_node(judge, event->node);
    const struct judge_label *label = &judge->labels[row->label - 1];
    judge_must(judge, row->resource == 0, "no workload twice", "application", event->id);
    judge_must(judge, node != NULL && !node->lost && !node->maintenance && !judge_has_quarantine(node, row->label),
               "work goes to nodes that take it", "application", event->id);
    judge_must(judge, event->definition < label->definitions, "a definition of its label", "application", event->id);
    judge_must(judge, !judge_secrets_are_lost(judge, event->id), "what has lost its secrets is not started",
               "application", event->id);
    judge_must(judge, event->resource > judge->n_resources, "a number is never used again", "resource",
               event->resource);
    judge_must(judge, places_suits(judge, node, label, event->definition), "work goes to nodes that can run it",
               "application", event->id);
    judge_must(judge, !places_has_failed(row, event->node, event->definition),
               "what has failed is not tried there again", "application", event->id);
    move(judge, row, event->id, AQ_ELECTED);
    struct judge_resource *resource = JUDGE_ROW(judge, resources, event->resource);
    *resource = (struct judge_resource){.there = true, .application = event->id, .definition = event->definition};
    resource->amounts = label->amounts[event->definition];
    snprintf(resource->node, sizeof resource->node, "%s", event->node);
    row->resource = event->resource;
    aq_amounts_add(&node->used, &resource->amounts);
    judge_resource_of_project(judge, node, event->id, &resource->amounts);
    if (!places_fits(node, &resource->amounts))
        sim_broken(judge->sim, "capacity is never exceeded", "node %s by resource %" PRIu64 ", seq %" PRIu64,
                   node->name, event->resource, judge->seq);
}

static void waits(struct judge *judge, const void *data)
{
    const struct aq_application_waiting *event = data;
    const struct judge_application *row = judge_open_application(judge, event->id);
    char where[JUDGE_NAME];
    judge_must(judge, row->status == AQ_NEW, "only what is NEW waits", "application", event->id);
    /* What a resource held is not free yet when another place is looked for in the decision that ends it. */
    judge_must(judge, judge->ended > 0 || !places_now(judge, event->id, where), "what waits has a reason",
               "application", event->id);
    judge_must(judge,
               judge->ended > 0 || strstr(event->reason, "left of the quota of") == NULL ||
                   places_lacks_quota(judge, event->id),
               "what waits for a quota waits for a reason that is true", "application", event->id);
    judge_must(judge, !event->impossible || !places_ever(judge, event->id), "what waits has a reason",
               "impossible application", event->id);
    judge_must(judge, row->n_tries == 0 || places_ever(judge, event->id), "what has no node left is given up",
               "application", event->id);
}

/* Users act on their own, not on what an earlier user of their name left; an entry may hold what admins, agents and the
 * controller do to anybody's. */
static void check_owner(struct judge *judge, const struct judge_application *row, uint64_t id)
{
    const struct judge_user *user = judge_user(judge, judge->author);
    if (strncmp(judge->author, "user-", 5) == 0 && (user == NULL || user->number != row->user_number))
        sim_broken(judge->sim, "users act on their own", "%s on application %" PRIu64 " of %s", judge->author, id,
                   row->user);
}

/* The mirror shows the application as it is after that. */
static void check_lifetime(struct judge *judge, uint64_t id)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, judge->applications[id - 1].resource);
    const struct aq_resource *row = mirror_row(&judge->mirror, &aq_entity_resource, key);
    if (judge->command == &aq_command_resource_expire && (row == NULL || row->lifetime == 0 || row->started_at == 0 ||
                                                          judge->time_ms < row->started_at + row->lifetime * 1000))
        sim_broken(judge->sim, "no lifetime ends early", "that of application %" PRIu64 ", seq %" PRIu64, id,
                   judge->seq);
}

/* What a drain gives back, its label says so, or it was forced. */
static void check_drained(struct judge *judge, const struct judge_application *row, uint64_t id)
{
    if (judge->command != &aq_command_node_tend)
        return;
    const struct judge_resource *resource = &judge->resources[row->resource - 1];
    const struct judge_node *node = judge_node(judge, resource->node);
    const bool drains = node->drain == AQ_DRAINING || node->drain == AQ_DRAIN_LATE;
    const bool forced = node->drain_force && judge->time_ms >= node->drain_ends_at;
    judge_must(judge, drains && (forced || judge->labels[row->label - 1].gives_back[resource->definition]),
               "a drain does what labels say", "application", id);
}

static void moved(struct judge *judge, const void *data)
{
    const struct aq_application_moved *event = data;
    struct judge_application *row = judge_open_application(judge, event->id);
    check_owner(judge, row, event->id);
    judge_must(judge, row->status != AQ_NEW || event->status != AQ_ERRORED || !places_ever(judge, event->id),
               "what is given up has no node left", "application", event->id);
    judge_must(judge,
               row->status != AQ_ALLOCATED || !judge_is_over(event->status) ||
                   (event->status == AQ_DEALLOCATED) == row->well,
               "what ends by itself has the status of its end", "application", event->id);
    check_lifetime(judge, event->id);
    check_drained(judge, row, event->id);
    move(judge, row, event->id, event->status);
    judge_must(judge, event->status != AQ_NEW || row->n_tries < AQ_TRIES_MAX, "what fails too often is given up",
               "application", event->id);
    judge_must(judge,
               event->status != AQ_NEW || row->failed || judge->labels[row->label - 1].restart_lost[row->definition],
               "what may have run starts again only if its label says so", "application", event->id);
    bool holds = row->resource != 0;
    judge_must(judge,
               !holds || (event->status != AQ_NEW && event->status != AQ_DEALLOCATED && event->status != AQ_ERRORED),
               "capacity is held while work may run", "application", event->id);
    judge_must(judge, holds || event->status != AQ_DEALLOCATE, "what is being ended has a resource", "application",
               event->id);
}

static void extended(struct judge *judge, const void *data)
{
    const struct aq_application_extended *event = data;
    check_owner(judge, judge_open_application(judge, event->id), event->id);
    judge_must(judge, !judge_is_over(judge_open_application(judge, event->id)->status), "what is over is not extended",
               "application", event->id);
}

static bool remove_one(void *context, uint64_t id)
{
    struct judge *judge = context;
    struct judge_application *row = judge_open_application(judge, id);
    judge_must(judge, judge_is_over(row->status) && row->resource == 0, "only what is over is removed", "application",
               id);
    row->there = false;
    row->removed = true;
    return true;
}

static void removed(struct judge *judge, const void *data)
{
    (void)aq_ranges_each(((const struct aq_application_removed *)data)->applications, remove_one, judge);
}

/* ---- resources ---------------------------------------------------------------------------------------- */

/* What an agent says about another node's resource changes nothing. */
static void check_reporter(struct judge *judge, const struct judge_resource *resource)
{
    static const char prefix[] = "node:";
    size_t length = strlen(prefix);
    if (strncmp(judge->author, prefix, length) == 0 && strcmp(judge->author + length, resource->node) != 0)
        sim_broken(judge->sim, "agents report about their own", "%s about a resource on %s, seq %" PRIu64,
                   judge->author, resource->node, judge->seq);
}

static void started(struct judge *judge, const void *data)
{
    check_reporter(judge, judge_live_resource(judge, ((const struct aq_resource_started *)data)->id));
}

static void stopped(struct judge *judge, const void *data)
{
    const uint64_t id = ((const struct aq_resource_stopped *)data)->id;
    judge_must(judge, !judge_has_task(judge, judge_live_resource(judge, id)->application),
               "a workload is ended after its tasks", "resource", id);
}

static void restarted(struct judge *judge, const void *data)
{
    const struct aq_resource_restarted *event = data;
    struct judge_resource *resource = judge_live_resource(judge, event->id);
    uint64_t limit;
    const enum aq_restart policy = judge_restart(judge, resource, &limit);
    check_reporter(judge, resource);
    judge_must(judge, policy != AQ_RESTART_NEVER && (limit == 0 || event->restarts <= limit),
               "a workload is restarted as its label says", "resource", event->id);
    judge_must(judge, event->restarts > resource->restarts, "restarts are counted", "resource", event->id);
    resource->restarts = event->restarts;
}

static void checked(struct judge *judge, const void *data)
{
    const struct aq_resource_checked *event = data;
    const struct judge_resource *resource = judge_live_resource(judge, event->id);
    check_reporter(judge, resource);
    judge_must(judge, judge_is_checked(judge, resource), "health is what checks say", "resource", event->id);
}

/* Its node was lost for longer than the lease, and its keeper has ended it. Nothing is said of a host that was copied.
 */
static void check_lease(struct judge *judge, const struct judge_resource *resource, uint64_t id)
{
    const struct judge_node *node = judge_node(judge, resource->node);
    const struct judge_label *label = &judge->labels[judge->applications[resource->application - 1].label - 1];
    const uint64_t lease_ms = label->lease[resource->definition] * 1000;
    judge_must(judge, lease_ms > 0, "only leases end", "resource", id);
    judge_must(judge, node != NULL && node->lost && judge->time_ms >= node->lost_at + lease_ms, "no lease ends early",
               "resource", id);
    judge_must(judge, !witness_sees_anywhere(judge->witness, id), "what has ended by its lease does not run",
               "resource", id);
    judge->sim->result->totals.leases_ended++;
}

static void ended(struct judge *judge, const void *data)
{
    const struct aq_resource_ended *event = data;
    struct judge_resource *resource = judge_live_resource(judge, event->id);
    struct judge_application *row = judge_open_application(judge, resource->application);
    struct judge_node *node = judge_node(judge, resource->node);
    check_reporter(judge, resource);
    judge_must(judge, event->failed == (judge->command == &aq_command_resource_fail && row->status == AQ_ELECTED),
               "a try is one that never ran", "resource", event->id);
    judge_must(judge, node != NULL && row->resource == event->id, "a resource has its application and node", "resource",
               event->id);
    const bool by_lease = judge->command == &aq_command_resource_lease;
    judge_must(judge, strncmp(judge->author, "node:", 5) == 0 || judge->command == &aq_command_node_delete || by_lease,
               "only its node knows that it has ended", "resource", event->id);
    if (by_lease)
        check_lease(judge, resource, event->id);
    aq_amounts_subtract(&node->used, &resource->amounts);
    resource->there = false;
    resource->node_deleted = judge->command == &aq_command_node_delete;
    row->resource = 0;
    row->definition = resource->definition;
    row->failed = event->failed;
    row->well = event->exited && event->exit_status == 0;
    judge->ended++;
    if (event->failed && row->n_tries < AQ_TRIES_MAX) {
        struct judge_try *failed = &row->tries[row->n_tries++];
        failed->definition = resource->definition;
        snprintf(failed->node, sizeof failed->node, "%s", resource->node);
    }
}

const struct judge_taker judge_work[] = {
    {&aq_event_application_created, created},   {&aq_event_application_elected, elected},
    {&aq_event_application_waiting, waits},     {&aq_event_application_moved, moved},
    {&aq_event_application_extended, extended}, {&aq_event_application_removed, removed},
    {&aq_event_resource_started, started},      {&aq_event_resource_stopped, stopped},
    {&aq_event_resource_ended, ended},          {&aq_event_resource_restarted, restarted},
    {&aq_event_resource_checked, checked},      {NULL, NULL},
};
