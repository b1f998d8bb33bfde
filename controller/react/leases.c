#include "controller/react/leases.h"

#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "schema/model/node.h"

#include <stdlib.h>

enum { LOOK_EVERY_MS = 1000, NODE_NAME_SIZE = 80 };

struct look {
    struct leases *leases;
    struct state_txn *txn;
    uint64_t steady_ms, number; /* of the node that was looked up last */
    uint64_t since_ms;          /* of that node; 0: it is not lost */
    struct leases_node *nodes;  /* those that are lost now */
    size_t count, capacity;
    bool room; /* for more commands */
};

static uint64_t since_of(const struct leases *leases, uint64_t number, uint64_t now_ms)
{
    for (size_t i = 0; i < leases->count; i++)
        if (leases->nodes[i].number == number)
            return leases->nodes[i].since_ms;
    return now_ms;
}

static void look_up_node(struct look *look, uint64_t number)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_node node;
    char name[NODE_NAME_SIZE];
    look->number = number;
    look->since_ms = 0;
    if (!state_node_name(look->txn, number, name, sizeof name) || !state_node(look->txn, name, &node, &arena) ||
        node.number != number || node.status != AQ_NODE_LOST)
        return;
    look->since_ms = since_of(look->leases, number, look->steady_ms);
    AQ_GROW(look->nodes, look->count, look->capacity);
    look->nodes[look->count++] = (struct leases_node){number, look->since_ms};
}

/* Each lost node is counted, even if there is no room for its commands now. */
static bool look_at_resource(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct look *look = context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_resource resource;
    const uint64_t number = state_key_number_at(key, 0), id = state_key_number_at(key, sizeof number);
    (void)value, (void)length;
    if (number != look->number)
        look_up_node(look, number);
    const uint64_t lost_ms = look->steady_ms - look->since_ms;
    if (look->since_ms != 0 && look->room && state_resource(look->txn, id, &resource, &arena) &&
        lost_ms >= aq_lease_over_ms(resource.lease))
        look->room = react_commands_send_copy(look->leases->commands, &aq_command_resource_lease,
                                              &(struct aq_resource_lease){.id = id, .lost_ms = lost_ms});
    return true;
}

void leases_look(struct leases *leases, struct state_txn *txn, uint64_t steady_ms)
{
    const struct state_key all = {0};
    struct look look = {.leases = leases, .txn = txn, .steady_ms = steady_ms, .room = true};
    if (steady_ms < leases->next_ms)
        return;
    if (counter_lost(txn, COUNTER_LOST_NODES) > 0)
        index_scan(txn, INDEX_LEASED, &all, look_at_resource, &look);
    free(leases->nodes);
    leases->nodes = look.nodes;
    leases->count = look.count;
    leases->next_ms = look.count > 0 ? steady_ms + LOOK_EVERY_MS : 0;
}

void leases_close(struct leases *leases)
{
    free(leases->nodes);
    leases->nodes = NULL;
}
