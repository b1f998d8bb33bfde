/* The indexes and counters have what the rows need, and nothing else: what stays behind is seen by no answer. */
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/membership.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"
#include "schema/model/user.h"
#include "tests/sim/mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char invariant[] = "the tables show what the events say";

static uint64_t count(const struct mirror *mirror, const struct aq_entity *entity, bool (*has)(const void *row))
{
    const struct mirror_table *table = mirror_table(mirror, entity);
    uint64_t sum = 0;
    for (size_t i = 0; i < table->count; i++)
        sum += has == NULL || has(table->rows[i]);
    return sum;
}

static bool is_new(const void *row)
{
    return ((const struct aq_application *)row)->status == AQ_NEW;
}

static bool is_over(const void *row)
{
    return ((const struct aq_application *)row)->ended_at != 0;
}

static bool is_open(const void *row)
{
    return !is_over(row);
}

static bool expires(const void *row)
{
    return ((const struct aq_resource *)row)->expires_at != 0;
}

static bool has_lease(const void *row)
{
    return ((const struct aq_resource *)row)->lease != 0;
}

static bool has_ip_address(const void *row)
{
    return ((const struct aq_resource *)row)->ip_addr[0] != '\0'; /* the driver `test` tells no hardware addresses */
}

static bool is_lost(const void *row)
{
    return ((const struct aq_node *)row)->status == AQ_NODE_LOST;
}

static bool has_key(const void *row)
{
    const struct aq_node *node = row;
    return node->key[0] != '\0' && !node->revoked;
}

static bool is_tended(const void *row)
{
    const struct aq_node *node = row;
    for (uint32_t i = 0; i < node->quarantines.count; i++)
        if (AQ_ITEM(node->quarantines, struct aq_quarantine, i)->until != 0)
            return true;
    return node->drain_status == AQ_DRAINING || node->drain_status == AQ_DRAIN_LATE ||
           (node->shutdown_status != AQ_SHUTDOWN_NONE && node->shutdown_status != AQ_SHUTDOWN_FAILED);
}

static bool has_uid(const void *row)
{
    return ((const struct aq_user *)row)->uid != 0;
}

static bool is_open_task(const void *row)
{
    return ((const struct aq_task *)row)->ended_at == 0;
}

static bool is_under_way(const void *row)
{
    return ((const struct aq_task *)row)->status == AQ_TASK_RUNNING;
}

static const struct {
    enum state_index index;
    const struct aq_entity *entity;
    bool (*has)(const void *row); /* NULL: all have */
} rows[] = {
    {INDEX_LABEL_VERSION, &aq_entity_label, NULL},
    {INDEX_NODE_RESOURCE, &aq_entity_resource, NULL},
    {INDEX_WAITING, &aq_entity_application, is_new},
    {INDEX_EXPIRY, &aq_entity_resource, expires},
    {INDEX_LEASED, &aq_entity_resource, has_lease},
    {INDEX_USER_UID, &aq_entity_user, has_uid},
    {INDEX_OWNED, &aq_entity_application, NULL},
    {INDEX_OPEN, &aq_entity_application, is_open},
    {INDEX_OVER, &aq_entity_application, is_over},
    {INDEX_RESOURCE_USER, &aq_entity_resource, NULL},
    {INDEX_ADDRESS, &aq_entity_resource, has_ip_address},
    {INDEX_NODE_KEY, &aq_entity_node, has_key},
    {INDEX_TENDED, &aq_entity_node, is_tended},
    {INDEX_APPLICATION_PROJECT, &aq_entity_application, NULL},
    {INDEX_RESOURCE_PROJECT, &aq_entity_resource, NULL},
    {INDEX_LABEL_PROJECT, &aq_entity_label, NULL},
    {INDEX_MEMBERSHIP_PROJECT, &aq_entity_membership, NULL},
    {INDEX_MEMBERSHIP_USER, &aq_entity_membership, NULL},
    {INDEX_TASK_APPLICATION, &aq_entity_task, NULL},
    {INDEX_TASK_USER, &aq_entity_task, NULL},
    {INDEX_TASK_PROJECT, &aq_entity_task, NULL},
    {INDEX_TASK_OPEN, &aq_entity_task, is_open_task},
    {INDEX_TASK_EXPIRY, &aq_entity_task, is_under_way},
};

static void must_be(struct sim *sim, const char *what, uint64_t shown, uint64_t wanted)
{
    if (shown != wanted)
        sim_broken(sim, invariant, "%s: %" PRIu64 ", should be %" PRIu64, what, shown, wanted);
}

/* Of applications that are still there. */
static void compare_histories(const struct mirror *mirror, struct state_txn *txn, struct sim *sim)
{
    uint64_t events = 0, ended = 0;
    for (size_t i = 0; i < mirror->n_events; i++) {
        char key[24];
        const struct mirror_event *event = &mirror->events[i];
        snprintf(key, sizeof key, "%" PRIu64, event->application);
        bool kept = event->application != 0 && mirror_row(mirror, &aq_entity_application, key) != NULL;
        events += kept;
        ended += kept && event->ends;
    }
    must_be(sim, index_table(INDEX_HISTORY), index_count(txn, INDEX_HISTORY), events);
    must_be(sim, index_table(INDEX_ENDED), index_count(txn, INDEX_ENDED), ended);
}

static void compare_open(const struct mirror *mirror, struct state_txn *txn, struct sim *sim)
{
    const struct mirror_table *applications = mirror_table(mirror, &aq_entity_application),
                              *users = mirror_table(mirror, &aq_entity_user),
                              *labels = mirror_table(mirror, &aq_entity_label);
    for (size_t u = 0; u < users->count; u++) {
        const uint64_t number = ((const struct aq_user *)users->rows[u])->number;
        uint64_t open = 0;
        for (size_t i = 0; i < applications->count; i++)
            open += is_open(applications->rows[i]) &&
                    ((const struct aq_application *)applications->rows[i])->user_number == number;
        must_be(sim, "open applications of a user", counter_open_of_user(txn, number), open);
    }
    for (size_t l = 0; l < labels->count; l++) {
        uint64_t id = ((const struct aq_label *)labels->rows[l])->id, open = 0;
        for (size_t i = 0; i < applications->count; i++)
            open += is_open(applications->rows[i]) &&
                    ((const struct aq_application *)applications->rows[i])->label_id == id;
        must_be(sim, "open applications of a label", counter_open_of_label(txn, id), open);
    }
}

static void compare_usage(const struct mirror *mirror, struct state_txn *txn, struct sim *sim)
{
    const struct mirror_table *projects = mirror_table(mirror, &aq_entity_project),
                              *users = mirror_table(mirror, &aq_entity_user);
    for (size_t p = 0; p < projects->count; p++)
        for (size_t u = 0; u < users->count; u++) {
            const char *project = ((const struct aq_project *)projects->rows[p])->name;
            const uint64_t number = ((const struct aq_user *)users->rows[u])->number;
            const struct mirror_usage wanted = mirror_usage(mirror, project, number);
            const struct counter_usage shown = counter_usage(txn, project, number);
            must_be(sim, "open applications of a user in a project", shown.open, wanted.open);
            must_be(sim, "cores of a user in a project", shown.held.cpu, wanted.held.cpu);
            must_be(sim, "memory of a user in a project", shown.held.ram, wanted.held.ram);
            must_be(sim, "disk of a user in a project", shown.held.disk, wanted.held.disk);
            must_be(sim, "slots of a user in a project", shown.held.slots, wanted.held.slots);
        }
}

void mirror_compare_indexes(const struct mirror *mirror, struct state_txn *txn, struct sim *sim)
{
    for (size_t i = 0; i < AQ_LENGTH(rows); i++)
        must_be(sim, index_table(rows[i].index), index_count(txn, rows[i].index),
                count(mirror, rows[i].entity, rows[i].has));
    compare_histories(mirror, txn, sim);
    compare_open(mirror, txn, sim);
    compare_usage(mirror, txn, sim);
    must_be(sim, "nodes that are lost", counter_lost(txn, COUNTER_LOST_NODES), count(mirror, &aq_entity_node, is_lost));
    must_be(sim, index_table(INDEX_KEY_TIMES), index_count(txn, INDEX_KEY_TIMES), index_count(txn, INDEX_KEYS));
}
