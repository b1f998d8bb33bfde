/* Tasks: snapshots and images of workloads. When they begin, how they end, and that a workload is ended after them. */
#include "schema/model/task.h"
#include "tests/lib/decide_case.h"

enum { T = SPEC_START_MS };

static const char nothing[] = "{}";

static struct aq_task the_task(uint64_t id)
{
    struct aq_task task;
    assert_true(state_task(spec.txn, id, &task, &spec.arena));
    return task;
}

/* node-1 says that its driver makes snapshots and images. */
static void given_maker(void)
{
    GIVEN(node_changed, .name = "node-1", .instance = the_node("node-1").instance,
          .drivers = ITEMS(const char *, "test"), .identifiers = ITEMS(const char *, "os:linux", "tasks:test"),
          .capacity = {.cpu = 4000, .slots = 4});
}

/* Application 1 has resource 1 on node-1, which runs. The next commands are alice's. */
static void given_running(void)
{
    given_running_resource();
    given_maker();
    spec_as("alice", AQ_ROLE_USER);
}

static void a_task_begins_at_once_on_a_workload_that_runs(void **context)
{
    (void)context;
    given_running();
    WHEN(task_create, .application = 1, .kind = AQ_TASK_IMAGE, .name = "golden");
    THEN(task_created, .id = 1, .application = 1, .kind = AQ_TASK_IMAGE, .name = "golden", .timeout = 3600);
    THEN(task_begun, .id = 1, .resource = 1, .node = "node-1");
    DONE();
    assert_string_equal(spec.decide.id, "1");
    struct aq_task task = the_task(1);
    assert_int_equal(task.status, AQ_TASK_RUNNING);
    assert_string_equal(task.user, "alice");
    assert_string_equal(task.created_by, "alice");
    assert_string_equal(task.node, "node-1");
    assert_int_equal(task.resource, 1);
    assert_int_equal(task.begun_at, T);
    assert_int_equal(task.expires_at, T + 3600000);
    assert_int_equal(spec_rows(INDEX_TASK_EXPIRY), 1);
    as_system();
    WHEN(task_end, .id = 1, .node = "node-1", .result = "{\"image\":\"golden.qcow2\"}");
    THEN(task_ended, .id = 1, .status = AQ_TASK_DONE, .result = "{\"image\":\"golden.qcow2\"}");
    DONE();
    task = the_task(1);
    assert_int_equal(task.status, AQ_TASK_DONE);
    assert_string_equal(task.result, "{\"image\":\"golden.qcow2\"}");
    assert_int_equal(task.ended_at, T);
    assert_int_equal(spec_rows(INDEX_TASK_EXPIRY) + spec_rows(INDEX_TASK_OPEN), 0);
    WHEN(task_end, .id = 1, .node = "node-1", .failed = true, .reason = "late"); /* the report comes again */
    DONE();
}

static void its_resource_names_it_too_and_a_name_is_found(void **context)
{
    (void)context;
    given_running();
    WHEN(task_create, .resource = 1, .kind = AQ_TASK_SNAPSHOT, .timeout = 60);
    THEN(task_created, .id = 1, .application = 1, .kind = AQ_TASK_SNAPSHOT, .name = "task-1", .timeout = 60);
    THEN(task_begun, .id = 1, .resource = 1, .node = "node-1");
    DONE();
    WHEN(task_create, .kind = AQ_TASK_SNAPSHOT);
    REFUSED(AQ_E_INVALID, "application is missing: give one of application and resource");
    WHEN(task_create, .application = 1, .resource = 1);
    REFUSED(AQ_E_INVALID, "application and resource are both given: give one of application and resource");
    WHEN(task_create, .application = 7);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 7");
    WHEN(task_create, .resource = 7);
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 7");
}

static void what_cannot_be_made_is_refused(void **context)
{
    (void)context;
    given_running_resource();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(task_create, .application = 1, .name = "x");
    REFUSED(AQ_E_STATE, "driver test on node node-1 makes no snapshots and images");
    given_maker();
    DO(task_create, .application = 1, .name = "x");
    WHEN(task_create, .application = 1, .name = "x");
    REFUSED(AQ_E_EXISTS, "name is \"x\", but task 1 makes a snapshot of this name already");
    DO(task_create, .application = 1, .name = "x", .kind = AQ_TASK_IMAGE); /* another name space */
    for (unsigned i = 2; i < AQ_TASKS_OPEN_MAX; i++)
        DO(task_create, .application = 1);
    WHEN(task_create, .application = 1);
    REFUSED(AQ_E_LIMIT,
            "application 1 has 16 tasks that are not over, which is the limit: wait for them, or cancel some");
    as_system();
    DO(resource_end, .id = 1, .node = "node-1");
    spec_as("alice", AQ_ROLE_USER);
    WHEN(task_create, .application = 1);
    REFUSED(AQ_E_STATE, "application 1 is DEALLOCATED: a task needs a workload that runs");
}

static void others_do_not_see_an_application(void **context)
{
    (void)context;
    given_running();
    given_user("bob");
    DO(task_create, .application = 1);
    spec_as("bob", AQ_ROLE_USER);
    WHEN(task_create, .application = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 1");
    WHEN(task_create, .resource = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no resource 1");
    WHEN(task_cancel, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no task 1");
    spec_as("root", AQ_ROLE_ADMIN);
    WHEN(task_cancel, .id = 1);
    THEN(task_ended, .id = 1, .status = AQ_TASK_CANCELLED, .reason = "cancelled by root", .result = nothing);
    DONE();
    assert_string_equal(the_task(1).user, "alice");
    WHEN(task_cancel, .id = 1);
    DONE();
}

static void a_task_waits_for_the_start(void **context)
{
    (void)context;
    given_assigned_resource();
    given_maker();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(task_create, .application = 1);
    THEN(task_created, .id = 1, .application = 1, .name = "task-1", .timeout = 3600);
    DONE();
    assert_int_equal(the_task(1).status, AQ_TASK_NEW);
    DO(task_create, .application = 1, .when = AQ_TASK_AT_DEALLOCATE);
    as_system();
    WHEN(resource_start, .id = 1, .node = "node-1");
    THEN(resource_started, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_ALLOCATED);
    THEN(task_begun, .id = 1, .resource = 1, .node = "node-1");
    DONE();
    assert_int_equal(the_task(2).status, AQ_TASK_NEW);
}

static void a_workload_is_ended_after_its_tasks(void **context)
{
    (void)context;
    given_running();
    DO(task_create, .application = 1, .name = "now");
    DO(task_create, .application = 1, .name = "last", .kind = AQ_TASK_IMAGE, .when = AQ_TASK_AT_DEALLOCATE);
    WHEN(application_deallocate, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "deallocated by alice");
    THEN(task_begun, .id = 2, .resource = 1, .node = "node-1");
    DONE();
    WHEN(application_deallocate, .id = 1);
    DONE();
    WHEN(task_create, .application = 1);
    REFUSED(AQ_E_STATE, "application 1 is DEALLOCATE: a task needs a workload that runs");
    as_system();
    WHEN(task_end, .id = 1, .node = "node-1", .result = nothing);
    THEN(task_ended, .id = 1, .status = AQ_TASK_DONE, .result = nothing);
    DONE();
    assert_int_equal(the_resource(1).status, AQ_RESOURCE_RUNNING);
    WHEN(task_end, .id = 2, .node = "node-1", .failed = true, .reason = "no room", .result = nothing);
    THEN(task_ended, .id = 2, .status = AQ_TASK_FAILED, .reason = "no room", .result = nothing);
    THEN(resource_stopped, .id = 1, .reason = "deallocated by alice");
    DONE();
    WHEN(resource_end, .id = 1, .node = "node-1", .reason = "exit status 0");
    THEN(resource_ended, .id = 1, .reason = "exit status 0", .exited = true);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATED, .description = "deallocated by alice");
    DONE();
}

static void a_deallocation_goes_on_when_a_task_is_cancelled_or_too_slow(void **context)
{
    (void)context;
    given_running();
    DO(task_create, .application = 1, .when = AQ_TASK_AT_DEALLOCATE, .timeout = 10);
    DO(task_create, .application = 1, .when = AQ_TASK_AT_DEALLOCATE);
    DO(application_deallocate, .id = 1);
    as_system();
    spec.time_ms += 9999;
    WHEN(task_expire, .id = 1);
    DONE();
    spec.time_ms++;
    WHEN(task_expire, .id = 1);
    THEN(task_ended, .id = 1, .status = AQ_TASK_FAILED, .reason = "it was not made within 10 s, its timeout",
         .result = nothing);
    DONE();
    WHEN(task_expire, .id = 1);
    DONE();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(task_cancel, .id = 2);
    THEN(task_ended, .id = 2, .status = AQ_TASK_CANCELLED, .reason = "cancelled by alice", .result = nothing);
    THEN(resource_stopped, .id = 1, .reason = "deallocated by alice");
    DONE();
}

static void a_lifetime_that_is_over_waits_for_tasks_once(void **context)
{
    (void)context;
    given_running();
    DO(application_extend, .id = 1, .lifetime = 5);
    DO(task_create, .application = 1);
    as_system();
    spec.time_ms += 5000;
    WHEN(resource_expire, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "its lifetime is over");
    DONE();
    assert_int_equal(spec_rows(INDEX_EXPIRY), 0); /* or it would be asked for again and again */
    assert_int_equal(the_application(1).expires_at, 0);
    WHEN(task_end, .id = 1, .node = "node-1", .result = nothing);
    THEN(task_ended, .id = 1, .status = AQ_TASK_DONE, .result = nothing);
    THEN(resource_stopped, .id = 1, .reason = "its lifetime is over");
    DONE();
}

static void tasks_end_with_the_workload(void **context)
{
    (void)context;
    given_running();
    DO(task_create, .application = 1);
    DO(task_create, .application = 1, .when = AQ_TASK_AT_DEALLOCATE);
    as_system();
    WHEN(resource_end, .id = 1, .node = "node-1", .exit_status = 3, .reason = "exit status 3");
    THEN(resource_ended, .id = 1, .reason = "exit status 3", .exit_status = 3, .exited = true);
    THEN(application_moved, .id = 1, .status = AQ_ERRORED, .description = "ended: exit status 3");
    THEN(task_ended, .id = 1, .status = AQ_TASK_FAILED, .reason = "its workload is gone: exit status 3",
         .result = nothing);
    THEN(task_ended, .id = 2, .status = AQ_TASK_FAILED, .reason = "its application is over: ended: exit status 3",
         .result = nothing);
    DONE();
    assert_int_equal(spec_rows(INDEX_TASK_OPEN), 0);
}

static void a_forced_drain_does_not_wait(void **context)
{
    (void)context;
    given_running();
    DO(task_create, .application = 1);
    as_system();
    DO(node_drain, .name = "node-1", .force = true);
    WHEN(node_tend, .name = "node-1");
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "node node-1 drains");
    THEN(task_ended, .id = 1, .status = AQ_TASK_CANCELLED, .reason = "node node-1 drains", .result = nothing);
    THEN(resource_stopped, .id = 1, .reason = "node node-1 drains");
    DONE();
    WHEN(node_tend, .name = "node-1");
    THEN(node_drain_set, .name = "node-1", .status = AQ_DRAIN_LATE, .until = T, .force = true,
         .reason = "application 1: still there");
    DONE();
}

static void a_forced_drain_ends_a_wait(void **context)
{
    (void)context;
    given_running();
    DO(task_create, .application = 1);
    DO(application_deallocate, .id = 1);
    as_system();
    DO(node_drain, .name = "node-1", .force = true);
    WHEN(node_tend, .name = "node-1");
    THEN(task_ended, .id = 1, .status = AQ_TASK_CANCELLED, .reason = "node node-1 drains", .result = nothing);
    THEN(resource_stopped, .id = 1, .reason = "node node-1 drains");
    DONE();
}

static void a_recall_ends_what_waits(void **context)
{
    (void)context;
    given_assigned_resource();
    given_maker();
    spec_as("alice", AQ_ROLE_USER);
    DO(task_create, .application = 1);
    WHEN(application_deallocate, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_RECALLED, .description = "deallocated by alice");
    THEN(resource_stopped, .id = 1, .reason = "deallocated by alice");
    THEN(task_ended, .id = 1, .status = AQ_TASK_FAILED, .reason = "its application is over: deallocated by alice",
         .result = nothing);
    DONE();
}

static void only_its_node_ends_a_task(void **context)
{
    (void)context;
    given_running();
    DO(task_create, .application = 1);
    as_system();
    WHEN(task_end, .id = 1, .node = "node-2");
    REFUSED(AQ_E_FORBIDDEN, "task 1 is not one of node node-2");
    WHEN(task_end, .id = 2, .node = "node-1");
    REFUSED(AQ_E_NOT_FOUND, "there is no task 2");
}

static void tasks_leave_with_their_application(void **context)
{
    (void)context;
    given_running();
    DO(task_create, .application = 1);
    DO(task_create, .application = 1, .when = AQ_TASK_AT_DEALLOCATE);
    as_system();
    DO(resource_end, .id = 1, .node = "node-1");
    DO(application_remove, .id = 1, .applications = "1");
    struct aq_task task;
    assert_false(state_task(spec.txn, 1, &task, &spec.arena));
    assert_int_equal(spec_rows(INDEX_TASK_APPLICATION) + spec_rows(INDEX_TASK_USER) + spec_rows(INDEX_TASK_PROJECT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_task_begins_at_once_on_a_workload_that_runs),
        SPEC_TEST(its_resource_names_it_too_and_a_name_is_found),
        SPEC_TEST(what_cannot_be_made_is_refused),
        SPEC_TEST(others_do_not_see_an_application),
        SPEC_TEST(a_task_waits_for_the_start),
        SPEC_TEST(a_workload_is_ended_after_its_tasks),
        SPEC_TEST(a_deallocation_goes_on_when_a_task_is_cancelled_or_too_slow),
        SPEC_TEST(a_lifetime_that_is_over_waits_for_tasks_once),
        SPEC_TEST(tasks_end_with_the_workload),
        SPEC_TEST(a_forced_drain_does_not_wait),
        SPEC_TEST(a_forced_drain_ends_a_wait),
        SPEC_TEST(a_recall_ends_what_waits),
        SPEC_TEST(only_its_node_ends_a_task),
        SPEC_TEST(tasks_leave_with_their_application),
    };
    return cmocka_run_group_tests_name("decide task", tests, NULL, NULL);
}
