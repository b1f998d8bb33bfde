#include "tests/sim/controller.h"

#include "controller/lmdb/marks.h"
#include "controller/log/replay.h"
#include "controller/project/project.h"
#include "controller/state/applied.h"
#include "controller/tables.h"
#include "schema/base/files.h"
#include "schema/codec/preset.h"
#include "tests/sim/keyring_files.h"
#include "tests/sim/renames.h"

#include <inttypes.h>
#include <string.h>

enum { HELD_UP_MS = 1000 /* as the hub has it: after such a turn, agents were not heard */ };

static void must(struct controller *controller, int status, const char *what, const struct aq_error *error)
{
    if (status != 0)
        sim_broken(controller->sim, "a start succeeds", "%s: %s", what, error->message);
}

bool controller_restored_log(struct controller *controller, const struct aq_error *error)
{
    if (!disk_is_named(&controller->disk, error))
        return false;
    sim_say(controller->sim, "operator: restores the log: %s", controller->disk.damage);
    controller->sim->result->totals.restored++;
    disk_restore(&controller->disk);
    return true;
}

static void turn_due(uint64_t *due_ms, uint64_t at_ms)
{
    if (at_ms < *due_ms)
        *due_ms = at_ms;
}

/* ---- what the parts want from outside ---------------------------------------------------------------- */

/* Has the writer decided something new? It may also try again what there was no room for. */
static bool is_new(struct controller *controller, const struct log_job *job)
{
    unsigned char before[AQ_HASH_SIZE];
    memcpy(before, controller->given, sizeof before);
    if (job->count == 0)
        return false;
    aq_entry_hash(job->entries[0].data, job->entries[0].size, controller->given);
    return memcmp(before, controller->given, sizeof before) != 0;
}

static void start_append(void *context, struct log_job *job)
{
    struct controller *controller = context;
    if (is_new(controller, job))
        controller->judge->steady_ms = machine_clocks(&controller->machine).steady_ms; /* when it was decided */
    disk_start(&controller->disk, job);
}

static void wake_writer(void *context)
{
    struct controller *controller = context;
    turn_due(&controller->writer_ms, controller->sim->now_ms + sim_draw(controller->sim, 3));
}

static void wake_hub(void *context)
{
    struct controller *controller = context;
    turn_due(&controller->hub_ms, controller->sim->now_ms + sim_draw(controller->sim, 3));
}

static void wake_react(void *context)
{
    struct controller *controller = context;
    turn_due(&controller->react_ms, controller->sim->now_ms + sim_draw(controller->sim, 3));
}

static void something_changed(void *context)
{
    struct controller *controller = context;
    wake_hub(controller);
    wake_react(controller);
    sim_say(controller->sim, "turn: seq %" PRIu64 "%s", writer_seq(controller->writer),
            writer_is_leader(controller->writer) ? ", leads" : ", does not lead");
}

/* ---- proofs ------------------------------------------------------------------------------------------- */

/* A proof reads all entries that the tables have applied, so it finds what has turned there. */
static void check_proof(struct controller *controller)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    must(controller, state_read(controller->state, &txn, &error), "tables", &error);
    uint64_t applied = state_applied_get(txn).index;
    state_end(txn);
    if (controller->disk.damaged_index != 0 && controller->disk.damaged_index <= applied)
        sim_broken(controller->sim, "a proof finds turned bits", "not those of entry %" PRIu64,
                   controller->disk.damaged_index);
}

void controller_prove_tables(struct controller *controller)
{
    AQ_CLEANUP_BUFFER struct aq_buffer report = {0};
    struct aq_error error = {0};
    while (replay_verify(&controller->disk.store, controller->state, CONTROLLER_DIRECTORY, CONTROLLER_MAP_MIB << 20,
                         &report, &error) != 0)
        if (!controller_restored_log(controller, &error))
            sim_broken(controller->sim, "the tables equal the replayed log", "%s", error.message);
    check_proof(controller);
    controller->sim->result->totals.verified++;
    sim_say(controller->sim, "proof: the tables equal the replayed log");
}

void controller_compare_tables(struct controller *controller)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    must(controller, state_read(controller->state, &txn, &error), "tables", &error);
    judge_compare(controller->judge, txn);
    state_end(txn);
}

/* What any reader would see now: nothing that could still be lost, and now and then all that the events say. */
static void check_readers(struct controller *controller)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    must(controller, state_read(controller->state, &txn, &error), "tables", &error);
    if (state_seq(txn) > controller->judge->seq)
        sim_broken(controller->sim, "readers see what is durable", "seq %" PRIu64 ", but only %" PRIu64 " is durable",
                   state_seq(txn), controller->judge->seq);
    if (state_seq(txn) == controller->judge->seq && sim_happens(controller->sim, 2))
        judge_compare(controller->judge, txn);
    state_end(txn);
}

/* ---- start -------------------------------------------------------------------------------------------- */

static void start_again_in(struct controller *controller, uint64_t ms)
{
    controller->start_ms = controller->sim->now_ms + ms;
}

/* False: an operator reads why, and mends it: the log is damaged, or the tables have no room and get more. */
static bool open_tables(struct controller *controller)
{
    struct aq_error error = {0};
    if (tables_open(&controller->state, &controller->config, &controller->disk.store, false, &error) == 0) {
        controller->tables.open = true;
        tables_file_note(&controller->tables);
        return true;
    }
    if (controller_restored_log(controller, &error))
        return false;
    if (error.code != AQ_E_NO_SPACE || controller->config.state.map_size >= CONTROLLER_MAP_MIB)
        must(controller, -1, "tables", &error);
    controller->config.state.map_size *= 2;
    sim_say(controller->sim, "state.map_size is now %" PRIu64 " MiB", controller->config.state.map_size);
    return false;
}

/* False: the log has no room at present, or was damaged. */
static bool open_writer(struct controller *controller, const struct aq_clocks *now)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    struct writer_options options = {.config = &controller->config,
                                     .store = &controller->disk.store,
                                     .state = controller->state,
                                     .index = place_index_new(),
                                     .append = start_append,
                                     .wake = wake_writer,
                                     .changed = something_changed,
                                     .context = controller};
    must(controller, state_read(controller->state, &txn, &error), "tables", &error);
    project_fill_index(txn, options.index);
    state_end(txn);
    if (writer_open(&controller->writer, &options, now, &error) == 0)
        return true;
    if (error.code != AQ_E_NO_SPACE && !controller_restored_log(controller, &error))
        must(controller, -1, "writer", &error);
    controller->writer = NULL;
    sim_say(controller->sim, "start: %s", error.message);
    return false;
}

static void open_others(struct controller *controller, const struct aq_clocks *now)
{
    struct aq_error error = {0};
    must(controller, live_open(&controller->live, CONTROLLER_DIRECTORY, STATE_WRITE, &error), "heartbeats", &error);
    controller->usage = usage_open();
    must(controller, keyring_open(&controller->keyring, CONTROLLER_DIRECTORY, &error), "keyring", &error);
    controller->door = door_open(controller->keyring, controller->writer, controller->state);
    controller->requests->door = controller->door;
    const struct hub_options hub = {.config = &controller->config,
                                    .writer = controller->writer,
                                    .state = controller->state,
                                    .live = controller->live,
                                    .usage = controller->usage,
                                    .identity = controller->identity,
                                    .agents = network_listen(controller->network),
                                    .door = controller->door,
                                    .wake = wake_hub,
                                    .context = controller};
    const struct react_options react = {.writer = controller->writer,
                                        .state = controller->state,
                                        .keep = &controller->config.keep.finished,
                                        .door = controller->door,
                                        .secrets = &controller->config.secrets,
                                        .wake = wake_react,
                                        .context = controller};
    controller->hub = hub_open(&hub, now);
    controller->react = react_open(&react);
    controller->hub_turned_ms = now->steady_ms;
    messages_hub_starts(controller->messages, controller->config.hub.lost_after * 1000);
}

void controller_start(struct controller *controller)
{
    struct aq_clocks now = machine_clocks(&controller->machine);
    controller->start_ms = NEVER;
    keyring_files_check(controller->judge, CONTROLLER_DIRECTORY);
    if (!open_tables(controller)) {
        start_again_in(controller, 1000);
        return;
    }
    if (sim_happens(controller->sim, 30))
        controller_prove_tables(controller);
    if (!open_writer(controller, &now)) {
        state_close(controller->state);
        controller->state = NULL;
        start_again_in(controller, 1000);
        return;
    }
    open_others(controller, &now);
    controller->judge->life++;
    memset(controller->given, 0, sizeof controller->given); /* what was lost may be decided again, just as before */
    controller->writer_ms = controller->hub_ms = controller->react_ms = controller->sim->now_ms;
    sim_say(controller->sim, "start: steady %" PRIu64 ", wall %" PRIu64, now.steady_ms, now.wall_ms);
}

/* ---- ends --------------------------------------------------------------------------------------------- */

static void close_parts(struct controller *controller)
{
    writer_close(controller->writer);
    react_close(controller->react);
    hub_close(controller->hub);
    live_close(controller->live);
    usage_close(controller->usage);
    door_close(controller->door);
    keyring_close(controller->keyring);
    controller->writer = NULL;
    controller->react = NULL;
    controller->hub = NULL;
    controller->live = NULL;
    controller->usage = NULL;
    controller->door = controller->requests->door = NULL;
    controller->keyring = NULL;
    controller->writer_ms = controller->hub_ms = controller->react_ms = NEVER;
    controller->doomed = controller->stops = false;
    controller->requests->lose_percent = ANSWERS_LOST_PERCENT;
}

/* The process is gone at once: it frees everything, and answers nobody. */
static void end_process(struct controller *controller, bool append_reaches)
{
    close_parts(controller);
    disk_drop(&controller->disk, append_reaches);
    requests_crash(controller->requests);
    state_close(controller->state);
    controller->state = NULL;
    start_again_in(controller, sim_wait(controller->sim, 100));
}

void controller_kill_process(struct controller *controller)
{
    controller->sim->result->totals.kills++;
    sim_say(controller->sim, "fault: the controller is killed");
    end_process(controller, sim_happens(controller->sim, 60));
}

static void open_identity(struct controller *controller)
{
    struct aq_error error = {0};
    must(controller, hub_identity_open(&controller->identity, CONTROLLER_DIRECTORY, controller->authority, &error),
         "the hub's key", &error);
}

/* As after a restore without it: the next start makes another. */
void controller_lose_hub_key(struct controller *controller)
{
    controller_kill_process(controller);
    sim_say(controller->sim, "fault: the hub's key is lost");
    if (unlink(CONTROLLER_DIRECTORY "/" AQ_FILE_HUB_KEY) != 0)
        abort();
    open_identity(controller);
}

/* The next turn is its last: it is killed in its midst, when tables are committed, but not all answers are given. */
void controller_doom_process(struct controller *controller)
{
    static const unsigned lost[] = {100, 50, 10};
    controller->doomed = true;
    controller->requests->lose_percent = lost[sim_draw(controller->sim, AQ_LENGTH(lost))];
    sim_say(controller->sim, "fault: the controller is killed in its next turn");
}

/* The parts are stopped in the opposite order of their start, each when those that use it are idle, as in
 * controller/main.c. */
static void stop_next(struct controller *controller)
{
    if (controller->react != NULL && react_is_idle(controller->react)) {
        react_close(controller->react);
        controller->react = NULL;
        controller->react_ms = NEVER;
        hub_stop(controller->hub);
        wake_hub(controller);
    }
    if (controller->react == NULL && controller->hub != NULL && hub_is_idle(controller->hub)) {
        hub_close(controller->hub);
        controller->hub = NULL;
        controller->hub_ms = NEVER;
        writer_stop(controller->writer);
        turn_due(&controller->writer_ms, controller->sim->now_ms);
    }
}

/* It finishes what is under way, and closes its tables. */
void controller_stop_process(struct controller *controller)
{
    sim_say(controller->sim, "fault: the controller is told to stop");
    controller->sim->result->totals.stops++;
    controller->stops = true;
    stop_next(controller);
}

static void has_stopped(struct controller *controller)
{
    struct aq_error error = {0};
    sim_say(controller->sim, "turn: the controller has stopped");
    if (controller->requests->waiting > 0)
        sim_broken(controller->sim, "a controller that stops answers everybody", "%zu wait",
                   controller->requests->waiting);
    close_parts(controller);
    must(controller, tables_close(controller->state, &error), "closing the tables", &error);
    controller->tables.open = false;
    controller->state = NULL;
    start_again_in(controller, sim_wait(controller->sim, 100));
}

static void end_if_it_runs(struct controller *controller)
{
    if (controller->writer != NULL)
        end_process(controller, sim_happens(controller->sim, 60));
}

void controller_lose_keyring(struct controller *controller)
{
    controller->sim->result->totals.lost_keyrings++;
    sim_say(controller->sim, "fault: the controller is killed, and its keyring is lost");
    end_if_it_runs(controller);
    keyring_files_lose(controller->judge, CONTROLLER_DIRECTORY);
}

void controller_restore_keyring(struct controller *controller)
{
    sim_say(controller->sim, "operator: stops the controller, and restores its keyring");
    end_if_it_runs(controller);
    keyring_files_restore(controller->judge, CONTROLLER_DIRECTORY);
}

/* The machine starts anew, and tables that were open are those of another boot. */
void controller_cut_power(struct controller *controller)
{
    struct aq_error error = {0};
    controller->sim->result->totals.power_cuts++;
    sim_say(controller->sim, "fault: the power of the controller is cut");
    network_power_cut(controller->network, NETWORK_CONTROLLER);
    if (controller->writer != NULL)
        end_process(controller, sim_happens(controller->sim, 50));
    renames_lose(controller->sim, RENAMES_CONTROLLER);
    if (controller->tables.open) {
        tables_file_tear(&controller->tables);
        must(controller, lmdb_mark_open(TABLES_DIRECTORY, "an earlier boot", &error), "mark", &error);
    }
    start_again_in(controller, sim_wait(controller->sim, 200));
    machine_boot(&controller->machine);
}

/* ---- turns -------------------------------------------------------------------------------------------- */

void controller_append_ends(struct controller *controller)
{
    writer_appended(controller->writer, disk_finish(&controller->disk));
    turn_due(&controller->writer_ms, controller->sim->now_ms + sim_draw(controller->sim, 3));
}

void controller_message_came(struct controller *controller)
{
    if (controller->hub != NULL && !hub_gathers(controller->hub))
        wake_hub(controller);
}

void controller_turn_hub(struct controller *controller)
{
    struct aq_clocks now = machine_clocks(&controller->machine);
    messages_hub_turns(controller->messages, now.steady_ms - controller->hub_turned_ms > HELD_UP_MS);
    controller->hub_turned_ms = now.steady_ms;
    controller->hub_ms = NEVER;
    turn_due(&controller->hub_ms, machine_true_ms(&controller->machine, hub_turn(controller->hub, &now)));
    if (controller->stops)
        stop_next(controller);
}

/* A controller that stops takes no more of these. */
void controller_turn_react(struct controller *controller)
{
    struct aq_clocks now = machine_clocks(&controller->machine);
    controller->react_ms = NEVER;
    if (controller->stops) {
        stop_next(controller);
        return;
    }
    renames_begin(RENAMES_CONTROLLER);
    const uint64_t deadline_ms = react_turn(controller->react, &now);
    renames_end();
    turn_due(&controller->react_ms, machine_true_ms(&controller->machine, deadline_ms));
}

void controller_turn_writer(struct controller *controller)
{
    struct aq_clocks now = machine_clocks(&controller->machine);
    struct writer_next next;
    struct aq_error error = {0};
    controller->writer_ms = NEVER;
    if (writer_turn(controller->writer, &now, &next, &error) != 0) {
        controller->sim->result->totals.failures++;
        sim_say(controller->sim, "turn: no way on: %s", error.message);
        if (error.code != AQ_E_IO && !controller_restored_log(controller, &error))
            sim_broken(controller->sim, "a controller ends only when its disk fails", "%s", error.message);
        end_process(controller, false);
        return;
    }
    check_readers(controller);
    if (next.ended)
        has_stopped(controller);
    else if (controller->doomed)
        controller_kill_process(controller);
    else
        turn_due(&controller->writer_ms, machine_true_ms(&controller->machine, next.deadline_ms));
}

/* ---- open and free ------------------------------------------------------------------------------------ */

bool controller_leads(const struct controller *controller)
{
    return controller->writer != NULL && !controller->stops && writer_is_leader(controller->writer);
}

void controller_open(struct controller *controller, const struct controller_surroundings *surroundings)
{
    struct sim *sim = surroundings->judge->sim;
    struct aq_error error = {0};
    *controller = (struct controller){.sim = sim,
                                      .judge = surroundings->judge,
                                      .requests = surroundings->requests,
                                      .network = surroundings->network,
                                      .messages = surroundings->messages,
                                      .tables = {.sim = sim}};
    machine_open(&controller->machine, sim, "the controller");
    disk_open(&controller->disk, sim, judge_take, controller->judge);
    aq_record_init(&aq_config_controller_record, &controller->config, &controller->arena);
    controller->config.data = CONTROLLER_DIRECTORY;
    controller->config.state.map_size = CONTROLLER_MAP_MIB;
    controller->config.log.disk_reserve = 1;
    controller->config.log.batch = sim_between(sim, 1, 40);
    controller->config.hub.beat = sim_between(sim, 1, 3);
    controller->config.hub.lost_after = sim_between(sim, 3, 20);
    if (sim_happens(sim, 20))
        controller->config.log.queue = sim_between(sim, 1, 30); /* more is refused */
    controller->config.keep.finished.number = sim_happens(sim, 30) ? sim_between(sim, 1, 50) : 0;
    controller->config.keep.finished.age = sim_happens(sim, 30) ? sim_between(sim, 5, 60) : 0;
    if (sim_happens(sim, 40))
        controller->config.secrets.epoch = sim_between(sim, 12, 50);
    controller->start_ms = 0;
    controller->writer_ms = controller->hub_ms = controller->react_ms = NEVER;
    must(controller, aq_directory_make(AT_FDCWD, CONTROLLER_DIRECTORY, 0700, &error), "directory", &error);
    must(controller,
         authority_open(&controller->authority, CONTROLLER_DIRECTORY, machine_clocks(&controller->machine).wall_ms,
                        &error),
         "authority", &error);
    open_identity(controller);
}

void controller_free(struct controller *controller)
{
    authority_close(controller->authority);
    disk_free(&controller->disk);
    tables_file_free(&controller->tables);
    aq_arena_free(&controller->arena);
}
