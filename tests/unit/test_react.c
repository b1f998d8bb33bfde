/* What the leader does by itself, with a real writer: applications that wait are placed when there is room, in their
 * order and without starving others, and resources end when their lifetime is over. Time is virtual, except for the
 * tests of the loop. */
#include "controller/react/loop.h"
#include "controller/state/applied.h"
#include "controller/state/log_layout.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "tests/lib/react_case.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000, AT_ONCE_MS = 100 };

static struct react_loop *loop;

/* ---- room --------------------------------------------------------------------------------------------- */

static void what_waits_is_placed_when_a_node_joins(void **context)
{
    (void)context;
    uint64_t id = react_case_create("mac");
    assert_int_equal(react_case_status(id), AQ_NEW);
    test_make_node(&react_case.cluster, "node-1", 1);
    react_case_await(id, AQ_ELECTED, AT_ONCE_MS);
}

static void what_waits_is_placed_when_a_resource_ends(void **context)
{
    (void)context;
    test_make_node(&react_case.cluster, "node-1", 1);
    uint64_t first = react_case_create("mac"), second = react_case_create("mac");
    assert_int_equal(react_case_status(first), AQ_ELECTED);
    assert_int_equal(react_case_status(second), AQ_NEW);
    react_case_end_resource(1, "node-1");
    react_case_await(second, AQ_ELECTED, AT_ONCE_MS);
    assert_int_equal(react_case_status(first), AQ_DEALLOCATED);
}

static void what_waits_is_placed_when_maintenance_is_over(void **context)
{
    (void)context;
    struct aq_node_maintenance maintenance = {"node-1", true};
    test_make_node(&react_case.cluster, "node-1", 1);
    react_case_ask(&aq_command_node_maintenance, &maintenance);
    uint64_t id = react_case_create("mac");
    assert_int_equal(react_case_status(id), AQ_NEW);
    maintenance.maintenance = false;
    react_case_ask(&aq_command_node_maintenance, &maintenance);
    react_case_await(id, AQ_ELECTED, AT_ONCE_MS);
}

static void what_waits_is_placed_when_a_node_comes_back_or_grows(void **context)
{
    (void)context;
    struct aq_node_lose lose = {"node-1"};
    test_make_node(&react_case.cluster, "node-1", 1);
    react_case_ask(&aq_command_node_lose, &lose);
    uint64_t first = react_case_create("mac"), second = react_case_create("mac");
    test_make_node(&react_case.cluster, "node-1", 1);
    react_case_await(first, AQ_ELECTED, AT_ONCE_MS);
    assert_int_equal(react_case_status(second), AQ_NEW);
    test_make_node(&react_case.cluster, "node-1", 2);
    react_case_await(second, AQ_ELECTED, AT_ONCE_MS);
}

static void applications_are_placed_in_their_order(void **context)
{
    (void)context;
    react_case_create_many("mac", 150); /* more than one sweep tries of one label */
    test_make_node(&react_case.cluster, "node-1", 100);
    react_case_await(100, AQ_ELECTED, AT_ONCE_MS);
    for (uint64_t id = 1; id <= 150; id++)
        assert_int_equal(react_case_status(id), id <= 100 ? AQ_ELECTED : AQ_NEW);
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
        react_case_label(name, (struct aq_needs){.cpu = 1000000});
        react_case_create_many(name, 40);
    }
    uint64_t id = react_case_create("mac");
    test_make_node(&react_case.cluster, "node-1", 1);
    react_case_await(id, AQ_ELECTED, AT_ONCE_MS);
    assert_int_equal(react_case_status(1), AQ_NEW);
}

/* ---- lifetimes ---------------------------------------------------------------------------------------- */

static void what_waits_does_not_keep_lifetimes_from_ending(void **context)
{
    (void)context;
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    react_case_label("huge", (struct aq_needs){.cpu = 1000000});
    react_case_label("short", (struct aq_needs){.lifetime = 1});
    test_make_node(&react_case.cluster, "node-1", 1);
    uint64_t id = react_case_create("short");
    react_case_ask(&aq_command_resource_start, &start);
    react_case_create_many("huge", 40);
    react_case.cluster.config.log.queue = 1; /* what the writer takes at a time is needed for those that wait */
    test_cluster_pass(&react_case.cluster, 100);
    react_close(react_case.react);
    react_case_begin(); /* all of them are tried */
    react_case_await(id, AQ_DEALLOCATE, 5000);
}

static void a_resource_ends_when_its_lifetime_is_over(void **context)
{
    (void)context;
    react_case_label("short", (struct aq_needs){.lifetime = 1});
    react_case_label("long", (struct aq_needs){.lifetime = 3600});
    test_make_node(&react_case.cluster, "node-1", 1);
    uint64_t short_one = react_case_create("short"), long_one = react_case_create("long");
    for (uint64_t id = 1; id <= 2; id++) {
        struct aq_resource_start start = {.id = id, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
        react_case_ask(&aq_command_resource_start, &start);
    }
    test_cluster_pass(&react_case.cluster, 900);
    assert_int_equal(react_case_status(short_one), AQ_ALLOCATED);
    react_case_await(short_one, AQ_DEALLOCATE, 110 + AT_ONCE_MS);
    test_cluster_pass(&react_case.cluster, 3000000);
    assert_int_equal(react_case_status(long_one), AQ_ALLOCATED);
    react_case_await(long_one, AQ_DEALLOCATE, 600000);
}

/* Appends an entry without events that was decided at `time_ms`: the wall clock was wrong then. */
static void decide_nothing_at(uint64_t time_ms)
{
    struct aq_error error = {0};
    struct log_extent extent;
    struct log_store *store;
    struct state_txn *txn;
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    test_must(state_read(react_case.cluster.state, &txn, &error), &error);
    struct state_applied place = state_applied_get(txn);
    state_end(txn);
    react_case_die();
    test_must(log_store_open(&store, react_case.cluster.directory, 256 << 20, &error), &error);
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
    uint64_t future_ms = react_case.cluster.now.wall_ms + UINT64_C(400) * 24 * 3600 * 1000;
    react_case_label("short", (struct aq_needs){.lifetime = 1});
    decide_nothing_at(future_ms);
    test_cluster_open(&react_case.cluster, false);
    react_case_begin();
    test_cluster_start(&react_case.cluster);
    assert_in_range(test_time_ms(&react_case.cluster), future_ms, future_ms + PATIENCE_MS);
    test_make_node(&react_case.cluster, "node-1", 1);
    uint64_t id = react_case_create("short");
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    react_case_ask(&aq_command_resource_start, &start);
    react_case_await(id, AQ_DEALLOCATE, REACT_CASE_SOON_MS);
}

/* ---- rest --------------------------------------------------------------------------------------------- */

static uint64_t refusals(void)
{
    struct writer_figures figures;
    writer_figures(react_case.cluster.writer, &figures);
    return figures.refusals;
}

/* Commands that the writer refuses are not sent again in a tight loop. */
static void it_rests_while_the_writer_refuses_commands(void **context)
{
    (void)context;
    react_case_label("short", (struct aq_needs){.lifetime = 1});
    test_make_node(&react_case.cluster, "node-1", 1);
    uint64_t id = react_case_create("short"), reserve = react_case.cluster.config.log.disk_reserve;
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    react_case_ask(&aq_command_resource_start, &start);
    react_case.cluster.config.log.disk_reserve = 1ULL << 40; /* no room from now on */
    test_cluster_pass(&react_case.cluster, REACT_CASE_SOON_MS);
    uint64_t before = refusals();
    react_case.turns = 0;
    test_cluster_pass(&react_case.cluster, 10000);
    assert_in_range(refusals() - before, 9, 11); /* once a second */
    assert_in_range(react_case.turns, 9, 40);
    assert_int_equal(react_case_status(id), AQ_ALLOCATED);
    react_case.cluster.config.log.disk_reserve = reserve;
    react_case_await(id, AQ_DEALLOCATE, REACT_CASE_SOON_MS);
}

static void it_takes_few_turns_when_nothing_happens(void **context)
{
    (void)context;
    react_case_create("mac");
    test_cluster_pass(&react_case.cluster, REACT_CASE_SOON_MS);
    react_case.turns = 0;
    test_cluster_pass(&react_case.cluster, 100000);
    assert_in_range(react_case.turns, 10, 30); /* it sweeps every 10 s, and looks again after that */
}

/* Turns that nobody asked for send nothing twice, whatever their time. */
static void spurious_and_late_turns_do_no_harm(void **context)
{
    (void)context;
    react_case_create_many("mac", 20);
    react_case.cluster.turn = NULL;
    test_make_node(&react_case.cluster, "node-1", 30);
    struct writer_figures before, after;
    writer_figures(react_case.cluster.writer, &before);
    for (int i = 0; i < 100; i++)
        (void)react_turn(react_case.react, &react_case.cluster.now);
    test_cluster_pass(&react_case.cluster, AT_ONCE_MS);
    writer_figures(react_case.cluster.writer, &after);
    assert_int_equal(after.commands - before.commands, 20);
    for (uint64_t id = 1; id <= 20; id++)
        assert_int_equal(react_case_status(id), AQ_ELECTED);
    test_cluster_pass(&react_case.cluster, UINT64_C(7) * 24 * 3600 * 1000);
    uint64_t id = react_case_create("mac");
    react_case_end_resource(1, "node-1");
    for (int i = 0; i < 100; i++)
        assert_true(react_turn(react_case.react, &react_case.cluster.now) > react_case.cluster.now.steady_ms);
    assert_int_equal(react_case_status(id), AQ_ELECTED);
}

/* Killed at each step of its work, it frees what it has, and another one goes on. */
static void another_one_goes_on_where_one_was_killed(void **context)
{
    (void)context;
    react_case_create_many("mac", 8);
    for (unsigned life = 0; life < 8; life++) {
        test_make_node(&react_case.cluster, "node-1", life + 1);
        (void)react_turn(react_case.react, &react_case.cluster.now);
        assert_false(react_is_idle(react_case.react));
        react_case_die();
        test_cluster_open(&react_case.cluster, false);
        react_case_begin();
        test_cluster_start(&react_case.cluster);
        react_case_await(life + 1, AQ_ELECTED, AT_ONCE_MS);
    }
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static int setup_loop(void **context)
{
    (void)context;
    struct aq_error error = {0};
    test_cluster_new(&react_case.cluster);
    const struct react_options options = {.state = react_case.cluster.state,
                                          .keep = &react_case.cluster.config.keep.finished};
    test_must(react_loop_start(&loop, react_case.cluster.loop, &options, &error), &error);
    test_cluster_start(&react_case.cluster);
    react_case_make_rows();
    return 0;
}

static int teardown_loop(void **context)
{
    (void)context;
    react_loop_stop(loop);
    test_cluster_free(&react_case.cluster);
    return 0;
}

static void with_its_loop_it_works_by_itself(void **context)
{
    (void)context;
    uint64_t id = react_case_create("mac");
    test_make_node(&react_case.cluster, "node-1", 1);
    for (int i = 0; i < PATIENCE_MS && react_case_status(id) != AQ_ELECTED; i++)
        usleep(1000);
    assert_int_equal(react_case_status(id), AQ_ELECTED);
}

static void its_loop_stops_while_commands_are_under_way(void **context)
{
    (void)context;
    react_case_create_many("mac", 200);
    test_make_node(&react_case.cluster, "node-1", 300); /* teardown follows at once */
}

int main(void)
{
#define TEST(name)      cmocka_unit_test_setup_teardown(name, react_case_setup, react_case_teardown)
#define TEST_LOOP(name) cmocka_unit_test_setup_teardown(name, setup_loop, teardown_loop)
    const struct CMUnitTest tests[] = {
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
        TEST_LOOP(with_its_loop_it_works_by_itself),
        TEST_LOOP(its_loop_stops_while_commands_are_under_way),
    };
    return cmocka_run_group_tests_name("react", tests, NULL, NULL);
}
