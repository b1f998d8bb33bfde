#include "tests/sim/world.h"

#include "controller/lmdb/marks.h"
#include "controller/log/replay.h"
#include "controller/project/project.h"
#include "controller/tables.h"
#include "schema/base/files.h"
#include "schema/codec/preset.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WALL_BEGIN_S = 1764000000,
    MAP_MIB = 256,
    LIFE_MS = 60000,   /* at least */
    QUIET_MS = 120000, /* within so long after the last fault, everything has its answer */
    TURNS_MAX = 1000,  /* at one moment */
};

static void must(struct world *world, int status, const char *what, const struct aq_error *error)
{
    if (status != 0)
        sim_broken(world->sim, "a start succeeds", "%s: %s", what, error->message);
}

static struct turns_clocks clocks(const struct world *world)
{
    uint64_t now_ms = world->sim->now_ms;
    int64_t drift = (int64_t)now_ms * world->drift_ppm / 1000000;
    return (struct turns_clocks){
        .steady_ms = now_ms - world->booted_ms + 1000,
        .wall_ms = (uint64_t)((int64_t)(WALL_BEGIN_S * UINT64_C(1000) + now_ms) + drift + world->wall_ahead_ms),
    };
}

static void turn_due(struct world *world, uint64_t at_ms)
{
    if (at_ms < world->turn_ms)
        world->turn_ms = at_ms;
}

/* ---- the tables as a power cut leaves them --------------------------------------------------------------- */

static int open_tables_file(struct stat *status)
{
    int fd = open("state/current/data.mdb", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, status) != 0)
        abort();
    return fd;
}

/* Keeps the tables' file as it is now: what the disk may still have of it after a power cut. */
static void note_tables(struct world *world)
{
    struct stat status;
    AQ_CLEANUP_FD int fd = open_tables_file(&status);
    if (fd < 0)
        return;
    aq_buffer_reset(&world->old_tables);
    aq_buffer_room(&world->old_tables, (size_t)status.st_size);
    world->old_tables.length = (size_t)status.st_size;
    if (pread(fd, world->old_tables.data, world->old_tables.length, 0) != (ssize_t)status.st_size)
        abort();
}

enum { PAGE_SIZE = 4096 };

static void tear_page(struct world *world, int fd, off_t at, bool old)
{
    char page[PAGE_SIZE] = {0};
    if (old)
        memcpy(page, world->old_tables.data + at, PAGE_SIZE);
    if (pwrite(fd, page, PAGE_SIZE, at) != PAGE_SIZE)
        abort();
}

/* Does the page differ from its old form? */
static bool has_old_form(const struct world *world, int fd, off_t at)
{
    char page[PAGE_SIZE];
    return (size_t)at + PAGE_SIZE <= world->old_tables.length && pread(fd, page, PAGE_SIZE, at) == PAGE_SIZE &&
           memcmp(page, world->old_tables.data + at, PAGE_SIZE) != 0;
}

/* Tables are written without sync: of each page the disk may have an older form, or nothing. Mostly a few pages have
 * their old form: that is the least easy to see. */
static void tear_tables(struct world *world)
{
    struct sim *sim = world->sim;
    struct stat status;
    AQ_CLEANUP_FD int fd = open_tables_file(&status);
    if (fd < 0)
        return;
    bool few = sim_happens(sim, 70);
    unsigned torn = (unsigned)sim_between(sim, 1, 50), lost = few ? 0 : (unsigned)sim_draw(sim, 20);
    for (off_t at = 0; at < status.st_size; at += PAGE_SIZE) {
        bool old = has_old_form(world, fd, at);
        if ((old || !few) && sim_happens(sim, torn))
            tear_page(world, fd, at, old && !sim_happens(sim, lost));
    }
}

/* ---- start and end of the controller ------------------------------------------------------------------ */

static void start_append(void *context, struct log_job *job)
{
    struct world *world = context;
    world->judge.steady_ms = clocks(world).steady_ms; /* when it was decided */
    disk_start(&world->disk, job);
}

static void something_changed(void *context)
{
    struct world *world = context;
    sim_say(world->sim, "turn: seq %" PRIu64 "%s", turns_seq(world->turns),
            turns_leads(world->turns) ? ", leads" : ", does not lead");
}

static void prove_tables(struct world *world)
{
    AQ_CLEANUP_BUFFER struct aq_buffer report = {0};
    struct aq_error error = {0};
    if (replay_verify(&world->disk.store, world->state, ".", MAP_MIB << 20, &report, &error) != 0)
        sim_broken(world->sim, "the tables equal the replayed log", "%s", error.message);
    world->sim->result->totals.verified++;
    sim_say(world->sim, "proof: the tables equal the replayed log");
}

/* What an operator does who reads that state.map_size is reached. */
static void give_tables_room(struct world *world)
{
    world->config.state.map_size *= 2;
    sim_say(world->sim, "state.map_size is now %" PRIu64 " MiB", world->config.state.map_size);
}

static void start_controller(struct world *world)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    struct turns_clocks now = clocks(world);
    world->start_ms = NEVER;
    if (tables_open(&world->state, &world->config, &world->disk.store, false, &error) != 0) {
        if (error.code != AQ_E_NO_SPACE || world->config.state.map_size >= MAP_MIB)
            must(world, -1, "tables", &error);
        give_tables_room(world);
        world->start_ms = world->sim->now_ms + 1000;
        return;
    }
    world->tables_open = true;
    note_tables(world);
    if (sim_happens(world->sim, 30))
        prove_tables(world);
    struct turns_options options = {&world->config, &world->disk.store, world->state, place_index_new(),
                                    start_append,   something_changed,  world};
    must(world, state_read(world->state, &txn, &error), "tables", &error);
    project_fill_index(txn, options.index);
    state_end(txn);
    if (turns_open(&world->turns, &options, &now, &error) != 0) {
        if (error.code != AQ_E_NO_SPACE)
            must(world, -1, "writer", &error);
        state_close(world->state);
        world->state = NULL;
        world->start_ms = world->sim->now_ms + 1000;
        sim_say(world->sim, "start: %s", error.message);
        return;
    }
    world->judge.life++;
    turn_due(world, world->sim->now_ms);
    sim_say(world->sim, "start: steady %" PRIu64 ", wall %" PRIu64, now.steady_ms, now.wall_ms);
}

/* The process is gone at once: it frees everything, and answers nobody. */
static void end_controller(struct world *world, bool append_reaches)
{
    turns_close(world->turns);
    world->turns = NULL;
    world->turn_ms = NEVER;
    world->doomed = false;
    world->deeds.lose_percent = DEEDS_LOST_PERCENT;
    disk_drop(&world->disk, append_reaches);
    deeds_crash(&world->deeds);
    state_close(world->state);
    world->state = NULL;
    world->start_ms = world->sim->now_ms + sim_wait(world->sim, 100);
}

static void kill_controller(struct world *world)
{
    world->sim->result->totals.kills++;
    sim_say(world->sim, "fault: the controller is killed");
    end_controller(world, sim_happens(world->sim, 60));
}

/* The next turn is its last: it is killed in its midst, when tables are committed, but not all answers are given. */
static void doom_controller(struct world *world)
{
    static const unsigned lost[] = {100, 50, 10};
    world->doomed = true;
    world->deeds.lose_percent = lost[sim_draw(world->sim, AQ_LENGTH(lost))];
    sim_say(world->sim, "fault: the controller is killed in its next turn");
}

/* It finishes what is under way, and closes its tables. */
static void stop_controller(struct world *world)
{
    sim_say(world->sim, "fault: the controller is told to stop");
    world->sim->result->totals.stops++;
    turns_stop(world->turns);
    turn_due(world, world->sim->now_ms);
}

static void has_stopped(struct world *world)
{
    struct aq_error error = {0};
    sim_say(world->sim, "turn: the controller has stopped");
    if (world->deeds.waiting > 0)
        sim_broken(world->sim, "a controller that stops answers everybody", "%zu wait", world->deeds.waiting);
    turns_close(world->turns);
    world->turns = NULL;
    world->turn_ms = NEVER;
    must(world, tables_close(world->state, &error), "closing the tables", &error);
    world->tables_open = false;
    world->state = NULL;
    world->start_ms = world->sim->now_ms + sim_wait(world->sim, 100);
}

/* ---- power cuts --------------------------------------------------------------------------------------- */

/* The machine starts anew: its steady clock, too, and tables that were open are those of another boot. */
static void cut_power(struct world *world)
{
    struct aq_error error = {0};
    world->sim->result->totals.power_cuts++;
    sim_say(world->sim, "fault: the power is cut");
    if (world->turns != NULL)
        end_controller(world, sim_happens(world->sim, 50));
    if (world->tables_open) {
        tear_tables(world);
        must(world, lmdb_mark_open("state/current", "an earlier boot", &error), "mark", &error);
    }
    world->paused_until_ms = 0;
    world->start_ms = world->sim->now_ms + sim_wait(world->sim, 200);
    world->booted_ms = world->sim->now_ms;
}

/* ---- other faults ------------------------------------------------------------------------------------- */

static void jump(struct world *world)
{
    static const int64_t sizes_ms[] = {1500, 10000, 3600000, 7200000};
    int64_t size_ms = sizes_ms[sim_draw(world->sim, AQ_LENGTH(sizes_ms))];
    world->wall_ahead_ms = sim_happens(world->sim, 30) ? 0 : sim_happens(world->sim, 50) ? size_ms : -size_ms;
    world->sim->result->totals.jumps++;
    sim_say(world->sim, "fault: the wall clock is %+" PRId64 " ms ahead", world->wall_ahead_ms);
}

static void drift(struct world *world)
{
    world->drift_ppm = (int64_t)sim_draw(world->sim, 2001) - 1000;
    sim_say(world->sim, "fault: the wall clock drifts by %" PRId64 " ppm", world->drift_ppm);
}

static void pause_controller(struct world *world)
{
    world->paused_until_ms = world->sim->now_ms + sim_wait(world->sim, 2000);
    world->sim->result->totals.pauses++;
    sim_say(world->sim, "fault: the controller is paused until %" PRIu64, world->paused_until_ms);
}

static void heal_later(struct world *world)
{
    world->heal_ms = world->sim->now_ms + sim_wait(world->sim, 800);
}

static void fill_disk(struct world *world)
{
    world->disk.full = true;
    world->sim->result->totals.full_disks++;
    sim_say(world->sim, "fault: the disk is full");
    heal_later(world);
}

static void fill_map(struct world *world)
{
    world->disk.map_full = true;
    world->sim->result->totals.full_disks++;
    sim_say(world->sim, "fault: appends have no room");
    heal_later(world);
}

static void slow_disk(struct world *world)
{
    world->disk.latency_ms = sim_between(world->sim, 20, 500);
    sim_say(world->sim, "fault: the disk is slow: %" PRIu64 " ms", world->disk.latency_ms);
    heal_later(world);
}

static void fail_append(struct world *world)
{
    world->disk.fails_once = true;
    sim_say(world->sim, "fault: the next append fails");
}

static void heal(struct world *world)
{
    world->heal_ms = NEVER;
    world->disk.full = world->disk.map_full = false;
    world->disk.latency_ms = 3;
    sim_say(world->sim, "the disk is well again");
}

static const struct {
    unsigned weight;
    bool runs; /* only while the controller runs */
    void (*happen)(struct world *world);
} faults[] = {
    {15, true, kill_controller}, {10, true, doom_controller}, {15, false, cut_power},      {8, true, stop_controller},
    {14, false, jump},           {4, false, drift},           {8, true, pause_controller}, {6, false, fill_disk},
    {6, false, fill_map},        {8, false, slow_disk},       {4, true, fail_append},
};

static void fault_happens(struct world *world)
{
    uint64_t sum = 0, chosen;
    size_t i = 0;
    bool happens = sim_begin_step(world->sim, SIM_FAULT);
    world->fault_ms = world->sim->now_ms + sim_wait(world->sim, 2000);
    for (size_t k = 0; k < AQ_LENGTH(faults); k++)
        sum += faults[k].weight;
    for (chosen = sim_draw(world->sim, sum); chosen >= faults[i].weight; i++)
        chosen -= faults[i].weight;
    if (happens && (world->turns != NULL || !faults[i].runs))
        faults[i].happen(world);
    sim_end_step(world->sim);
}

/* ---- what happens next -------------------------------------------------------------------------------- */

static void ask(struct world *world)
{
    struct sim *sim = world->sim;
    bool happens = sim_begin_step(sim, SIM_ASK);
    world->ask_ms = sim->now_ms + sim_wait(sim, 80);
    if (world->state != NULL && sim_happens(sim, 3))
        note_tables(world);
    uint64_t count = sim_happens(sim, 10) ? sim_between(sim, 2, 12) : 1; /* some come at once, into one batch */
    for (uint64_t i = 0; happens && i < count; i++) {
        struct deed *deed = actors_ask(&world->actors);
        bool wake = false;
        if (deed != NULL)
            deed_submit(deed, world->turns, &wake);
        if (wake)
            turn_due(world, sim->now_ms + sim_draw(sim, 3));
    }
    sim_end_step(sim);
}

static void append_ends(struct world *world)
{
    turns_appended(world->turns, disk_finish(&world->disk));
    turn_due(world, world->sim->now_ms + sim_draw(world->sim, 3));
}

/* What any reader would see now: nothing that could still be lost, and now and then all that the events say. */
static void check_readers(struct world *world)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    must(world, state_read(world->state, &txn, &error), "tables", &error);
    if (state_seq(txn) > world->judge.seq)
        sim_broken(world->sim, "readers see what is durable", "seq %" PRIu64 ", but only %" PRIu64 " is durable",
                   state_seq(txn), world->judge.seq);
    if (state_seq(txn) == world->judge.seq && sim_happens(world->sim, 2))
        judge_compare(&world->judge, txn);
    state_end(txn);
}

static void take_turn(struct world *world)
{
    struct turns_clocks now = clocks(world);
    struct turns_next next;
    struct aq_error error = {0};
    if (++world->turns_now > TURNS_MAX)
        sim_broken(world->sim, "turns do not spin", "%d turns at one moment", TURNS_MAX);
    world->turn_ms = NEVER;
    if (turns_take(world->turns, &now, &next, &error) != 0) {
        world->sim->result->totals.failures++;
        sim_say(world->sim, "turn: no way on: %s", error.message);
        if (error.code != AQ_E_IO)
            sim_broken(world->sim, "a controller ends only when its disk fails", "%s", error.message);
        end_controller(world, false);
        return;
    }
    check_readers(world);
    if (next.ended)
        has_stopped(world);
    else if (world->doomed)
        kill_controller(world);
    else
        turn_due(world, next.deadline_ms > now.steady_ms ? world->sim->now_ms + (next.deadline_ms - now.steady_ms)
                                                         : world->sim->now_ms);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The first of what is due happens. False: nothing before `until_ms`. */
static bool step(struct world *world, uint64_t until_ms)
{
    const struct {
        uint64_t at_ms;
        void (*happen)(struct world *world);
    } due[] = {
        {world->disk.job != NULL ? world->disk.done_ms : NEVER, append_ends},
        {world->turns != NULL && world->turn_ms != NEVER ? later(world->turn_ms, world->paused_until_ms) : NEVER,
         take_turn},
        {world->quiet ? NEVER : world->ask_ms, ask},
        {world->quiet ? NEVER : world->fault_ms, fault_happens},
        {world->heal_ms, heal},
        {world->start_ms, start_controller},
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

static void open_world(struct world *world, struct sim *sim)
{
    *world = (struct world){.sim = sim};
    judge_open(&world->judge, sim);
    disk_open(&world->disk, sim, judge_take, &world->judge);
    deeds_open(&world->deeds, sim, &world->judge);
    world->actors = (struct actors){&world->deeds, &world->judge, sim};
    aq_record_init(&aq_config_controller_record, &world->config, &world->arena);
    world->config.data = ".";
    world->actors.fat = sim_happens(sim, 15); /* they soon fill a small map */
    world->config.state.map_size = world->actors.fat ? sim_between(sim, 2, 6) : MAP_MIB;
    world->config.log.disk_reserve = 1;
    world->config.log.batch = sim_between(sim, 1, 40);
    world->turn_ms = world->start_ms = world->heal_ms = NEVER;
    world->fault_ms = sim_wait(sim, 3000);
    world->start_ms = 0;
}

/* After the last fault: every lost answer is asked for again. */
static void ask_for_lost_answers(struct world *world)
{
    size_t count = world->deeds.count;
    for (size_t i = 0; i < count; i++) {
        const struct deed *before = world->deeds.all[i];
        bool wake;
        if (before->state == DEED_UNKNOWN && before->key[0] != '\0')
            deed_submit(deeds_repeat(&world->deeds, before), world->turns, &wake);
    }
    turn_due(world, world->sim->now_ms);
}

static void quieten(struct world *world)
{
    world->quiet = true;
    world->fault_ms = NEVER;
    world->disk.fails_once = world->doomed = false;
    world->deeds.lose_percent = DEEDS_LOST_PERCENT;
    world->paused_until_ms = 0;
    heal(world);
    if (world->config.state.map_size < MAP_MIB && world->turns != NULL)
        kill_controller(world);
    world->config.state.map_size = MAP_MIB;
    uint64_t until_ms = world->sim->now_ms + QUIET_MS;
    while ((world->turns == NULL || !turns_leads(world->turns) || world->deeds.waiting > 0) && step(world, until_ms))
        ;
    if (world->turns == NULL || !turns_leads(world->turns))
        sim_broken(world->sim, "a controller leads when nothing is wrong", "not after %d ms", QUIET_MS);
    world->deeds.lose_percent = 0;
    ask_for_lost_answers(world);
    while (world->deeds.waiting > 0 && step(world, until_ms))
        ;
    if (world->deeds.waiting > 0)
        sim_broken(world->sim, "every request has an answer", "%zu have none", world->deeds.waiting);
}

static void check_end(struct world *world)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    must(world, state_read(world->state, &txn, &error), "tables", &error);
    judge_compare(&world->judge, txn);
    state_end(txn);
    deeds_compare(&world->deeds);
    prove_tables(world);
}

void world_live(struct sim *sim)
{
    struct world world;
    open_world(&world, sim);
    uint64_t until_ms = LIFE_MS + sim_draw(sim, LIFE_MS);
    while (step(&world, until_ms))
        ;
    quieten(&world);
    check_end(&world);
    stop_controller(&world);
    while (world.turns != NULL && step(&world, NEVER))
        ;
    sim->result->totals.lives++;
    sim->result->totals.virtual_ms += sim->now_ms;
    deeds_free(&world.deeds);
    judge_free(&world.judge);
    disk_free(&world.disk);
    aq_arena_free(&world.arena);
    aq_buffer_free(&world.old_tables);
}
