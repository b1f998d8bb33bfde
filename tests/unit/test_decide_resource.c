/* Resources: reports of agents about their start, restarts and health, and commands in workloads. */
#include "tests/lib/decide_case.h"

#include <inttypes.h>

/* ---- start -------------------------------------------------------------------------------------------- */

static void a_start_allocates_its_application(void **context)
{
    (void)context;
    given_assigned_resource();
    WHEN(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7", .ip_addr = "10.1.0.1", .hw_addr = "aa:bb");
    THEN(resource_started, .id = 1, .identifier = "pid 7", .ip_addr = "10.1.0.1", .hw_addr = "aa:bb");
    THEN(application_moved, .id = 1, .status = AQ_ALLOCATED);
    DONE();
    assert_string_equal(spec.decide.id, "1");
}

static void a_repeated_start_changes_nothing(void **context)
{
    (void)context;
    given_running_resource();
    WHEN(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7", .ip_addr = "10.1.0.1");
    DONE();
}

static void a_repeated_start_with_new_details_is_noted(void **context)
{
    (void)context;
    given_running_resource();
    WHEN(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7", .ip_addr = "10.1.0.2");
    THEN(resource_started, .id = 1, .identifier = "pid 7", .ip_addr = "10.1.0.2");
    DONE();
    assert_int_equal(the_application(1).status, AQ_ALLOCATED);
}

static void a_start_without_any_detail_counts(void **context)
{
    (void)context;
    given_assigned_resource();
    WHEN(resource_start, .id = 1, .node = "node-1");
    THEN(resource_started, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_ALLOCATED);
    DONE();
}

static void reports_about_missing_resources_or_those_of_other_nodes_are_refused(void **context)
{
    (void)context;
    given_assigned_resource();
    WHEN(resource_start, .id = 2, .node = "node-1");
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 2");
    WHEN(resource_fail, .id = 2, .node = "node-1");
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 2");
    WHEN(resource_end, .id = 2, .node = "node-1");
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 2");
    WHEN(resource_lose, .id = 2, .node = "node-1");
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 2");
    WHEN(resource_expire, .id = 2);
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 2");
    WHEN(resource_start, .id = 1, .node = "node-2");
    REFUSED(AQ_E_FORBIDDEN, "resource 1 is on node node-1, not on node-2");
    WHEN(resource_fail, .id = 1, .node = "node-2");
    REFUSED(AQ_E_FORBIDDEN, "resource 1 is on node node-1, not on node-2");
    WHEN(resource_end, .id = 1, .node = "node-2");
    REFUSED(AQ_E_FORBIDDEN, "resource 1 is on node node-1, not on node-2");
    WHEN(resource_lose, .id = 1, .node = "node-2");
    REFUSED(AQ_E_FORBIDDEN, "resource 1 is on node node-1, not on node-2");
}

/* ---- commands ------------------------------------------------------------------------------------------ */

#define COPY_OUT ITEMS(const char *, "tar", "-cf", "-", "-C", "/work", "--", "report.xml")

static void commands_need_a_workload_that_runs(void **context)
{
    (void)context;
    given_assigned_resource();
    spec_as("alice", "user");
    WHEN(resource_exec, .id = 1, .session = 5, .arguments = COPY_OUT);
    REFUSED(AQ_E_STATE, "resource 1 is ASSIGNED: a command needs a workload that runs");
    as_system();
    DO(resource_start, .id = 1, .node = "node-1");
    spec_as("alice", "user");
    WHEN(resource_exec, .id = 1, .session = 5, .arguments = ITEMS(const char *, "ls"));
    THEN(resource_exec_started, .id = 1, .application = 1, .session = 5, .arguments = ITEMS(const char *, "ls"));
    DONE();
}

static void what_was_left_can_be_copied_out_after_the_end(void **context)
{
    (void)context;
    given_running_resource();
    DO(resource_end, .id = 1, .node = "node-1");
    spec_as("alice", "user");
    WHEN(resource_exec, .id = 1, .session = 5, .arguments = COPY_OUT);
    THEN(resource_exec_started, .id = 1, .application = 1, .session = 5, .arguments = COPY_OUT);
    DONE();
    WHEN(resource_exec, .id = 1, .session = 6, .arguments = ITEMS(const char *, "sh"));
    REFUSED(AQ_E_STATE, "resource 1 has ended: a command needs a workload that runs, and only what it has left can be "
                        "copied out (aq cp)");
    WHEN(resource_exec, .id = 2, .session = 6, .arguments = COPY_OUT);
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 2");
    spec_as("bob", "user");
    WHEN(resource_exec, .id = 1, .session = 7, .arguments = COPY_OUT);
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 1");
}

/* ---- restarts and health ------------------------------------------------------------------------------ */

static void restarts_are_counted_whatever_comes_twice(void **context)
{
    (void)context;
    given_assigned_resource();
    DO(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7");
    WHEN(resource_restart, .id = 1, .node = "node-1", .restarts = 2, .reason = "exit status 1");
    THEN(resource_restarted, .id = 1, .restarts = 2, .reason = "exit status 1");
    DONE();
    WHEN(resource_restart, .id = 1, .node = "node-1", .restarts = 2, .reason = "exit status 1");
    DONE();
    WHEN(resource_restart, .id = 1, .node = "node-1", .restarts = 1, .reason = "late");
    DONE();
    assert_int_equal(the_resource(1).restarts, 2);
    assert_string_equal(the_resource(1).restarted, "exit status 1");
    assert_int_equal(the_resource(1).status, AQ_RESOURCE_RUNNING);
    assert_int_equal(the_application(1).status, AQ_ALLOCATED);
    const uint64_t started_at = the_resource(1).started_at;
    spec.time_ms += 5000;
    WHEN(resource_start, .id = 1, .node = "node-1", .identifier = "pid 8"); /* its next run */
    THEN(resource_started, .id = 1, .identifier = "pid 8");
    DONE();
    assert_int_equal(the_resource(1).started_at, started_at);
    WHEN(resource_restart, .id = 1, .node = "node-2", .restarts = 3);
    REFUSED(AQ_E_FORBIDDEN, "resource 1 is on node node-1, not on node-2");
    WHEN(resource_restart, .id = 9, .node = "node-1", .restarts = 3);
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 9");
}

static void health_is_what_was_told_last_until_a_restart(void **context)
{
    (void)context;
    given_assigned_resource();
    DO(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7");
    WHEN(resource_check, .id = 1, .node = "node-1", .health = AQ_UNHEALTHY, .reason = "exit status 1: no");
    THEN(resource_checked, .id = 1, .health = AQ_UNHEALTHY, .reason = "exit status 1: no");
    DONE();
    WHEN(resource_check, .id = 1, .node = "node-1", .health = AQ_UNHEALTHY, .reason = "again");
    DONE();
    assert_int_equal(the_resource(1).health, AQ_UNHEALTHY);
    assert_string_equal(the_resource(1).checked, "exit status 1: no");
    DO(resource_restart, .id = 1, .node = "node-1", .restarts = 1, .reason = "unhealthy");
    assert_int_equal(the_resource(1).health, AQ_HEALTH_NONE);
    assert_string_equal(the_resource(1).checked, "");
    WHEN(resource_check, .id = 1, .node = "node-2", .health = AQ_HEALTHY);
    REFUSED(AQ_E_FORBIDDEN, "resource 1 is on node node-1, not on node-2");
}

/* ---- recalled while it was being started -------------------------------------------------------------- */

static void given_recalled(void)
{
    given_assigned_resource();
    DO(application_deallocate, .id = 1);
    assert_int_equal(the_application(1).status, AQ_RECALLED);
}

static void a_start_after_a_recall_is_noted_and_moves_nothing(void **context)
{
    (void)context;
    given_recalled();
    WHEN(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7");
    THEN(resource_started, .id = 1, .identifier = "pid 7");
    DONE();
    assert_int_equal(the_resource(1).status, AQ_RESOURCE_STOPPING);
    WHEN(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7");
    DONE();
    WHEN(resource_end, .id = 1, .node = "node-1", .exit_status = 143, .reason = "signal 15");
    THEN(resource_ended, .id = 1, .exit_status = 143, .reason = "signal 15", .exited = true);
    DONE();
    assert_int_equal(the_application(1).status, AQ_RECALLED);
}

static void a_failure_after_a_recall_does_not_count_as_a_try(void **context)
{
    (void)context;
    given_recalled();
    WHEN(resource_fail, .id = 1, .node = "node-1", .reason = "stopped");
    THEN(resource_ended, .id = 1, .failed = false, .reason = "stopped");
    DONE();
    assert_int_equal(the_application(1).status, AQ_RECALLED);
    assert_int_equal(the_application(1).tries.count, 0);
    assert_false(has_resource(1));
}

static void an_end_after_a_recall_frees_the_node(void **context)
{
    (void)context;
    given_recalled();
    WHEN(resource_end, .id = 1, .node = "node-1", .reason = "never started");
    THEN(resource_ended, .id = 1, .reason = "never started", .exited = true);
    DONE();
    assert_int_equal(the_node("node-1").used.slots, 0);
    WHEN(resource_end, .id = 1, .node = "node-1", .reason = "never started");
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 1"); /* a repeat: the agent counts it as done */
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(restarts_are_counted_whatever_comes_twice),
        SPEC_TEST(health_is_what_was_told_last_until_a_restart),
        SPEC_TEST(a_start_allocates_its_application),
        SPEC_TEST(a_repeated_start_changes_nothing),
        SPEC_TEST(a_repeated_start_with_new_details_is_noted),
        SPEC_TEST(a_start_without_any_detail_counts),
        SPEC_TEST(reports_about_missing_resources_or_those_of_other_nodes_are_refused),
        SPEC_TEST(commands_need_a_workload_that_runs),
        SPEC_TEST(what_was_left_can_be_copied_out_after_the_end),
        SPEC_TEST(a_start_after_a_recall_is_noted_and_moves_nothing),
        SPEC_TEST(a_failure_after_a_recall_does_not_count_as_a_try),
        SPEC_TEST(an_end_after_a_recall_frees_the_node),
    };
    return cmocka_run_group_tests_name("decide resource", tests, NULL, NULL);
}
