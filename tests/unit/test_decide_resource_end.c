/* The end of resources: lost ones, ends and failures that agents report, in every order in which they can arrive,
 * leases and lifetimes. */
#include "tests/lib/decide_case.h"

#include <inttypes.h>

/* ---- lost --------------------------------------------------------------------------------------------- */

static void what_is_lost_has_failed(void **context)
{
    (void)context;
    for (int running = 0; running <= 1; running++) {
        uint64_t id = (uint64_t)running + 1;
        if (running == 0)
            given_assigned_resource();
        else
            DO(resource_start, .id = 2, .node = "node-1", .identifier = "pid 7");
        WHEN(resource_lose, .id = id, .node = "node-1", .reason = "its node has lost its state");
        THEN(resource_ended, .id = id, .reason = "its node has lost its state");
        THEN(application_moved, .id = id, .status = AQ_ERRORED, .description = "lost: its node has lost its state");
        DONE();
        assert_false(has_resource(id));
        assert_int_equal(the_node("node-1").used.slots, 0);
        assert_int_equal(the_application(id).tries.count, 0);
        spec_as("alice", AQ_ROLE_USER);
        DO(application_create, .label = "mac");
        as_system();
    }
}

static void given_recalled_again(void)
{
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    DO(application_deallocate, .id = 2);
    as_system();
}

static void what_was_deallocated_and_is_lost_is_gone(void **context)
{
    (void)context;
    given_running_resource();
    DO(application_deallocate, .id = 1);
    WHEN(resource_lose, .id = 1, .node = "node-1", .reason = "lost");
    THEN(resource_ended, .id = 1, .reason = "lost");
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATED, .description = "deallocated by aquarium");
    DONE();
    given_recalled_again();
    WHEN(resource_lose, .id = 2, .node = "node-1", .reason = "lost");
    THEN(resource_ended, .id = 2, .reason = "lost");
    DONE();
    assert_int_equal(the_application(2).status, AQ_RECALLED);
}

/* As a new resource, so that the old one can never run beside it; on the same node, if that is the one. */
static void what_is_lost_is_started_again_where_the_label_says_so(void **context)
{
    (void)context;
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "server", .version = 1, .metadata = "{}",
          .definitions = ITEMS(struct aq_definition, {.driver = "test",
                                                      .options = "{}",
                                                      .resources.network = "",
                                                      .resources.slots = 1,
                                                      .resources.restart_lost = true,
                                                      .authentication.username = ""}));
    DO(application_create, .label = "server");
    as_system();
    for (uint64_t resource = 1; resource <= 5; resource++) {
        if (resource % 2 == 1)
            DO(resource_start, .id = resource, .node = "node-1", .identifier = "pid 7");
        WHEN(resource_lose, .id = resource, .node = "node-1", .reason = "its node has lost its state");
        THEN(resource_ended, .id = resource, .reason = "its node has lost its state");
        THEN(application_moved, .id = 1, .status = AQ_NEW, .description = "lost: its node has lost its state");
        THEN_ELECTED(.id = 1, .resource = resource + 1, .node = "node-1");
        DONE();
        assert_int_equal(the_node("node-1").used.slots, 1);
    }
    assert_int_equal(the_application(1).tries.count, 0); /* none of them failed */
    spec_check_index();
}

static void given_leased(bool restart_lost)
{
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "server", .version = 1, .metadata = "{}",
          .definitions = ITEMS(struct aq_definition, {.driver = "test",
                                                      .options = "{}",
                                                      .resources.network = "",
                                                      .resources.slots = 1,
                                                      .resources.restart_lost = restart_lost,
                                                      .resources.lease = 100,
                                                      .authentication.username = ""}));
    DO(application_create, .label = "server");
    as_system();
    given_node(2, "node-2", 4);
    DO(resource_start, .id = 1, .node = "node-1");
    assert_int_equal(the_resource(1).lease, 100);
    assert_int_equal(spec_rows(INDEX_LEASED), 1);
}

/* A lease of 100 s is over after 112 s, on the leader's clock and in the log's time. */
static void what_a_lost_node_ran_starts_elsewhere_when_its_lease_is_over(void **context)
{
    (void)context;
    given_leased(true);
    spec.time_ms += 1000000;
    WHEN(resource_lease, .id = 1, .lost_ms = 1000000); /* it is not lost */
    DONE();
    DO(node_lose, .name = "node-1");
    WHEN(resource_lease, .id = 1, .lost_ms = 1000000);
    DONE();
    spec.time_ms += 112000;
    WHEN(resource_lease, .id = 1, .lost_ms = 111999); /* a controller that has just started */
    DONE();
    WHEN(resource_lease, .id = 1, .lost_ms = 112000);
    THEN(resource_ended, .id = 1, .reason = "node node-1 was lost, and its lease is over");
    THEN(application_moved, .id = 1, .status = AQ_NEW,
         .description = "lost: node node-1 was lost, and its lease is over");
    THEN_ELECTED(.id = 1, .resource = 2, .node = "node-2");
    DONE();
    WHEN(resource_lease, .id = 1, .lost_ms = 112000);
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 1");
    spec_check_index();
}

static void without_restart_lost_it_is_over_then(void **context)
{
    (void)context;
    given_leased(false);
    DO(node_lose, .name = "node-1");
    spec.time_ms += 112000;
    DO(resource_lease, .id = 1, .lost_ms = 112000);
    assert_int_equal(the_application(1).status, AQ_ERRORED);
    assert_int_equal(spec_rows(INDEX_LEASED), 0);
}

static void what_has_no_lease_stays(void **context)
{
    (void)context;
    given_assigned_resource();
    DO(node_lose, .name = "node-1");
    spec.time_ms += 1000000;
    WHEN(resource_lease, .id = 1, .lost_ms = 1000000);
    DONE();
}

/* ---- end ---------------------------------------------------------------------------------------------- */

static void an_application_that_ends_with_0_is_deallocated(void **context)
{
    (void)context;
    given_running_resource();
    WHEN(resource_end, .id = 1, .node = "node-1", .exit_status = 0, .reason = "exit status 0");
    THEN(resource_ended, .id = 1, .reason = "exit status 0", .exited = true);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATED, .description = "ended: exit status 0");
    DONE();
    assert_int_equal(the_application(1).exit_status, aq_some(0));
    assert_int_equal(the_application(1).last_resource, aq_some(1));
    assert_int_equal(the_application(1).resource, 0);
}

static void an_application_that_ends_with_another_status_is_an_error(void **context)
{
    (void)context;
    given_running_resource();
    WHEN(resource_end, .id = 1, .node = "node-1", .exit_status = 2, .reason = "exit status 2");
    THEN(resource_ended, .id = 1, .exit_status = 2, .reason = "exit status 2", .exited = true);
    THEN(application_moved, .id = 1, .status = AQ_ERRORED, .description = "ended: exit status 2");
    DONE();
    assert_int_equal(the_application(1).exit_status, aq_some(2));
}

static void an_end_whose_status_is_not_known_is_an_error_without_one(void **context)
{
    (void)context;
    given_running_resource();
    WHEN(resource_end, .id = 1, .node = "node-1", .unknown = true, .reason = "its directory is gone");
    THEN(resource_ended, .id = 1, .reason = "its directory is gone");
    THEN(application_moved, .id = 1, .status = AQ_ERRORED, .description = "ended: its directory is gone");
    DONE();
    assert_int_equal(the_application(1).exit_status, 0);
}

static void an_application_that_was_stopped_is_deallocated_however_it_ends(void **context)
{
    (void)context;
    given_running_resource();
    spec_as("alice", AQ_ROLE_USER);
    DO(application_deallocate, .id = 1);
    as_system();
    WHEN(resource_end, .id = 1, .node = "node-1", .exit_status = 137, .reason = "signal 9");
    THEN(resource_ended, .id = 1, .exit_status = 137, .reason = "signal 9", .exited = true);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATED, .description = "deallocated by alice");
    DONE();
    assert_int_equal(the_application(1).exit_status, aq_some(137));
}

static void an_end_may_come_before_its_start(void **context)
{
    (void)context;
    given_assigned_resource();
    WHEN(resource_end, .id = 1, .node = "node-1", .reason = "exit status 0");
    THEN(resource_ended, .id = 1, .reason = "exit status 0", .exited = true);
    THEN(application_moved, .id = 1, .status = AQ_ALLOCATED);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATED, .description = "ended: exit status 0");
    DONE();
    WHEN(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7");
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 1");
}

static void a_bad_end_may_come_before_its_start(void **context)
{
    (void)context;
    given_assigned_resource();
    WHEN(resource_end, .id = 1, .node = "node-1", .exit_status = 1, .reason = "exit status 1");
    THEN(resource_ended, .id = 1, .exit_status = 1, .reason = "exit status 1", .exited = true);
    THEN(application_moved, .id = 1, .status = AQ_ALLOCATED);
    THEN(application_moved, .id = 1, .status = AQ_ERRORED, .description = "ended: exit status 1");
    DONE();
}

/* ---- fail --------------------------------------------------------------------------------------------- */

static void a_failed_application_is_tried_on_another_node(void **context)
{
    (void)context;
    given_assigned_resource();
    given_node(2, "node-2", 1);
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "no such image");
    THEN(resource_ended, .id = 1, .failed = true, .reason = "no such image");
    THEN(application_moved, .id = 1, .status = AQ_NEW, .description = "no such image");
    THEN(application_elected, .id = 1, .resource = 2, .node = "node-2",
         .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_TRIED, .nodes = "1"},
                         {.answer = AQ_ANSWER_FITS, .nodes = "2"}));
    DONE();
    assert_int_equal(the_application(1).tries.count, 1);
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "no such image");
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 1");
}

static void a_failed_application_is_tried_with_another_definition(void **context)
{
    (void)context;
    struct aq_definition both[] = {{.driver = "test"}, {.driver = "test", .options = "{\"b\":1}"}};
    given_user("alice");
    GIVEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {both, 2});
    given_node(1, "node-1", 4);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    as_system();
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "a");
    THEN(resource_ended, .id = 1, .failed = true, .reason = "a");
    THEN(application_moved, .id = 1, .status = AQ_NEW, .description = "a");
    THEN_ELECTED(.id = 1, .resource = 2, .node = "node-1", .definition = 1);
    DONE();
    WHEN(resource_fail, .id = 2, .node = "node-1", .reason = "b");
    THEN(resource_ended, .id = 2, .failed = true, .reason = "b");
    THEN(application_moved, .id = 1, .status = AQ_NEW, .description = "b");
    THEN(application_moved, .id = 1, .status = AQ_ERRORED,
         .description = "no other node or definition is left to try; try 1 on node-1: a; try 2 on node-1: b");
    DONE();
}

static void three_failures_are_an_error_with_every_reason(void **context)
{
    (void)context;
    given_assigned_resource();
    for (uint64_t number = 2; number <= 4; number++) {
        char name[16];
        snprintf(name, sizeof name, "node-%" PRIu64, number);
        given_node(number, name, 1);
    }
    DO(resource_fail, .id = 1, .node = "node-1", .reason = "a");
    DO(resource_fail, .id = 2, .node = "node-2", .reason = "b");
    WHEN(resource_fail, .id = 3, .node = "node-3", .reason = "c");
    THEN(resource_ended, .id = 3, .failed = true, .reason = "c");
    THEN(application_moved, .id = 1, .status = AQ_ERRORED,
         .description = "failed 3 times; try 1 on node-1: a; try 2 on node-2: b; try 3 on node-3: c");
    DONE();
    assert_int_equal(the_application(1).tries.count, 3);
    assert_int_equal(counter_open_of_user(spec.txn, number_of("alice")), 0);
}

static void with_nothing_left_to_try_it_is_an_error_at_once(void **context)
{
    (void)context;
    given_assigned_resource();
    GIVEN(node_joined, .name = "node-2", .number = 2, .drivers = ITEMS(const char *, "other"));
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "no such image");
    THEN(resource_ended, .id = 1, .failed = true, .reason = "no such image");
    THEN(application_moved, .id = 1, .status = AQ_NEW, .description = "no such image");
    THEN(application_moved, .id = 1, .status = AQ_ERRORED,
         .description = "no other node or definition is left to try; try 1 on node-1: no such image");
    DONE();
}

static void while_another_node_is_only_full_it_waits(void **context)
{
    (void)context;
    given_assigned_resource();
    given_node(2, "node-2", 1);
    spec_as("alice", AQ_ROLE_USER);
    for (int i = 0; i < 4; i++)
        DO(application_create, .label = "mac");
    as_system();
    assert_string_equal(the_application(5).node, "node-2");
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "no such image");
    THEN(resource_ended, .id = 1, .failed = true, .reason = "no such image");
    THEN(application_moved, .id = 1, .status = AQ_NEW, .description = "no such image");
    THEN_WAITING(.id = 1, .reason = "no node can take it: an earlier try failed there; not enough slots are free");
    DONE();
    assert_int_equal(the_application(1).status, AQ_NEW);
    DO(node_lose, .name = "node-2"); /* or only lost */
    WHEN(application_place, .id = 1);
    THEN_WAITING(.id = 1,
                 .reason = "no node can take it: an earlier try failed there; its agent has not been heard from");
    DONE();
    DO(node_delete, .name = "node-2");
    WHEN(application_place, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_ERRORED,
         .description = "no other node or definition is left to try; try 1 on node-1: no such image");
    DONE();
}

/* A power cut may take what the driver knew: then it says that the workload never ran. A refusal would leave the
 * resource RUNNING for ever, since the agent counts it as done. */
static void what_ran_and_has_left_no_record_is_lost(void **context)
{
    static const char words[] = "its node has no record that it started (x)";
    (void)context;
    given_running_resource();
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "x");
    THEN(resource_ended, .id = 1, .failed = false, .reason = words);
    THEN(application_moved, .id = 1, .status = AQ_ERRORED,
         .description = "lost: its node has no record that it started (x)");
    DONE();
}

/* It was running and is being deallocated, and its agent cannot restore it: it must not stay in DEALLOCATE. */
static void a_failure_during_deallocation_ends_it(void **context)
{
    (void)context;
    given_running_resource();
    spec_as("alice", AQ_ROLE_USER);
    DO(application_deallocate, .id = 1);
    as_system();
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "gone");
    THEN(resource_ended, .id = 1, .failed = false, .reason = "gone");
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATED, .description = "deallocated by alice");
    DONE();
}

/* ---- lifetime ----------------------------------------------------------------------------------------- */

static void given_a_lifetime_of_a_minute(void)
{
    struct aq_definition definition = {.driver = "test", .resources = {.lifetime = 60}};
    given_user("alice");
    given_node(1, "node-1", 1);
    GIVEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {&definition, 1});
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    as_system();
}

static void a_lifetime_starts_when_the_resource_runs_and_ends_it(void **context)
{
    (void)context;
    given_a_lifetime_of_a_minute();
    spec.time_ms += 600000;
    WHEN(resource_expire, .id = 1); /* it is not running yet */
    DONE();
    DO(resource_start, .id = 1, .node = "node-1");
    spec.time_ms += 59999;
    WHEN(resource_expire, .id = 1);
    DONE(); /* too early */
    spec.time_ms += 1;
    WHEN(resource_expire, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "its lifetime is over");
    THEN(resource_stopped, .id = 1, .reason = "its lifetime is over");
    DONE();
    spec.time_ms += 60000;
    WHEN(resource_expire, .id = 1);
    DONE(); /* only once */
}

static void without_a_lifetime_nothing_expires(void **context)
{
    (void)context;
    given_running_resource();
    spec.time_ms = UINT64_MAX;
    WHEN(resource_expire, .id = 1);
    DONE();
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(what_is_lost_has_failed),
        SPEC_TEST(what_was_deallocated_and_is_lost_is_gone),
        SPEC_TEST(what_is_lost_is_started_again_where_the_label_says_so),
        SPEC_TEST(what_a_lost_node_ran_starts_elsewhere_when_its_lease_is_over),
        SPEC_TEST(without_restart_lost_it_is_over_then),
        SPEC_TEST(what_has_no_lease_stays),
        SPEC_TEST(an_application_that_ends_with_0_is_deallocated),
        SPEC_TEST(an_application_that_ends_with_another_status_is_an_error),
        SPEC_TEST(an_end_whose_status_is_not_known_is_an_error_without_one),
        SPEC_TEST(an_application_that_was_stopped_is_deallocated_however_it_ends),
        SPEC_TEST(an_end_may_come_before_its_start),
        SPEC_TEST(a_bad_end_may_come_before_its_start),
        SPEC_TEST(a_failed_application_is_tried_on_another_node),
        SPEC_TEST(a_failed_application_is_tried_with_another_definition),
        SPEC_TEST(three_failures_are_an_error_with_every_reason),
        SPEC_TEST(with_nothing_left_to_try_it_is_an_error_at_once),
        SPEC_TEST(while_another_node_is_only_full_it_waits),
        SPEC_TEST(what_ran_and_has_left_no_record_is_lost),
        SPEC_TEST(a_failure_during_deallocation_ends_it),
        SPEC_TEST(a_lifetime_starts_when_the_resource_runs_and_ends_it),
        SPEC_TEST(without_a_lifetime_nothing_expires),
    };
    return cmocka_run_group_tests_name("decide resource end", tests, NULL, NULL);
}
