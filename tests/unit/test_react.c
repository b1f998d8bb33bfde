/* What the leader does by itself, with a real writer: applications that wait are placed when there is room, in their
 * order and without starving others, and resources end when their lifetime is over. Time is virtual, except for the
 * tests of the loop. */
#include "controller/react/loop.h"
#include "controller/state/applied.h"
#include "controller/state/log_layout.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/resource.h"
#include "tests/lib/cluster.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000, AT_ONCE_MS = 100, SOON_MS = 1500 };

static struct test_cluster cluster;
static struct react *react;
static struct react_loop *loop;
static unsigned turns;

static uint64_t take_turn(void *part, const struct aq_clocks *now)
{
    (void)part;
    turns++;
    return react_turn(react, now);
}

/* React begins to take turns. */
static void begin(void)
{
    struct react_options options = {.writer = cluster.writer,
                                    .state = cluster.state,
                                    .keep = &cluster.config.keep.finished,
                                    .wake = test_cluster_wake,
                                    .context = &cluster};
    react = react_open(&options);
    cluster.turn = take_turn;
    test_cluster_wake(&cluster);
}

/* The process is killed: what is under way gets no answer. */
static void die(void)
{
    test_cluster_close(&cluster);
    react_close(react);
    react = NULL;
    cluster.turn = NULL;
}

static void make_rows(void)
{
    test_make_user(&cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(&cluster, "mac");
}

static int setup(void **context)
{
    (void)context;
    test_cluster_new_virtual(&cluster);
    begin();
    test_cluster_start(&cluster);
    make_rows();
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    while (!react_is_idle(react))
        test_cluster_pass(&cluster, 1);
    react_close(react);
    cluster.turn = NULL;
    test_cluster_free(&cluster);
    return 0;
}

static int setup_loop(void **context)
{
    (void)context;
    struct aq_error error = {0};
    test_cluster_new(&cluster);
    const struct react_options options = {.state = cluster.state, .keep = &cluster.config.keep.finished};
    test_must(react_loop_start(&loop, cluster.loop, &options, &error), &error);
    test_cluster_start(&cluster);
    make_rows();
    return 0;
}

static int teardown_loop(void **context)
{
    (void)context;
    react_loop_stop(loop);
    test_cluster_free(&cluster);
    return 0;
}

static void ask(const struct aq_command *command, const void *record)
{
    struct aq_error error = {0};
    test_must(test_ask(&cluster, command, record, "admin", NULL, &error) == 0, &error);
}

static uint64_t create(const char *label)
{
    char id[65];
    struct aq_error error = {0};
    struct aq_application_create record = {.project = "", .label = label, .metadata = "{}"};
    test_must(test_ask(&cluster, &aq_command_application_create, &record, "admin", id, &error) == 0, &error);
    return strtoull(id, NULL, 10);
}

static void create_many(const char *label, uint32_t count)
{
    static const void *records[4096];
    struct aq_application_create record = {.project = "", .label = label, .metadata = "{}"};
    struct writer_request request = {
        .command = &aq_command_application_create, .records = records, .caller = aq_caller_internal("admin")};
    for (uint32_t i = 0; i < AQ_LENGTH(records); i++)
        records[i] = &record;
    request.count = count;
    test_ask_request(&cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
}

static void make_label(const char *name, struct aq_needs needs)
{
    struct aq_definition definition = {.driver = "test", .options = "{}", .resources = needs};
    struct aq_label_create label = {.name = name, .definitions = {&definition, 1}, .metadata = "{}", .project = ""};
    definition.resources.network = "";
    definition.authentication.username = "";
    ask(&aq_command_label_create, &label);
}

static enum aq_application_status status_of(uint64_t id)
{
    struct aq_arena arena = {0};
    struct aq_application application = {0};
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(cluster.state, &txn, &error), &error);
    assert_true(state_application(txn, id, &application, &arena));
    state_end(txn);
    aq_arena_free(&arena);
    return application.status;
}

/* It has the status within so many ms. */
static void await_status(uint64_t id, enum aq_application_status status, unsigned within_ms)
{
    for (unsigned i = 0; i < within_ms && status_of(id) != status; i++)
        test_cluster_pass(&cluster, 1);
    assert_int_equal(status_of(id), status);
}

static void end_resource(uint64_t id, const char *node)
{
    struct aq_resource_end end = {.id = id, .node = node, .reason = "exit status 0"};
    ask(&aq_command_resource_end, &end);
}

/* ---- room --------------------------------------------------------------------------------------------- */

static void what_waits_is_placed_when_a_node_joins(void **context)
{
    (void)context;
    uint64_t id = create("mac");
    assert_int_equal(status_of(id), AQ_NEW);
    test_make_node(&cluster, "node-1", 1);
    await_status(id, AQ_ELECTED, AT_ONCE_MS);
}

static void what_waits_is_placed_when_a_resource_ends(void **context)
{
    (void)context;
    test_make_node(&cluster, "node-1", 1);
    uint64_t first = create("mac"), second = create("mac");
    assert_int_equal(status_of(first), AQ_ELECTED);
    assert_int_equal(status_of(second), AQ_NEW);
    end_resource(1, "node-1");
    await_status(second, AQ_ELECTED, AT_ONCE_MS);
    assert_int_equal(status_of(first), AQ_DEALLOCATED);
}

static void what_waits_is_placed_when_maintenance_is_over(void **context)
{
    (void)context;
    struct aq_node_maintenance maintenance = {"node-1", true};
    test_make_node(&cluster, "node-1", 1);
    ask(&aq_command_node_maintenance, &maintenance);
    uint64_t id = create("mac");
    assert_int_equal(status_of(id), AQ_NEW);
    maintenance.maintenance = false;
    ask(&aq_command_node_maintenance, &maintenance);
    await_status(id, AQ_ELECTED, AT_ONCE_MS);
}

static void what_waits_is_placed_when_a_node_comes_back_or_grows(void **context)
{
    (void)context;
    struct aq_node_lose lose = {"node-1"};
    test_make_node(&cluster, "node-1", 1);
    ask(&aq_command_node_lose, &lose);
    uint64_t first = create("mac"), second = create("mac");
    test_make_node(&cluster, "node-1", 1);
    await_status(first, AQ_ELECTED, AT_ONCE_MS);
    assert_int_equal(status_of(second), AQ_NEW);
    test_make_node(&cluster, "node-1", 2);
    await_status(second, AQ_ELECTED, AT_ONCE_MS);
}

static void applications_are_placed_in_their_order(void **context)
{
    (void)context;
    create_many("mac", 150); /* more than one sweep tries of one label */
    test_make_node(&cluster, "node-1", 100);
    await_status(100, AQ_ELECTED, AT_ONCE_MS);
    for (uint64_t id = 1; id <= 150; id++)
        assert_int_equal(status_of(id), id <= 100 ? AQ_ELECTED : AQ_NEW);
}

/* Ten labels that never fit, with more applications each than one sweep tries: 320 tries, of which 256 can be under
 * way.
 */
static void applications_that_never_fit_do_not_starve_others(void **context)
{
    (void)context;
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "huge-%d", i);
        make_label(name, (struct aq_needs){.cpu = 1000000});
        create_many(name, 40);
    }
    uint64_t id = create("mac");
    test_make_node(&cluster, "node-1", 1);
    await_status(id, AQ_ELECTED, AT_ONCE_MS);
    assert_int_equal(status_of(1), AQ_NEW);
}

/* ---- lifetimes ---------------------------------------------------------------------------------------- */

static void what_waits_does_not_keep_lifetimes_from_ending(void **context)
{
    (void)context;
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    make_label("huge", (struct aq_needs){.cpu = 1000000});
    make_label("short", (struct aq_needs){.lifetime = 1});
    test_make_node(&cluster, "node-1", 1);
    uint64_t id = create("short");
    ask(&aq_command_resource_start, &start);
    create_many("huge", 40);
    cluster.config.log.queue = 1; /* what the writer takes at a time is needed for those that wait */
    test_cluster_pass(&cluster, 100);
    react_close(react);
    begin(); /* all of them are tried */
    await_status(id, AQ_DEALLOCATE, 5000);
}

static void a_resource_ends_when_its_lifetime_is_over(void **context)
{
    (void)context;
    make_label("short", (struct aq_needs){.lifetime = 1});
    make_label("long", (struct aq_needs){.lifetime = 3600});
    test_make_node(&cluster, "node-1", 1);
    uint64_t short_one = create("short"), long_one = create("long");
    for (uint64_t id = 1; id <= 2; id++) {
        struct aq_resource_start start = {.id = id, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
        ask(&aq_command_resource_start, &start);
    }
    test_cluster_pass(&cluster, 900);
    assert_int_equal(status_of(short_one), AQ_ALLOCATED);
    await_status(short_one, AQ_DEALLOCATE, 110 + AT_ONCE_MS);
    test_cluster_pass(&cluster, 3000000);
    assert_int_equal(status_of(long_one), AQ_ALLOCATED);
    await_status(long_one, AQ_DEALLOCATE, 600000);
}

/* Appends an entry without events that was decided at `time_ms`: the wall clock was wrong then. */
static void decide_nothing_at(uint64_t time_ms)
{
    struct aq_error error = {0};
    struct log_extent extent;
    struct log_store *store;
    struct state_txn *txn;
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    test_must(state_read(cluster.state, &txn, &error), &error);
    struct state_applied place = state_applied_get(txn);
    state_end(txn);
    die();
    test_must(log_store_open(&store, cluster.directory, 256 << 20, &error), &error);
    test_must(log_store_extent(store, &extent, &error), &error);
    assert_int_equal(extent.last, place.index);
    struct aq_logged_decision decision = {
        .author = "admin", .command = aq_command_user_update.code, .key = "k", .id = "admin"};
    struct aq_entry entry = {.format = AQ_ENTRY_FORMAT,
                             .previous = {place.hash, AQ_HASH_SIZE},
                             .time = time_ms,
                             .first_seq = place.seq + 1,
                             .decisions = {&decision, 1}};
    aq_entry_pack(&entry, &packed);
    struct log_entry row = {.index = extent.last + 1,
                            .term = extent.last_term,
                            .type = LOG_TYPE_COMMAND,
                            .data = packed.data,
                            .size = (uint32_t)packed.length,
                            .first_seq = place.seq + 1};
    test_must(log_store_append(store, &row, 1, extent.last, NULL, &error), &error);
    log_store_close(store);
}

/* The log's time goes on from there, and lifetimes end. */
static void a_lifetime_ends_although_the_log_is_ahead(void **context)
{
    (void)context;
    uint64_t future_ms = cluster.now.wall_ms + UINT64_C(400) * 24 * 3600 * 1000;
    make_label("short", (struct aq_needs){.lifetime = 1});
    decide_nothing_at(future_ms);
    test_cluster_open(&cluster, false);
    begin();
    test_cluster_start(&cluster);
    assert_in_range(test_time_ms(&cluster), future_ms, future_ms + PATIENCE_MS);
    test_make_node(&cluster, "node-1", 1);
    uint64_t id = create("short");
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    ask(&aq_command_resource_start, &start);
    await_status(id, AQ_DEALLOCATE, SOON_MS);
}

/* ---- rest --------------------------------------------------------------------------------------------- */

static uint64_t refusals(void)
{
    struct writer_figures figures;
    writer_figures(cluster.writer, &figures);
    return figures.refusals;
}

/* Commands that the writer refuses are not sent again in a tight loop. */
static void it_rests_while_the_writer_refuses_commands(void **context)
{
    (void)context;
    make_label("short", (struct aq_needs){.lifetime = 1});
    test_make_node(&cluster, "node-1", 1);
    uint64_t id = create("short"), reserve = cluster.config.log.disk_reserve;
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    ask(&aq_command_resource_start, &start);
    cluster.config.log.disk_reserve = 1ULL << 40; /* no room from now on */
    test_cluster_pass(&cluster, SOON_MS);
    uint64_t before = refusals();
    turns = 0;
    test_cluster_pass(&cluster, 10000);
    assert_in_range(refusals() - before, 9, 11); /* once a second */
    assert_in_range(turns, 9, 40);
    assert_int_equal(status_of(id), AQ_ALLOCATED);
    cluster.config.log.disk_reserve = reserve;
    await_status(id, AQ_DEALLOCATE, SOON_MS);
}

static void it_takes_few_turns_when_nothing_happens(void **context)
{
    (void)context;
    create("mac");
    test_cluster_pass(&cluster, SOON_MS);
    turns = 0;
    test_cluster_pass(&cluster, 100000);
    assert_in_range(turns, 10, 30); /* it sweeps every 10 s, and looks again after that */
}

/* Turns that nobody asked for send nothing twice, whatever their time. */
static void spurious_and_late_turns_do_no_harm(void **context)
{
    (void)context;
    create_many("mac", 20);
    cluster.turn = NULL;
    test_make_node(&cluster, "node-1", 30);
    struct writer_figures before, after;
    writer_figures(cluster.writer, &before);
    for (int i = 0; i < 100; i++)
        (void)react_turn(react, &cluster.now);
    test_cluster_pass(&cluster, AT_ONCE_MS);
    writer_figures(cluster.writer, &after);
    assert_int_equal(after.commands - before.commands, 20);
    for (uint64_t id = 1; id <= 20; id++)
        assert_int_equal(status_of(id), AQ_ELECTED);
    test_cluster_pass(&cluster, UINT64_C(7) * 24 * 3600 * 1000);
    uint64_t id = create("mac");
    end_resource(1, "node-1");
    for (int i = 0; i < 100; i++)
        assert_true(react_turn(react, &cluster.now) > cluster.now.steady_ms);
    assert_int_equal(status_of(id), AQ_ELECTED);
}

/* Killed at each step of its work, it frees what it has, and another one goes on. */
static void another_one_goes_on_where_one_was_killed(void **context)
{
    (void)context;
    create_many("mac", 8);
    for (unsigned life = 0; life < 8; life++) {
        test_make_node(&cluster, "node-1", life + 1);
        (void)react_turn(react, &cluster.now);
        assert_false(react_is_idle(react));
        die();
        test_cluster_open(&cluster, false);
        begin();
        test_cluster_start(&cluster);
        await_status(life + 1, AQ_ELECTED, AT_ONCE_MS);
    }
}

/* ---- finished applications -------------------------------------------------------------------------------- */

/* What ends after this ends in a later millisecond, so that the order of ends is not that of numbers. */
static void await_later(void)
{
    test_cluster_pass(&cluster, 2);
}

static void finish(uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++) {
        struct aq_application_deallocate back = {id};
        ask(&aq_command_application_deallocate, &back);
    }
}

static uint64_t rows_left(void)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(cluster.state, &txn, &error), &error);
    uint64_t count = state_count(txn, &aq_entity_application);
    state_end(txn);
    return count;
}

static bool has_row(uint64_t id)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    const struct state_key key = state_key_number(id);
    test_must(state_read(cluster.state, &txn, &error), &error);
    bool there = state_exists(txn, &aq_entity_application, &key);
    state_end(txn);
    return there;
}

/* So many are left within so many ms. */
static void await_rows(uint64_t count, unsigned within_ms)
{
    for (unsigned i = 0; i < within_ms && rows_left() != count; i++)
        test_cluster_pass(&cluster, 1);
    assert_int_equal(rows_left(), count);
}

static void the_oldest_finished_ones_leave_when_there_are_too_many(void **context)
{
    (void)context;
    create_many("mac", 10);
    finish(5, 6);
    await_later();
    finish(1, 4);
    cluster.config.keep.finished.number = 3;
    finish(7, 7); /* seven are finished: 5 6 1 2 3 4 7, in this order */
    await_rows(6, SOON_MS);
    for (uint64_t id = 1; id <= 10; id++)
        assert_int_equal(has_row(id), id == 3 || id == 4 || id >= 7);
    cluster.config.keep.finished.number = 0;
}

static void many_leave_in_several_parts(void **context)
{
    (void)context;
    enum { MANY = 2 * AQ_REMOVED_AT_ONCE + 100 };
    create_many("mac", MANY);
    finish(1, MANY);
    cluster.config.keep.finished.number = 1;
    create("mac");
    await_rows(2, 5 * SOON_MS);
    assert_true(has_row(MANY));
    cluster.config.keep.finished.number = 0;
}

static void old_ones_leave_whatever_their_number(void **context)
{
    (void)context;
    create_many("mac", 3);
    finish(2, 3);
    cluster.config.keep.finished.age = 1;
    create("mac"); /* so that it looks */
    await_rows(2, 2 * SOON_MS);
    assert_true(has_row(1));
    finish(4, 4);
    test_cluster_pass(&cluster, 900);
    assert_int_equal(rows_left(), 2);
    await_rows(1, 2 * SOON_MS); /* by itself */
    cluster.config.keep.finished.age = 0;
}

static void one_that_holds_its_resource_stays(void **context)
{
    (void)context;
    test_make_node(&cluster, "node-1", 2);
    for (int i = 0; i < 4; i++)
        create("mac");
    finish(1, 4); /* the first two were elected: their node has to end them */
    cluster.config.keep.finished.number = 1;
    create("mac");
    await_rows(4, SOON_MS);
    assert_false(has_row(3));
    end_resource(1, "node-1");
    await_rows(3, SOON_MS);
    assert_false(has_row(1));
    assert_true(has_row(2));
    cluster.config.keep.finished.number = 0;
}

/* ---- drains --------------------------------------------------------------------------------------------- */

static struct aq_node node_row(struct aq_arena *arena)
{
    struct aq_node node = {0};
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(cluster.state, &txn, &error), &error);
    assert_true(state_node(txn, "node-1", &node, arena));
    state_end(txn);
    return node;
}

static enum aq_drain_status drain_status(void)
{
    struct aq_arena arena = {0};
    enum aq_drain_status status = node_row(&arena).drain_status;
    aq_arena_free(&arena);
    return status;
}

static void await_drain(enum aq_drain_status status, unsigned within_ms)
{
    for (unsigned i = 0; i < within_ms && drain_status() != status; i++)
        test_cluster_pass(&cluster, 1);
    assert_int_equal(drain_status(), status);
}

static void a_drain_goes_on_by_itself(void **context)
{
    (void)context;
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    struct aq_node_drain drain = {.name = "node-1", .timeout = 5};
    make_label("batch", (struct aq_needs){.drain = AQ_DRAIN_GIVES_BACK});
    test_make_node(&cluster, "node-1", 2);
    uint64_t batch = create("batch");
    ask(&aq_command_resource_start, &start);
    start.id = 2;
    uint64_t mac = create("mac");
    ask(&aq_command_resource_start, &start);
    ask(&aq_command_node_drain, &drain);
    await_status(batch, AQ_DEALLOCATE, SOON_MS);
    end_resource(1, "node-1");
    await_drain(AQ_DRAIN_LATE, 5000 + SOON_MS);
    assert_int_equal(status_of(mac), AQ_ALLOCATED);
    end_resource(2, "node-1");
    await_drain(AQ_DRAINED, SOON_MS);
    const unsigned before = turns;
    test_cluster_pass(&cluster, 5000);
    assert_true(turns - before < 10); /* and then there is nothing to do */
}

/* ---- leases --------------------------------------------------------------------------------------------- */

static void start_leased(uint64_t *id)
{
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    struct aq_node_lose lose = {.name = "node-1"};
    make_label("leased", (struct aq_needs){.lease = 10, .restart_lost = true});
    test_make_node(&cluster, "node-1", 1);
    *id = create("leased");
    ask(&aq_command_resource_start, &start);
    test_make_node(&cluster, "node-2", 1);
    ask(&aq_command_node_lose, &lose);
}

/* 10 s, a tenth of it, and 2 s more. */
static void a_lease_is_over_when_it_surely_is(void **context)
{
    (void)context;
    uint64_t id;
    start_leased(&id);
    test_cluster_pass(&cluster, 12900);
    assert_int_equal(status_of(id), AQ_ALLOCATED);
    await_status(id, AQ_ELECTED, 100 + SOON_MS);
}

/* A leader that has just started has not seen how long the node has been lost. */
static void a_new_leader_counts_anew(void **context)
{
    (void)context;
    uint64_t id;
    start_leased(&id);
    test_cluster_pass(&cluster, 12000);
    while (!react_is_idle(react))
        test_cluster_pass(&cluster, 1);
    react_close(react);
    begin();
    test_cluster_pass(&cluster, 12900);
    assert_int_equal(status_of(id), AQ_ALLOCATED);
    await_status(id, AQ_ELECTED, 100 + SOON_MS);
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static void with_its_loop_it_works_by_itself(void **context)
{
    (void)context;
    uint64_t id = create("mac");
    test_make_node(&cluster, "node-1", 1);
    for (int i = 0; i < PATIENCE_MS && status_of(id) != AQ_ELECTED; i++)
        usleep(1000);
    assert_int_equal(status_of(id), AQ_ELECTED);
}

static void its_loop_stops_while_commands_are_under_way(void **context)
{
    (void)context;
    create_many("mac", 200);
    test_make_node(&cluster, "node-1", 300); /* teardown follows at once */
}

int main(void)
{
#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_LOOP(name) cmocka_unit_test_setup_teardown(name, setup_loop, teardown_loop)
    const struct CMUnitTest tests[] = {
        TEST(a_drain_goes_on_by_itself),
        TEST(a_lease_is_over_when_it_surely_is),
        TEST(a_new_leader_counts_anew),
        TEST(what_waits_is_placed_when_a_node_joins),
        TEST(what_waits_is_placed_when_a_resource_ends),
        TEST(what_waits_is_placed_when_maintenance_is_over),
        TEST(what_waits_is_placed_when_a_node_comes_back_or_grows),
        TEST(applications_are_placed_in_their_order),
        TEST(applications_that_never_fit_do_not_starve_others),
        TEST(what_waits_does_not_keep_lifetimes_from_ending),
        TEST(a_resource_ends_when_its_lifetime_is_over),
        TEST(it_rests_while_the_writer_refuses_commands),
        TEST(a_lifetime_ends_although_the_log_is_ahead),
        TEST(it_takes_few_turns_when_nothing_happens),
        TEST(spurious_and_late_turns_do_no_harm),
        TEST(another_one_goes_on_where_one_was_killed),
        TEST(the_oldest_finished_ones_leave_when_there_are_too_many),
        TEST(many_leave_in_several_parts),
        TEST(old_ones_leave_whatever_their_number),
        TEST(one_that_holds_its_resource_stays),
        TEST_LOOP(with_its_loop_it_works_by_itself),
        TEST_LOOP(its_loop_stops_while_commands_are_under_way),
    };
    return cmocka_run_group_tests_name("react", tests, NULL, NULL);
}
