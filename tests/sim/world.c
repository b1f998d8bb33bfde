#include "tests/sim/world.h"

#include "tests/sim/finished.h"
#include "tests/sim/keyring_files.h"
#include "tests/sim/operator.h"
#include "tests/sim/prompt.h"
#include "tests/sim/settled.h"

enum {
    LIFE_MS = 60000,   /* at least */
    QUIET_MS = 180000, /* within so long after the last fault, everything is as it must be */
    LOOK_MS = 1000,    /* between two looks whether it is */
    SLOW_MS = 100,     /* an append of a disk that is well is done by then */
    TURNS_MAX = 1000,  /* at one moment */
};

/* ---- what happens next -------------------------------------------------------------------------------- */

static void start_controller(struct world *world)
{
    controller_start(&world->controller);
}

static void append_ends(struct world *world)
{
    controller_append_ends(&world->controller);
}

static void take_turn(struct world *world, void (*turn)(struct controller *controller))
{
    if (++world->turns_now > TURNS_MAX)
        sim_broken(world->sim, "turns do not spin", "%d turns at one moment", TURNS_MAX);
    turn(&world->controller);
}

static void turn_writer(struct world *world)
{
    take_turn(world, controller_turn_writer);
}

static void turn_hub(struct world *world)
{
    take_turn(world, controller_turn_hub);
}

static void turn_react(struct world *world)
{
    take_turn(world, controller_turn_react);
}

static void node_acts(struct world *world)
{
    if (++world->turns_now > TURNS_MAX)
        sim_broken(world->sim, "turns do not spin", "%d turns at one moment", TURNS_MAX);
    nodes_act(&world->nodes);
}

static void keepers_look(struct world *world)
{
    keepers_act(&world->keepers);
}

static void message_arrives(struct world *world)
{
    network_pass(&world->network);
}

static void ask(struct world *world)
{
    struct sim *sim = world->sim;
    bool happens = sim_begin_step(sim, SIM_ASK);
    world->ask_ms = sim->now_ms + sim_wait(sim, 140);
    if (world->controller.state != NULL && sim_happens(sim, 3))
        tables_file_note(&world->controller.tables);
    uint64_t count = sim_happens(sim, 10) ? sim_between(sim, 2, 12) : 1; /* some come at once, into one batch */
    for (uint64_t i = 0; happens && i < count; i++) {
        struct asked *asked = clients_ask(&world->clients);
        if (asked != NULL)
            asked_submit(asked, world->controller.writer);
    }
    if (happens && sim_happens(sim, 5))
        tails_begin(&world->tails, world->controller.stops ? NULL : world->controller.hub);
    if (happens && sim_happens(sim, 4))
        runners_begin(&world->runners);
    sim_end_step(sim);
}

static void read_something(struct world *world)
{
    readers_act(&world->readers);
}

static void watch(struct world *world)
{
    const struct controller *controller = &world->controller;
    bool paused = controller->machine.paused_until_ms > world->sim->now_ms;
    bool has_room = controller->config.state.map_size == CONTROLLER_MAP_MIB;
    /* An append that began while the disk was slow takes its time, although the disk is well again. */
    bool is_slow = controller->disk.job != NULL && controller->disk.done_ms > world->sim->now_ms + SLOW_MS;
    bool is_well = controller_leads(controller) && !paused && has_room && !is_slow && world->faults.heal_ms == NEVER;
    world->watch_ms = world->sim->now_ms + LOOK_MS;
    messages_look(&world->messages, is_well);
    operator_look(&world->clients, controller->stops ? NULL : controller->writer);
    prompt_look(&world->controller, is_well);
    keyring_files_check(&world->judge, CONTROLLER_DIRECTORY);
}

/* The first of what is due happens. False: nothing before `until_ms`. */
static bool step(struct world *world, uint64_t until_ms)
{
    const struct controller *controller = &world->controller;
    const struct {
        uint64_t at_ms;
        void (*happen)(struct world *world);
    } due[] = {
        {machine_due(&controller->machine, readers_due_ms(&world->readers)), read_something},
        {controller->disk.job != NULL ? controller->disk.done_ms : NEVER, append_ends},
        {machine_due(&controller->machine, controller->writer_ms), turn_writer},
        {machine_due(&controller->machine, controller->hub_ms), turn_hub},
        {machine_due(&controller->machine, controller->react_ms), turn_react},
        {network_due_ms(&world->network), message_arrives},
        {keepers_due_ms(&world->keepers), keepers_look},
        {nodes_due_ms(&world->nodes), node_acts},
        {world->ask_ms, ask},
        {world->faults.next_ms, faults_happen},
        {world->faults.heal_ms, faults_heal},
        {controller->start_ms, start_controller},
        {world->watch_ms, watch},
    };
    size_t first = 0;
    for (size_t i = 1; i < AQ_LENGTH(due); i++)
        if (due[i].at_ms < due[first].at_ms)
            first = i;
    if (due[first].at_ms >= until_ms)
        return false;
    if (due[first].at_ms > world->sim->now_ms) {
        world->sim->now_ms = due[first].at_ms;
        world->turns_now = 0;
    }
    due[first].happen(world);
    return true;
}

/* ---- a life ------------------------------------------------------------------------------------------- */

static void something_arrived(void *context, unsigned host)
{
    struct world *world = context;
    if (host == NETWORK_CONTROLLER)
        controller_message_came(&world->controller);
    else
        nodes_wake(&world->nodes, host);
}

static void check_inner(void *context, const struct writer_request *request)
{
    struct world *world = context;
    messages_check_command(&world->messages, request);
    finished_check_command(&world->controller, request);
}

static void open_world(struct world *world, struct sim *sim)
{
    *world = (struct world){.sim = sim};
    judge_open(&world->judge, sim);
    witness_open(&world->witness, sim, &world->judge);
    messages_open(&world->messages, sim, &world->judge, &world->witness, &world->nodes);
    const struct network_watch seen = messages_watch(&world->messages);
    network_open(&world->network, sim, &seen, something_arrived, world);
    requests_open(&world->requests, sim, &world->judge);
    world->requests.check_inner = check_inner;
    world->judge.witness = &world->witness;
    world->requests.context = world;
    const struct controller_surroundings surroundings = {&world->judge, &world->requests, &world->network,
                                                         &world->messages};
    controller_open(&world->controller, &surroundings);
    keepers_open(&world->keepers, sim, &world->witness, &world->nodes);
    joins_open(&world->joins, &world->judge, &world->nodes);
    world->judge.joins = &world->joins;
    world->nodes = (struct nodes){.sim = sim,
                                  .network = &world->network,
                                  .witness = &world->witness,
                                  .joins = &world->joins,
                                  .fingerprint = authority_fingerprint(world->controller.authority),
                                  .hub = world->controller.identity.key.public};
    nodes_open(&world->nodes);
    world->clients = (struct clients){.requests = &world->requests,
                                      .judge = &world->judge,
                                      .messages = &world->messages,
                                      .network = &world->network,
                                      .joins = &world->joins,
                                      .sim = sim};
    clients_open(&world->clients);
    world->tails = (struct tails){.sim = sim, .judge = &world->judge};
    runners_open(&world->runners, &world->controller, &world->requests, &world->witness);
    if (sim_happens(sim, 15)) { /* applications with much metadata soon fill a small map */
        world->clients.fat = true;
        world->controller.config.state.map_size = sim_between(sim, 2, 6);
    }
    readers_open(&world->readers, &world->controller);
    faults_open(world);
}

/* After the last fault: every lost answer is asked for again. */
static void ask_for_lost_answers(struct world *world)
{
    size_t count = world->requests.count;
    for (size_t i = 0; i < count; i++) {
        const struct asked *before = world->requests.all[i];
        if (before->state == ASKED_UNKNOWN && before->key[0] != '\0')
            asked_submit(requests_repeat(&world->requests, before), world->controller.writer);
    }
}

/* Steps until the controller leads and nobody waits for an answer. */
static void await_answers(struct world *world, uint64_t until_ms)
{
    while ((!controller_leads(&world->controller) || world->requests.waiting > 0) && step(world, until_ms))
        ;
    if (!controller_leads(&world->controller))
        sim_broken(world->sim, "a controller leads when nothing is wrong", "not after %d ms", QUIET_MS);
    if (world->requests.waiting > 0)
        sim_broken(world->sim, "every request has an answer", "%zu have none", world->requests.waiting);
}

static void quieten(struct world *world)
{
    struct unsettled unsettled;
    world->ask_ms = NEVER;
    faults_end(world);
    uint64_t until_ms = world->sim->now_ms + QUIET_MS;
    await_answers(world, until_ms);
    world->requests.lose_percent = 0;
    ask_for_lost_answers(world);
    await_answers(world, until_ms);
    while (!settled(world, &unsettled)) {
        if (world->sim->now_ms >= until_ms)
            sim_broken(world->sim, unsettled.invariant, "%s, %d ms after the last fault", unsettled.words, QUIET_MS);
        uint64_t look_ms = world->sim->now_ms + LOOK_MS;
        while (step(world, look_ms))
            ;
        world->sim->now_ms = look_ms;
    }
}

static void check_end(struct world *world)
{
    readers_finish(&world->readers);
    controller_compare_tables(&world->controller);
    requests_compare(&world->requests);
    controller_prove_tables(&world->controller);
    disk_search(&world->controller.disk);
    sealed_search_files(world->sim);
}

static void free_world(struct world *world)
{
    readers_free(&world->readers);
    nodes_free(&world->nodes);
    keepers_free(&world->keepers);
    joins_free(&world->joins);
    controller_free(&world->controller);
    network_free(&world->network);
    requests_free(&world->requests);
    runners_free(&world->runners);
    messages_free(&world->messages);
    witness_free(&world->witness);
    judge_free(&world->judge);
}

void world_live(struct sim *sim)
{
    static struct world world;
    open_world(&world, sim);
    uint64_t until_ms = LIFE_MS + sim_draw(sim, LIFE_MS);
    while (step(&world, until_ms))
        ;
    quieten(&world);
    check_end(&world);
    controller_stop_process(&world.controller);
    while (world.controller.writer != NULL && step(&world, NEVER))
        ;
    sim->result->totals.lives++;
    sim->result->totals.virtual_ms += sim->now_ms;
    free_world(&world);
}
