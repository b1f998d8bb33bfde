#include "tests/sim/faults.h"

#include "tests/sim/world.h"

#include <inttypes.h>

enum {
    DISK_MS = 3,    /* what an append takes, */
    NETWORK_MS = 4, /* and a message, at most, when nothing is wrong */
    LOSE_PERCENT = 1,
    REPEAT_PERCENT = 2,
    GONE_MAX = 2, /* nodes that never come back */
    DISK_ILL_MS = 800,
    NETWORK_ILL_MS = 4000,
};

/* ---- the controller and its machine ------------------------------------------------------------------- */

static void kill_controller(struct world *world)
{
    controller_kill_process(&world->controller);
}

static void doom_controller(struct world *world)
{
    controller_doom_process(&world->controller);
}

static void stop_controller(struct world *world)
{
    controller_stop_process(&world->controller);
}

static void cut_power_of_controller(struct world *world)
{
    controller_cut_power(&world->controller);
}

static void lose_keyring(struct world *world)
{
    controller_lose_keyring(&world->controller);
}

static void restore_keyring(struct world *world)
{
    controller_restore_keyring(&world->controller);
}

static void lose_hub_key(struct world *world)
{
    controller_lose_hub_key(&world->controller);
}

static void pause_controller(struct world *world)
{
    machine_pause(&world->controller.machine, 2000);
}

static void jump(struct world *world)
{
    machine_jump(&world->controller.machine);
}

static void drift(struct world *world)
{
    machine_drift(&world->controller.machine);
}

/* ---- the disk ----------------------------------------------------------------------------------------- */

static void heal_later(struct world *world, uint64_t typical_ms)
{
    uint64_t at_ms = world->sim->now_ms + sim_wait(world->sim, typical_ms);
    if (world->faults.heal_ms == NEVER || at_ms > world->faults.heal_ms)
        world->faults.heal_ms = at_ms;
}

static void fill_disk(struct world *world)
{
    world->controller.disk.full = true;
    world->sim->result->totals.full_disks++;
    sim_say(world->sim, "fault: the disk is full");
    heal_later(world, DISK_ILL_MS);
}

static void fill_map(struct world *world)
{
    world->controller.disk.map_full = true;
    world->sim->result->totals.full_disks++;
    sim_say(world->sim, "fault: appends have no room");
    heal_later(world, DISK_ILL_MS);
}

static void slow_disk(struct world *world)
{
    struct disk *disk = &world->controller.disk;
    disk->latency_ms = sim_between(world->sim, 20, 500);
    sim_say(world->sim, "fault: the disk is slow: %" PRIu64 " ms", disk->latency_ms);
    heal_later(world, DISK_ILL_MS);
}

static void fail_append(struct world *world)
{
    world->controller.disk.fails_once = true;
    sim_say(world->sim, "fault: the next append fails");
}

static void turn_bits(struct world *world)
{
    disk_turn_bits(&world->controller.disk);
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

static void pause_node(struct node *node)
{
    machine_pause(&node->machine, sim_happens(node->nodes->sim, 50) ? 1000 : 8000);
}

static void jump_node(struct node *node)
{
    sim_happens(node->nodes->sim, 70) ? machine_jump(&node->machine) : machine_drift(&node->machine);
}

/* Most stay. */
static void lose_node(struct node *node)
{
    const struct nodes *nodes = node->nodes;
    unsigned gone = 0;
    for (unsigned i = 0; i < nodes->count; i++)
        gone += nodes->all[i].gone;
    if (gone < GONE_MAX)
        node_vanish(node);
}

/* ---- the network -------------------------------------------------------------------------------------- */

static void cut_network(struct world *world)
{
    unsigned first = (unsigned)sim_draw(world->sim, world->nodes.count),
             count = sim_happens(world->sim, 20) ? NODES : 1;
    unsigned ways = (unsigned)sim_draw(world->sim, 3);
    for (unsigned i = 0; i < count; i++) {
        struct network_host *host = &world->network.hosts[(first + i) % world->nodes.count];
        host->cut_up = ways != 0;
        host->cut_down = ways != 1;
    }
    world->sim->result->totals.cuts++;
    sim_say(world->sim, "fault: %u nodes from %u on are cut off%s", count, first,
            ways == 0   ? ", downwards"
            : ways == 1 ? ", upwards"
                        : "");
    heal_later(world, NETWORK_ILL_MS);
}

static void lose_messages(struct world *world)
{
    world->network.lose_percent = (unsigned)sim_between(world->sim, 5, 60);
    sim_say(world->sim, "fault: %u %% of messages are lost", world->network.lose_percent);
    heal_later(world, NETWORK_ILL_MS);
}

static void repeat_messages(struct world *world)
{
    world->network.repeat_percent = (unsigned)sim_between(world->sim, 20, 80);
    sim_say(world->sim, "fault: %u %% of messages come twice", world->network.repeat_percent);
    heal_later(world, NETWORK_ILL_MS);
}

static void slow_network(struct world *world)
{
    world->network.delay_ms = sim_between(world->sim, 50, 1500);
    sim_say(world->sim, "fault: messages take up to %" PRIu64 " ms", world->network.delay_ms);
    heal_later(world, NETWORK_ILL_MS);
}

static void play_recordings(struct world *world)
{
    unsigned count = (unsigned)sim_between(world->sim, 5, 60);
    sim_say(world->sim, "fault: %u recorded messages come again", count);
    network_play_recordings(&world->network, count);
}

static void break_connections(struct world *world)
{
    sim_say(world->sim, "fault: connections break");
    network_break_connections(&world->network, sim_happens(world->sim, 30) ? 100 : 30);
}

/* ---- what ends ---------------------------------------------------------------------------------------- */

static void set_well(struct world *world)
{
    struct disk *disk = &world->controller.disk;
    disk->full = disk->map_full = false;
    disk->latency_ms = DISK_MS;
    world->network.delay_ms = NETWORK_MS;
    world->network.lose_percent = LOSE_PERCENT;
    world->network.repeat_percent = REPEAT_PERCENT;
    for (unsigned i = 0; i < NETWORK_HOSTS_MAX; i++)
        world->network.hosts[i].cut_up = world->network.hosts[i].cut_down = false;
}

void faults_heal(struct world *world)
{
    world->faults.heal_ms = NEVER;
    set_well(world);
    sim_say(world->sim, "disk and network are well again");
}

/* ---- all ---------------------------------------------------------------------------------------------- */

enum when { ALWAYS, RUNS /* only while the controller runs */ };

/* Happens to the world, or to a node that is drawn. */
static const struct {
    unsigned weight;
    enum when when;
    void (*happen)(struct world *world);
    void (*happen_to)(struct node *node);
} faults[] = {
    {15, RUNS, kill_controller, NULL},
    {10, RUNS, doom_controller, NULL},
    {15, ALWAYS, cut_power_of_controller, NULL},
    {8, RUNS, stop_controller, NULL},
    {2, RUNS, lose_hub_key, NULL},
    {14, ALWAYS, jump, NULL},
    {4, ALWAYS, drift, NULL},
    {8, RUNS, pause_controller, NULL},
    {6, ALWAYS, fill_disk, NULL},
    {6, ALWAYS, fill_map, NULL},
    {8, ALWAYS, slow_disk, NULL},
    {4, RUNS, fail_append, NULL},
    {6, ALWAYS, turn_bits, NULL},
    {12, ALWAYS, NULL, node_kill},
    {20, ALWAYS, NULL, node_doom},
    {8, ALWAYS, NULL, node_cut_power},
    {12, ALWAYS, NULL, pause_node},
    {10, ALWAYS, NULL, jump_node},
    {6, ALWAYS, NULL, node_lose_directory},
    {2, ALWAYS, NULL, lose_node},
    {2, ALWAYS, NULL, node_copy},
    {8, ALWAYS, NULL, node_change_capacity},
    {14, ALWAYS, cut_network, NULL},
    {8, ALWAYS, lose_messages, NULL},
    {6, ALWAYS, repeat_messages, NULL},
    {1, ALWAYS, lose_keyring, NULL},
    {2, ALWAYS, restore_keyring, NULL},
    {6, ALWAYS, slow_network, NULL},
    {8, ALWAYS, play_recordings, NULL},
    {8, ALWAYS, break_connections, NULL},
};

static void happen(struct world *world, size_t i)
{
    if (faults[i].happen != NULL) {
        faults[i].happen(world);
        return;
    }
    struct node *node = nodes_draw(&world->nodes);
    if (node != NULL)
        faults[i].happen_to(node);
}

void faults_open(struct world *world)
{
    world->faults = (struct faults){.next_ms = sim_wait(world->sim, 3000), .heal_ms = NEVER};
    set_well(world);
}

void faults_happen(struct world *world)
{
    uint64_t sum = 0, chosen;
    size_t i = 0;
    bool happens = sim_begin_step(world->sim, SIM_FAULT);
    world->faults.next_ms = world->sim->now_ms + sim_wait(world->sim, 1300);
    for (size_t k = 0; k < AQ_LENGTH(faults); k++)
        sum += faults[k].weight;
    for (chosen = sim_draw(world->sim, sum); chosen >= faults[i].weight; i++)
        chosen -= faults[i].weight;
    if (happens && (world->controller.writer != NULL || faults[i].when == ALWAYS))
        happen(world, i);
    sim_end_step(world->sim);
}

void faults_end(struct world *world)
{
    struct controller *controller = &world->controller;
    world->faults.next_ms = NEVER;
    controller->disk.fails_once = controller->doomed = false;
    controller->requests->lose_percent = ANSWERS_LOST_PERCENT;
    controller->machine.paused_until_ms = 0;
    for (unsigned i = 0; i < world->nodes.count; i++)
        if (!world->nodes.all[i].gone)
            world->nodes.all[i].machine.paused_until_ms = 0;
    faults_heal(world);
    world->network.lose_percent = world->network.repeat_percent = 0;
    if (controller->config.state.map_size < CONTROLLER_MAP_MIB && controller->writer != NULL)
        controller_kill_process(controller);
    controller->config.state.map_size = CONTROLLER_MAP_MIB;
}
