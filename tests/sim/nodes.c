#include "tests/sim/nodes.h"

#include "schema/base/files.h"
#include "schema/codec/preset.h"
#include "tests/lib/directory.h"
#include "tests/lib/identities.h"
#include "tests/sim/death.h"
#include "tests/sim/driver.h"
#include "tests/sim/joins.h"
#include "tests/sim/keepers.h"
#include "tests/sim/node_files.h"
#include "tests/sim/renames.h"
#include "tests/sim/runners.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PLENTY = 1000000,
    RAM_MIB = 1000,
    JOIN_PERCENT = 40, /* of the agents enrol by themselves */
    TOKEN_MS = 500,    /* before the operator looks again whether there is a join token */
};

static void must(const struct node *node, int status, const struct aq_error *error)
{
    if (status != 0)
        sim_broken(node->nodes->sim, "an agent starts", "%s: %s", node->machine.name, error->message);
}

/* ---- the host ----------------------------------------------------------------------------------------- */

static struct host_load no_load(void)
{
    return (struct host_load){0};
}

static struct aq_sample some_use(void)
{
    return (struct aq_sample){.cpu_us = aq_some(1000), .memory = aq_some(1 << 20)};
}

static struct node *turning; /* whose agent takes its turn */

/* It stops after the turn. */
static int shut_down(const struct aq_list *command, struct aq_error *error)
{
    (void)command, (void)error;
    witness_shuts_down(turning->nodes->witness, turning->host);
    turning->off = true;
    return 0;
}

/* What the agent finds out about its host. */
static void describe_host(const struct node *node, struct host *host)
{
    *host = (struct host){.capacity = {.cpu = 64000, .ram = PLENTY, .disk = PLENTY},
                          .load = no_load,
                          .sample = some_use,
                          .shut_down = shut_down};
    snprintf(host->machine, sizeof host->machine, "virtual");
    snprintf(host->name, sizeof host->name, "host-%u", node->host);
    snprintf(host->address, sizeof host->address, "10.0.0.%u", node->host + 1);
    snprintf(host->boot, sizeof host->boot, "boot %u of host %u", node->boots, node->host);
}

static void draw_offer(struct node *node)
{
    static const char *const racks[] = {"rack:0", "rack:1"};
    struct sim *sim = node->nodes->sim;
    node->rack = racks[sim_draw(sim, AQ_LENGTH(racks))];
    node->config.identifiers = (struct aq_list){&node->rack, 1};
    node->config.capacity = (struct aq_agent_capacity){
        .cpu = sim_between(sim, 1, 6) * 1000, .ram = RAM_MIB, .disk = RAM_MIB, .slots = sim_between(sim, 2, 12)};
}

/* ---- the agent ---------------------------------------------------------------------------------------- */

static void start_in(struct node *node, uint64_t ms)
{
    node->start_ms = node->gone ? NEVER : node->nodes->sim->now_ms + ms;
}

static void start_agent(struct node *node)
{
    struct host host;
    struct agent_join join;
    struct aq_error error = {0};
    const struct aq_clocks now = machine_clocks(&node->machine);
    node->start_ms = NEVER;
    if (node->joins && !joins_give(node->nodes->joins, node->host, &join)) {
        start_in(node, TOKEN_MS);
        return;
    }
    describe_host(node, &host);
    driver_set_host(node->nodes->witness, node->host);
    renames_begin(node->host);
    sim_say(node->nodes->sim, "start: the agent of %s", node->machine.name);
    must(node,
         agent_open(&node->agent, &node->config, &host, node->joins ? &join : NULL,
                    network_uplink_open(node->nodes->network, node->host), &now, &error),
         &error);
    renames_end();
    node->turn_ms = node->nodes->sim->now_ms;
}

/* A command in a workload has written something. */
static bool is_readable(const struct node *node)
{
    struct pollfd fds[AGENT_FDS_MAX];
    const nfds_t count = agent_fds(node->agent, fds);
    bool any = false;
    for (nfds_t i = 0; i < count; i++)
        any |= fds[i].fd >= 0;
    return any && poll(fds, count, 0) > 0;
}

static void switch_off(struct node *node);

static void take_turn(struct node *node)
{
    const struct aq_clocks now = machine_clocks(&node->machine);
    death_begin_turn(node->nodes->sim, node->doomed);
    renames_begin(node->host);
    turning = node;
    uint64_t deadline_ms = agent_turn(node->agent, &now);
    renames_end();
    node->turn_ms = machine_true_ms(&node->machine, deadline_ms);
    if (death_end_turn())
        node_kill(node);
    if (node->off)
        switch_off(node);
    else if (node->agent != NULL && is_readable(node))
        nodes_wake(node->nodes, node->host);
}

/* It is gone at once; what it has written stays. */
static void end_agent(struct node *node)
{
    agent_close(node->agent);
    node->agent = NULL;
    node->doomed = false;
    node->turn_ms = NEVER;
    start_in(node, sim_wait(node->nodes->sim, 300));
}

/* ---- faults ------------------------------------------------------------------------------------------- */

void node_restart(struct node *node)
{
    sim_say(node->nodes->sim, "operator: the agent of %s starts again", node->machine.name);
    end_agent(node);
}

void node_kill(struct node *node)
{
    if (node->agent == NULL)
        return;
    sim_say(node->nodes->sim, "fault: the agent of %s is killed", node->machine.name);
    node->nodes->sim->result->totals.agent_kills++;
    end_agent(node);
}

void node_doom(struct node *node)
{
    if (node->agent != NULL)
        node->doomed = true;
}

static void lose_power(struct node *node)
{
    network_power_cut(node->nodes->network, node->host);
    if (node->agent != NULL)
        end_agent(node);
    renames_lose(node->nodes->sim, node->host);
    node_files_tear(node->nodes->sim, node->directory, node->config.name);
    test_remove_tree(node->memory);
    keepers_power_cut(node->nodes->witness->keepers, node->host);
    machine_boot(&node->machine);
    node->boots++;
}

/* Somebody switches it on again, sooner or later. */
static void switch_off(struct node *node)
{
    node->off = false;
    lose_power(node);
    start_in(node, sim_wait(node->nodes->sim, 8000));
}

void node_cut_power(struct node *node)
{
    sim_say(node->nodes->sim, "fault: the power of %s is cut", node->machine.name);
    node->nodes->sim->result->totals.power_cuts++;
    lose_power(node);
    start_in(node, sim_wait(node->nodes->sim, 3000));
}

void node_lose_directory(struct node *node)
{
    sim_say(node->nodes->sim, "fault: the agent of %s loses its directory", node->machine.name);
    node->nodes->sim->result->totals.lost_directories++;
    if (node->agent != NULL)
        end_agent(node);
    node_files_lose(node->directory, node->config.name);
    renames_forget(node->host);
    if (node->joins)
        joins_lost_directory(node->nodes->joins, node->host);
    else /* who installs it again has its key */
        test_write_identity_in(node->directory, node->config.name, node->nodes->fingerprint, node->nodes->hub);
    witness_lost_directory(node->nodes->witness, node->host);
    keepers_forget(node->nodes->witness->keepers, node->host);
}

void node_vanish(struct node *node)
{
    sim_say(node->nodes->sim, "fault: %s is gone for good", node->machine.name);
    node->gone = true;
    runners_host_vanishes(node->nodes->witness->runners, node->host);
    if (sim_happens(node->nodes->sim, 50))
        lose_power(node);
    else
        node->machine.paused_until_ms = NEVER; /* it hangs: connections stay open */
    node->start_ms = NEVER;
}

void node_change_capacity(struct node *node)
{
    draw_offer(node);
    sim_say(node->nodes->sim, "%s offers %" PRIu64 " cores and %" PRIu64 " slots in %s", node->machine.name,
            node->config.capacity.cpu / 1000, node->config.capacity.slots, node->rack);
    if (node->agent != NULL) {
        agent_reconfigure(node->agent, &node->config);
        nodes_wake(node->nodes, node->host);
    }
}

static const char *power_off[] = {"power-off"};

/* ---- all ---------------------------------------------------------------------------------------------- */

static struct node *add_node(struct nodes *nodes, const char *name)
{
    struct aq_error error = {0};
    struct node *node = &nodes->all[nodes->count];
    *node = (struct node){.nodes = nodes, .host = nodes->count++, .turn_ms = NEVER};
    aq_record_init(&aq_config_agent_record, &node->config, &node->arena);
    snprintf(node->directory, sizeof node->directory, "nodes/%u", node->host);
    snprintf(nodes->witness->hosts[node->host].name, JUDGE_NAME, "%s", name);
    node->config.name = nodes->witness->hosts[node->host].name;
    snprintf(node->memory, sizeof node->memory, NODE_FILES_MEMORY "/%u", node->host);
    node->config.data = node->directory;
    node->config.secrets = node->memory;
    if (sim_happens(nodes->sim, 70))
        node->config.shutdown.command = (struct aq_list){power_off, AQ_LENGTH(power_off)};
    draw_offer(node);
    char shown[24];
    snprintf(shown, sizeof shown, node->host < NODES ? "%s" : "a copy of %s", name);
    machine_open(&node->machine, nodes->sim, shown);
    must(node, node_files_make(node->directory, name, &error), &error);
    node->joins = node->host < NODES && sim_happens(nodes->sim, JOIN_PERCENT);
    if (!node->joins)
        test_write_identity_in(node->directory, name, nodes->fingerprint, nodes->hub);
    must(node, agent_check(&node->config, &node->arena, &error), &error);
    return node;
}

/* Of one that enrols by itself, the copy would have a key that was replaced, when the first one joins anew. */
void node_copy(struct node *node)
{
    struct nodes *nodes = node->nodes;
    if (nodes->count == NODES_MAX || node->joins)
        return;
    struct node *copy = add_node(nodes, node->config.name);
    sim_say(nodes->sim, "fault: %s is copied", node->machine.name);
    nodes->sim->result->totals.copies++;
    node_files_copy(node->directory, copy->directory, node->config.name);
    nodes->witness->hosts[node->host].copied = nodes->witness->hosts[copy->host].copied = true;
    keepers_forget(nodes->witness->keepers, node->host); /* nothing is said of what is there */
    copy->config.capacity = node->config.capacity;
    copy->rack = node->rack;
    start_in(copy, sim_wait(nodes->sim, 2000));
}

struct node *nodes_draw(struct nodes *nodes)
{
    unsigned first = (unsigned)sim_draw(nodes->sim, nodes->count);
    for (unsigned i = 0; i < nodes->count; i++)
        if (!nodes->all[(first + i) % nodes->count].gone)
            return &nodes->all[(first + i) % nodes->count];
    return NULL;
}

static uint64_t due_ms(const struct node *node)
{
    uint64_t turn_ms = node->agent != NULL ? machine_due(&node->machine, node->turn_ms) : NEVER;
    return turn_ms < node->start_ms ? turn_ms : node->start_ms;
}

static struct node *next_node(struct nodes *nodes)
{
    struct node *next = &nodes->all[0];
    for (unsigned i = 1; i < nodes->count; i++)
        if (due_ms(&nodes->all[i]) < due_ms(next))
            next = &nodes->all[i];
    return next;
}

uint64_t nodes_due_ms(const struct nodes *nodes)
{
    return due_ms(next_node((struct nodes *)(uintptr_t)nodes));
}

void nodes_act(struct nodes *nodes)
{
    struct node *node = next_node(nodes);
    if (node->agent == NULL)
        start_agent(node);
    else
        take_turn(node);
}

void nodes_wake(struct nodes *nodes, unsigned host)
{
    struct node *node = &nodes->all[host];
    uint64_t soon_ms = nodes->sim->now_ms + sim_draw(nodes->sim, 3);
    if (node->agent != NULL && soon_ms < node->turn_ms)
        node->turn_ms = soon_ms;
}

void nodes_open(struct nodes *nodes)
{
    struct sim *sim = nodes->sim;
    struct aq_error error = {0};
    if (aq_directory_make(AT_FDCWD, "nodes", 0700, &error) != 0)
        sim_broken(sim, "an agent starts", "%s", error.message);
    for (unsigned i = 0; i < NODES; i++) {
        char name[16];
        snprintf(name, sizeof name, "node-%u", i);
        start_in(add_node(nodes, name), sim_wait(sim, 1000));
    }
}

void nodes_free(struct nodes *nodes)
{
    for (unsigned i = 0; i < nodes->count; i++) {
        agent_close(nodes->all[i].agent);
        aq_arena_free(&nodes->all[i].arena);
    }
}
