/* Finished applications leave the tables by themselves. Time is virtual. */
#include "schema/model/resource.h"
#include "tests/lib/react_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What ends after this ends in a later millisecond, so that the order of ends is not that of numbers. */
static void await_later(void)
{
    test_cluster_pass(&react_case.cluster, 2);
}

static void finish(uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++) {
        struct aq_application_deallocate back = {id};
        react_case_ask(&aq_command_application_deallocate, &back);
    }
}

static uint64_t rows_left(void)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(react_case.cluster.state, &txn, &error), &error);
    uint64_t count = state_count(txn, &aq_entity_application);
    state_end(txn);
    return count;
}

static bool has_row(uint64_t id)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    const struct state_key key = state_key_number(id);
    test_must(state_read(react_case.cluster.state, &txn, &error), &error);
    bool there = state_exists(txn, &aq_entity_application, &key);
    state_end(txn);
    return there;
}

/* So many are left within so many ms. */
static void await_rows(uint64_t count, unsigned within_ms)
{
    for (unsigned i = 0; i < within_ms && rows_left() != count; i++)
        test_cluster_pass(&react_case.cluster, 1);
    assert_int_equal(rows_left(), count);
}

static void the_oldest_finished_ones_leave_when_there_are_too_many(void **context)
{
    (void)context;
    react_case_create_many("mac", 10);
    finish(5, 6);
    await_later();
    finish(1, 4);
    react_case.cluster.config.keep.finished.number = 3;
    finish(7, 7); /* seven are finished: 5 6 1 2 3 4 7, in this order */
    await_rows(6, REACT_CASE_SOON_MS);
    for (uint64_t id = 1; id <= 10; id++)
        assert_int_equal(has_row(id), id == 3 || id == 4 || id >= 7);
    react_case.cluster.config.keep.finished.number = 0;
}

static void many_leave_in_several_parts(void **context)
{
    (void)context;
    enum { MANY = 2 * AQ_REMOVED_AT_ONCE + 100 };
    react_case_create_many("mac", MANY);
    finish(1, MANY);
    react_case.cluster.config.keep.finished.number = 1;
    react_case_create("mac");
    await_rows(2, 5 * REACT_CASE_SOON_MS);
    assert_true(has_row(MANY));
    react_case.cluster.config.keep.finished.number = 0;
}

static void old_ones_leave_whatever_their_number(void **context)
{
    (void)context;
    react_case_create_many("mac", 3);
    finish(2, 3);
    react_case.cluster.config.keep.finished.age = 1;
    react_case_create("mac"); /* so that it looks */
    await_rows(2, 2 * REACT_CASE_SOON_MS);
    assert_true(has_row(1));
    finish(4, 4);
    test_cluster_pass(&react_case.cluster, 900);
    assert_int_equal(rows_left(), 2);
    await_rows(1, 2 * REACT_CASE_SOON_MS); /* by itself */
    react_case.cluster.config.keep.finished.age = 0;
}

/* A node whose drain goes on is looked after each second, which may be all that the writer takes. */
static void drains_do_not_keep_old_ones_from_leaving(void **context)
{
    (void)context;
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    struct aq_node_drain drain = {.name = "node-1", .timeout = 3600};
    test_make_node(&react_case.cluster, "node-1", 1);
    react_case_create_many("mac", 2);
    react_case_ask(&aq_command_resource_start, &start);
    finish(2, 2);
    react_case_ask(&aq_command_node_drain, &drain);
    react_case.cluster.config.log.queue = 1;
    react_case.cluster.config.keep.finished.age = 1;
    react_close(react_case.react);
    react_case_begin();
    await_rows(1, 10 * REACT_CASE_SOON_MS);
    assert_true(has_row(1));
    react_case.cluster.config.keep.finished.age = 0;
}

static void one_that_holds_its_resource_stays(void **context)
{
    (void)context;
    test_make_node(&react_case.cluster, "node-1", 2);
    for (int i = 0; i < 4; i++)
        react_case_create("mac");
    finish(1, 4); /* the first two were elected: their node has to end them */
    react_case.cluster.config.keep.finished.number = 1;
    react_case_create("mac");
    await_rows(4, REACT_CASE_SOON_MS);
    assert_false(has_row(3));
    react_case_end_resource(1, "node-1");
    await_rows(3, REACT_CASE_SOON_MS);
    assert_false(has_row(1));
    assert_true(has_row(2));
    react_case.cluster.config.keep.finished.number = 0;
}
int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, react_case_setup, react_case_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_finished_ones_leave_when_there_are_too_many),
        TEST(many_leave_in_several_parts),
        TEST(old_ones_leave_whatever_their_number),
        TEST(drains_do_not_keep_old_ones_from_leaving),
        TEST(one_that_holds_its_resource_stays),
    };
    return cmocka_run_group_tests_name("react: finished", tests, NULL, NULL);
}
