#include "tests/sim/joins.h"
#include "tests/sim/judge_rules.h"

#include "schema/model/join_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- nodes -------------------------------------------------------------------------------------------- */

static struct judge_node *add_node(struct judge *judge, const char *name)
{
    size_t i = 0;
    while (judge->nodes[i].there)
        aq_assert(++i < JUDGE_NODES_MAX);
    judge->nodes[i] = (struct judge_node){.there = true, .active_ms = judge->sim->now_ms};
    snprintf(judge->nodes[i].name, JUDGE_NAME, "%s", name);
    return &judge->nodes[i];
}

static void joined(struct judge *judge, const void *data)
{
    const struct aq_node_joined *event = data;
    judge_must(judge, judge_node(judge, event->name) == NULL, "names are unique", "node", event->number);
    struct judge_node *node = add_node(judge, event->name);
    node->instance = event->instance;
    node->capacity = event->capacity;
    snprintf(node->address, JUDGE_NAME, "%s", event->address);
}

/* A node that is new has no agent yet. Whoever has enrolled has time to say HELLO. */
static void enrolled(struct judge *judge, const void *data)
{
    const struct aq_node_enrolled *event = data;
    struct judge_node *node = judge_node(judge, event->name);
    if (node == NULL)
        add_node(judge, event->name)->lost = true;
    else
        node->active_ms = judge->sim->now_ms;
    enrolments_enrolled(&judge->enrolments, judge->sim, event);
    joins_enrolled(judge->joins, event);
}

static void revoked(struct judge *judge, const void *data)
{
    const struct aq_node_revoked *event = data;
    const struct judge_node *node = judge_node(judge, event->name);
    judge_must(judge, node != NULL && node->lost, "a revoked node is lost", "nodes", 1);
    enrolments_revoked(&judge->enrolments, judge->sim, event);
}

static void token_created(struct judge *judge, const void *data)
{
    const struct aq_join_token_created *event = data;
    judge_must(judge, event->id == judge->enrolments.n_tokens + 1, "numbers follow each other", "join token",
               event->id);
    enrolments_created(&judge->enrolments, event);
    if (strncmp(event->hash, "hash-", 5) == 0)
        snprintf(judge->join_hash, sizeof judge->join_hash, "%s", event->hash);
}

static void token_used(struct judge *judge, const void *data)
{
    enrolments_used(&judge->enrolments, judge->sim, data, judge->time_ms, judge->author);
}

static void join_token_revoked(struct judge *judge, const void *data)
{
    enrolments_token_revoked(&judge->enrolments, judge->sim, ((const struct aq_join_token_revoked *)data)->id);
}

static void token_removed(struct judge *judge, const void *data)
{
    enrolments_removed(&judge->enrolments, judge->sim, ((const struct aq_join_token_removed *)data)->id,
                       judge->time_ms);
}

static struct judge_node *the_node(struct judge *judge, const char *name)
{
    struct judge_node *node = judge_node(judge, name);
    if (node == NULL)
        sim_broken(judge->sim, "an event is about a row", "node %s", name);
    return node;
}

static void changed(struct judge *judge, const void *data)
{
    const struct aq_node_changed *event = data;
    struct judge_node *node = the_node(judge, event->name);
    judge_must(judge, node->instance == event->instance || node->lost, "an agent that is alive keeps its name", "node",
               event->instance);
    node->capacity = event->capacity;
    node->instance = event->instance;
    snprintf(node->address, JUDGE_NAME, "%s", event->address);
}

static void status_set(struct judge *judge, const void *data)
{
    const struct aq_node_status_set *event = data;
    struct judge_node *node = the_node(judge, event->name);
    node->lost = event->status == AQ_NODE_LOST;
    node->lost_at = judge->time_ms;
    node->active_ms = judge->sim->now_ms;
}

static void maintenance_set(struct judge *judge, const void *data)
{
    const struct aq_node_maintenance_set *event = data;
    the_node(judge, event->name)->maintenance = event->maintenance;
}

bool judge_has_quarantine(const struct judge_node *node, uint64_t label)
{
    for (size_t i = 0; i < JUDGE_QUARANTINES; i++)
        if (node->quarantines[i].active && (node->quarantines[i].label == 0 || node->quarantines[i].label == label))
            return true;
    return false;
}

/* One that is not begun by hand begins with a start that has failed. */
static void quarantine_set(struct judge *judge, const void *data)
{
    const struct aq_node_quarantine_set *event = data;
    struct judge_node *node = the_node(judge, event->name);
    size_t i = 0, free = JUDGE_QUARANTINES;
    for (; i < JUDGE_QUARANTINES && !(node->quarantines[i].active && node->quarantines[i].label == event->label_id);
         i++)
        if (!node->quarantines[i].active)
            free = i;
    i = i < JUDGE_QUARANTINES ? i : free;
    aq_assert(i < JUDGE_QUARANTINES);
    judge_must(judge, !event->active || event->by_hand || (judge->command == &aq_command_resource_fail && judge->ended),
               "a quarantine has a reason", "label", event->label_id);
    judge_must(judge,
               judge->command != &aq_command_node_tend ||
                   (node->quarantines[i].active && node->quarantines[i].until != 0 &&
                    judge->time_ms >= node->quarantines[i].until),
               "no quarantine ends early", "label", event->label_id);
    node->quarantines[i].active = event->active;
    node->quarantines[i].label = event->label_id;
    node->quarantines[i].until = event->until;
    node->quarantines[i].over_since_ms = 0;
    judge->sim->result->totals.quarantines += event->active;
}

bool judge_is_empty(const struct judge *judge, const struct judge_node *node)
{
    for (size_t i = 0; i < judge->n_resources; i++)
        if (judge->resources[i].there && strcmp(judge->resources[i].node, node->name) == 0)
            return false;
    return true;
}

static void drain_set(struct judge *judge, const void *data)
{
    const struct aq_node_drain_set *event = data;
    struct judge_node *node = the_node(judge, event->name);
    const bool drains = node->drain == AQ_DRAINING || node->drain == AQ_DRAIN_LATE;
    judge_must(judge, event->status == AQ_DRAIN_NONE || node->maintenance, "what drains takes no new work", "drain",
               event->status);
    judge_must(judge, event->status != AQ_DRAINED || (drains && judge_is_empty(judge, node)),
               "what is drained has nothing left", "drain", event->status);
    judge_must(judge,
               event->status != AQ_DRAIN_LATE || (node->drain == AQ_DRAINING && !judge_is_empty(judge, node) &&
                                                  event->until != 0 && judge->time_ms >= event->until),
               "what is late has had its time", "drain", event->status);
    node->drain = event->status;
    node->drain_force = event->force;
    node->drain_ends_at = event->until;
    judge->sim->result->totals.drained += event->status == AQ_DRAINED;
}

static void shutdown_set(struct judge *judge, const void *data)
{
    const struct aq_node_shutdown_set *event = data;
    struct judge_node *node = the_node(judge, event->name);
    judge_must(judge,
               event->status != AQ_SHUTDOWN_TOLD || (node->shutdown == AQ_SHUTDOWN_PLANNED && !node->lost &&
                                                     node->maintenance && judge_is_empty(judge, node)),
               "only an empty node is shut down", "order", event->order);
    const bool still_goes =
        node->shutdown == AQ_SHUTDOWN_GOING && node->shutdown_order == event->order && event->reason[0] != '\0';
    judge_must(judge, event->status != AQ_SHUTDOWN_GOING || node->shutdown == AQ_SHUTDOWN_TOLD || still_goes,
               "a host goes when its agent has answered", "order", event->order);
    judge_must(judge,
               event->status != AQ_SHUTDOWN_PLANNED || node->shutdown_order < event->order ||
                   (node->shutdown == AQ_SHUTDOWN_PLANNED && node->shutdown_order == event->order),
               "orders are told apart", "order", event->order);
    node->shutdown = event->status;
    node->shutdown_order = event->order;
}

static void node_deleted(struct judge *judge, const void *data)
{
    const struct aq_node_deleted *event = data;
    struct judge_node *node = the_node(judge, event->name);
    judge_must(judge, node->lost, "only a node that is lost is deleted", "nodes", 1);
    for (size_t i = 0; i < judge->n_resources; i++)
        judge_must(judge, !judge->resources[i].there || strcmp(judge->resources[i].node, event->name) != 0,
                   "no resource without its node", "resource", i + 1);
    node->there = false;
    enrolments_deleted(&judge->enrolments, event->name);
}

const struct judge_taker judge_nodes[] = {
    {&aq_event_node_joined, joined},
    {&aq_event_node_enrolled, enrolled},
    {&aq_event_join_token_created, token_created},
    {&aq_event_node_revoked, revoked},
    {&aq_event_join_token_used, token_used},
    {&aq_event_join_token_revoked, join_token_revoked},
    {&aq_event_join_token_removed, token_removed},
    {&aq_event_node_changed, changed},
    {&aq_event_node_status_set, status_set},
    {&aq_event_node_maintenance_set, maintenance_set},
    {&aq_event_node_quarantine_set, quarantine_set},
    {&aq_event_node_drain_set, drain_set},
    {&aq_event_node_shutdown_set, shutdown_set},
    {&aq_event_node_deleted, node_deleted},
    {NULL, NULL},
};
