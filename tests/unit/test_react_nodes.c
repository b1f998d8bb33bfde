/* Drains of nodes go on by themselves, and leases on lost nodes end. Time is virtual. */
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "tests/lib/react_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- drains --------------------------------------------------------------------------------------------- */

static struct aq_node node_row(struct aq_arena *arena)
{
    struct aq_node node = {0};
    struct aq_error error = {0};
    struct state_txn *txn;
    test_must(state_read(react_case.cluster.state, &txn, &error), &error);
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
        test_cluster_pass(&react_case.cluster, 1);
    assert_int_equal(drain_status(), status);
}

static void a_drain_goes_on_by_itself(void **context)
{
    (void)context;
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    struct aq_node_drain drain = {.name = "node-1", .timeout = 5};
    react_case_label("batch", (struct aq_needs){.drain = AQ_DRAIN_GIVES_BACK});
    test_make_node(&react_case.cluster, "node-1", 2);
    uint64_t batch = react_case_create("batch");
    react_case_ask(&aq_command_resource_start, &start);
    start.id = 2;
    uint64_t mac = react_case_create("mac");
    react_case_ask(&aq_command_resource_start, &start);
    react_case_ask(&aq_command_node_drain, &drain);
    react_case_await(batch, AQ_DEALLOCATE, REACT_CASE_SOON_MS);
    react_case_end_resource(1, "node-1");
    await_drain(AQ_DRAIN_LATE, 5000 + REACT_CASE_SOON_MS);
    assert_int_equal(react_case_status(mac), AQ_ALLOCATED);
    react_case_end_resource(2, "node-1");
    await_drain(AQ_DRAINED, REACT_CASE_SOON_MS);
    const unsigned before = react_case.turns;
    test_cluster_pass(&react_case.cluster, 5000);
    assert_true(react_case.turns - before < 10); /* and then there is nothing to do */
}

/* ---- leases --------------------------------------------------------------------------------------------- */

static void start_leased(uint64_t *id)
{
    struct aq_resource_start start = {.id = 1, .node = "node-1", .identifier = "", .ip_addr = "", .hw_addr = ""};
    struct aq_node_lose lose = {.name = "node-1"};
    react_case_label("leased", (struct aq_needs){.lease = 10, .restart_lost = true});
    test_make_node(&react_case.cluster, "node-1", 1);
    *id = react_case_create("leased");
    react_case_ask(&aq_command_resource_start, &start);
    test_make_node(&react_case.cluster, "node-2", 1);
    react_case_ask(&aq_command_node_lose, &lose);
}

/* 10 s, a tenth of it, and 2 s more. */
static void a_lease_is_over_when_it_surely_is(void **context)
{
    (void)context;
    uint64_t id;
    start_leased(&id);
    test_cluster_pass(&react_case.cluster, 12900);
    assert_int_equal(react_case_status(id), AQ_ALLOCATED);
    react_case_await(id, AQ_ELECTED, 100 + REACT_CASE_SOON_MS);
}

/* A leader that has just started has not seen how long the node has been lost. */
static void a_new_leader_counts_anew(void **context)
{
    (void)context;
    uint64_t id;
    start_leased(&id);
    test_cluster_pass(&react_case.cluster, 12000);
    while (!react_is_idle(react_case.react))
        test_cluster_pass(&react_case.cluster, 1);
    react_close(react_case.react);
    react_case_begin();
    test_cluster_pass(&react_case.cluster, 12900);
    assert_int_equal(react_case_status(id), AQ_ALLOCATED);
    react_case_await(id, AQ_ELECTED, 100 + REACT_CASE_SOON_MS);
}
int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, react_case_setup, react_case_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_drain_goes_on_by_itself),
        TEST(a_lease_is_over_when_it_surely_is),
        TEST(a_new_leader_counts_anew),
    };
    return cmocka_run_group_tests_name("react: nodes", tests, NULL, NULL);
}
