/* Maintenance with all that belongs to it: drains that give back or wait, that are late, that are forced; shutdowns
 * that are planned, called off, answered by the agent. */
#include "tests/lib/decide_case.h"

enum { T = SPEC_START_MS, HOUR_MS = 3600000 };

/* The user alice, node-1, and two labels: 1 waits, 2 gives back. */
static void given_labels(void)
{
    struct aq_definition definition = {.driver = "test",
                                       .resources = {.cpu = 1000, .slots = 1, .drain = AQ_DRAIN_GIVES_BACK}};
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "batch", .version = 1, .definitions = {&definition, 1});
}

static void given_running(const char *label, uint64_t id)
{
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = label);
    as_system();
    DO(resource_start, .id = id, .node = "node-1");
}

static void an_empty_node_is_drained_at_once(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_drain, .name = "node-1", .timeout = 3600);
    THEN(node_maintenance_set, .name = "node-1", .maintenance = true);
    THEN(node_drain_set, .name = "node-1", .status = AQ_DRAINING, .until = T + HOUR_MS);
    DONE();
    assert_string_equal(spec.decide.id, "node-1");
    assert_int_equal(spec_rows(INDEX_TENDED), 1);
    WHEN(node_tend, .name = "node-1");
    THEN(node_drain_set, .name = "node-1", .status = AQ_DRAINED, .until = T + HOUR_MS);
    DONE();
    assert_int_equal(spec_rows(INDEX_TENDED), 0);
    WHEN(node_tend, .name = "node-1");
    DONE();
    WHEN(node_drain, .name = "node-2");
    REFUSED(AQ_E_NOT_FOUND, "there is no node node-2");
    WHEN(node_tend, .name = "node-2");
    REFUSED(AQ_E_NOT_FOUND, "there is no node node-2");
}

static void a_drain_does_what_labels_say(void **context)
{
    (void)context;
    given_labels();
    given_running("mac", 1);
    given_running("batch", 2);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "batch"); /* 3 does not run yet */
    as_system();
    DO(node_drain, .name = "node-1");
    WHEN(node_tend, .name = "node-1");
    THEN(application_moved, .id = 2, .status = AQ_DEALLOCATE, .description = "node node-1 drains");
    THEN(resource_stopped, .id = 2, .reason = "node node-1 drains");
    DONE();
    WHEN(node_tend, .name = "node-1"); /* once */
    DONE();
    DO(resource_start, .id = 3, .node = "node-1");
    WHEN(node_tend, .name = "node-1");
    THEN(application_moved, .id = 3, .status = AQ_DEALLOCATE, .description = "node node-1 drains");
    THEN(resource_stopped, .id = 3, .reason = "node node-1 drains");
    DONE();
    DO(resource_end, .id = 2, .node = "node-1");
    DO(resource_end, .id = 3, .node = "node-1");
    spec.time_ms += 1000 * (uint64_t)HOUR_MS; /* it has all time */
    WHEN(node_tend, .name = "node-1");
    DONE();
    DO(resource_end, .id = 1, .node = "node-1");
    WHEN(node_tend, .name = "node-1");
    THEN(node_drain_set, .name = "node-1", .status = AQ_DRAINED);
    DONE();
}

static void a_drain_that_is_late_says_what_holds_it(void **context)
{
    (void)context;
    given_labels();
    given_running("mac", 1);
    given_running("mac", 2);
    DO(node_drain, .name = "node-1", .timeout = 10);
    spec.time_ms += 9999;
    WHEN(node_tend, .name = "node-1");
    DONE();
    spec.time_ms++;
    WHEN(node_tend, .name = "node-1");
    THEN(node_drain_set, .name = "node-1", .status = AQ_DRAIN_LATE, .until = T + 10000,
         .reason = "applications 1, 2: still there");
    DONE();
    assert_string_equal(the_node("node-1").drain_reason, "applications 1, 2: still there");
    assert_int_equal(the_application(1).status, AQ_ALLOCATED); /* its label waits */
    WHEN(node_tend, .name = "node-1");
    DONE();
    DO(resource_end, .id = 1, .node = "node-1");
    DO(resource_end, .id = 2, .node = "node-1");
    WHEN(node_tend, .name = "node-1");
    THEN(node_drain_set, .name = "node-1", .status = AQ_DRAINED, .until = T + 10000);
    DONE();
}

static void many_holders_are_counted(void **context)
{
    (void)context;
    given_labels();
    GIVEN(node_changed, .name = "node-1", .instance = the_node("node-1").instance,
          .drivers = ITEMS(const char *, "test"), .capacity = {.cpu = 99000, .slots = 99});
    for (uint64_t id = 1; id <= 13; id++)
        given_running("mac", id);
    DO(node_drain, .name = "node-1", .timeout = 1);
    spec.time_ms += 1000;
    DO(node_tend, .name = "node-1");
    assert_string_equal(the_node("node-1").drain_reason,
                        "applications 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more: still there");
}

static void force_gives_back_whatever_labels_say(void **context)
{
    (void)context;
    given_labels();
    given_running("mac", 1);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    as_system();
    DO(node_drain, .name = "node-1", .timeout = 10, .force = true);
    WHEN(node_tend, .name = "node-1"); /* not yet */
    DONE();
    spec.time_ms += 10000;
    WHEN(node_tend, .name = "node-1");
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "node node-1 drains");
    THEN(resource_stopped, .id = 1, .reason = "node node-1 drains");
    THEN(application_moved, .id = 2, .status = AQ_RECALLED, .description = "node node-1 drains");
    THEN(resource_stopped, .id = 2, .reason = "node node-1 drains");
    DONE();
    WHEN(node_drain, .name = "node-1", .force = true); /* at once */
    THEN(node_drain_set, .name = "node-1", .status = AQ_DRAINING, .until = T + 10000, .force = true);
    DONE();
}

static void a_drain_is_called_off(void **context)
{
    (void)context;
    given_labels();
    given_running("batch", 1);
    DO(node_drain, .name = "node-1", .timeout = 10, .force = true);
    WHEN(node_drain, .name = "node-1", .cancel = true, .timeout = 1);
    REFUSED(AQ_E_INVALID, "cancel calls the drain off: give neither timeout nor force");
    WHEN(node_drain, .name = "node-1", .cancel = true);
    THEN(node_drain_set, .name = "node-1");
    THEN(node_maintenance_set, .name = "node-1");
    DONE();
    spec.time_ms += 60000;
    WHEN(node_tend, .name = "node-1");
    DONE();
    assert_int_equal(the_application(1).status, AQ_ALLOCATED);
    WHEN(node_drain, .name = "node-1", .cancel = true);
    DONE();
}

/* ---- shutdown ------------------------------------------------------------------------------------------- */

static void a_host_is_shut_down(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 600);
    THEN(node_maintenance_set, .name = "node-1", .maintenance = true);
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_PLANNED, .at = T + 600000, .order = T);
    DONE();
    spec.time_ms += 599999;
    WHEN(node_tend, .name = "node-1");
    DONE();
    spec.time_ms++;
    WHEN(node_tend, .name = "node-1");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_TOLD, .at = T + 600000, .order = T);
    DONE();
    WHEN(node_shutdown_answer, .name = "node-1", .order = T + 1, .refused = "");
    REFUSED(AQ_E_STATE, "node node-1 is not to be shut down: that was called off");
    WHEN(node_shutdown_answer, .name = "node-1", .order = T, .refused = "");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_GOING, .at = T + 600000, .order = T);
    DONE();
    WHEN(node_shutdown_answer, .name = "node-1", .order = T, .refused = ""); /* again */
    DONE();
    DO(node_lose, .name = "node-1");
    spec.time_ms += 1000 * (uint64_t)HOUR_MS;
    WHEN(node_tend, .name = "node-1"); /* it is off, as it should be */
    DONE();
    DO(node_join, .name = "node-1", .instance = 7, .address = "", .agent_version = "");
    assert_int_equal(the_node("node-1").shutdown_status, AQ_SHUTDOWN_NONE); /* it is back, */
    assert_true(the_node("node-1").maintenance);                            /* and takes work when somebody says so */
}

static void nothing_is_shut_down_under_work(void **context)
{
    (void)context;
    given_labels();
    given_running("batch", 1);
    DO(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 1);
    spec.time_ms += 1000;
    WHEN(node_tend, .name = "node-1");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_PLANNED, .at = T + 1000, .order = T,
         .reason = "waits for the end of application 1");
    DONE();
    WHEN(node_tend, .name = "node-1");
    DONE();
    DO(resource_end, .id = 1, .node = "node-1");
    DO(node_lose, .name = "node-1");
    WHEN(node_tend, .name = "node-1"); /* nor is one that is lost */
    DONE();
    DO(node_join, .name = "node-1", .instance = 7, .address = "", .agent_version = "");
    WHEN(node_tend, .name = "node-1");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_TOLD, .at = T + 1000, .order = T);
    DONE();
}

/* Until the agent has answered, and not a minute after. */
static void a_shutdown_is_called_off(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    DO(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 1);
    spec.time_ms += 1000;
    DO(node_tend, .name = "node-1");
    WHEN(node_maintenance, .name = "node-1", .cancel = true);
    THEN(node_shutdown_set, .name = "node-1", .order = T);
    THEN(node_maintenance_set, .name = "node-1");
    DONE();
    WHEN(node_shutdown_answer, .name = "node-1", .order = T, .refused = "");
    REFUSED(AQ_E_STATE, "node node-1 is not to be shut down: that was called off");
    WHEN(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 1);
    THEN(node_maintenance_set, .name = "node-1", .maintenance = true);
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_PLANNED, .at = T + 2000, .order = T + 1000);
    DONE();
    spec.time_ms += 1000;
    DO(node_tend, .name = "node-1");
    DO(node_shutdown_answer, .name = "node-1", .order = T + 1000, .refused = "");
    WHEN(node_maintenance, .name = "node-1", .maintenance = false);
    REFUSED(AQ_E_STATE, "node node-1 shuts its host down since 1970-01-01T00:16:42.000Z: it is too late to call that "
                        "off; ask again in a minute");
    DO(node_lose, .name = "node-1"); /* perhaps it is only cut off */
    WHEN(node_maintenance, .name = "node-1", .maintenance = false);
    assert_int_equal(spec.status, -1);
    spec.open = false;
    WHEN(node_drain, .name = "node-1", .cancel = true);
    assert_int_equal(spec.status, -1);
    spec.open = false;
    spec.time_ms += AQ_SHUTDOWN_LATE_MS;
    DO(node_maintenance, .name = "node-1", .cancel = true);
    assert_int_equal(the_node("node-1").shutdown_status, AQ_SHUTDOWN_NONE);
}

/* What the agent was told may still be on its way when the node, which was only cut off, is back. */
static void a_node_that_is_back_may_still_go(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    DO(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 1);
    spec.time_ms += 1000;
    DO(node_tend, .name = "node-1");
    DO(node_shutdown_answer, .name = "node-1", .order = T, .refused = "");
    DO(node_lose, .name = "node-1");
    spec.time_ms += AQ_SHUTDOWN_LATE_MS - 1;
    DO(node_join, .name = "node-1", .instance = 7, .address = "", .agent_version = "");
    const struct aq_node node = the_node("node-1");
    assert_int_equal(node.shutdown_status, AQ_SHUTDOWN_GOING);
    assert_int_equal(node.shutdown_at, T + 1000);
    assert_string_equal(node.shutdown_reason,
                        "its node was lost and is back: its host has restarted, or is still about to go");
    WHEN(node_tend, .name = "node-1");
    DONE();
    spec.time_ms += 1;
    WHEN(node_tend, .name = "node-1");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_NONE, .order = T, .reason = "");
    DONE();
}

static void a_shutdown_fails_with_a_reason(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    DO(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 1);
    spec.time_ms += 1000;
    DO(node_tend, .name = "node-1");
    WHEN(node_shutdown_answer, .name = "node-1", .order = T, .refused = "no command");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_FAILED, .at = T + 1000, .order = T,
         .reason = "no command");
    DONE();
    assert_int_equal(spec_rows(INDEX_TENDED), 0);
    DO(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 1);
    spec.time_ms += 1000;
    DO(node_tend, .name = "node-1");
    spec.time_ms += AQ_SHUTDOWN_PATIENCE_MS;
    WHEN(node_tend, .name = "node-1");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_FAILED, .at = spec.time_ms, .order = T + 1000,
         .reason = "its agent was told, and has not answered: is it of an earlier build, or cut off?");
    DONE();
    DO(node_maintenance, .name = "node-1", .maintenance = true, .shutdown_after = 1);
    const uint64_t order = spec.time_ms;
    spec.time_ms += 1000;
    DO(node_tend, .name = "node-1");
    DO(node_shutdown_answer, .name = "node-1", .order = order, .refused = "");
    spec.time_ms += AQ_SHUTDOWN_PATIENCE_MS;
    WHEN(node_tend, .name = "node-1");
    THEN(node_shutdown_set, .name = "node-1", .status = AQ_SHUTDOWN_FAILED, .at = spec.time_ms, .order = order,
         .reason = "its agent has run shutdown.command, but the host is still there after 2m");
    DONE();
}

static void what_makes_no_sense_is_refused(void **context)
{
    (void)context;
    given_node(1, "node-1", 4);
    WHEN(node_maintenance, .name = "node-1", .maintenance = true, .cancel = true);
    REFUSED(AQ_E_INVALID, "cancel calls maintenance off: give neither maintenance nor shutdown_after");
    WHEN(node_maintenance, .name = "node-1", .shutdown_after = 1);
    REFUSED(AQ_E_INVALID, "shutdown_after is for a node in maintenance: maintenance must be true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(an_empty_node_is_drained_at_once),
        SPEC_TEST(a_drain_does_what_labels_say),
        SPEC_TEST(a_drain_that_is_late_says_what_holds_it),
        SPEC_TEST(many_holders_are_counted),
        SPEC_TEST(force_gives_back_whatever_labels_say),
        SPEC_TEST(a_drain_is_called_off),
        SPEC_TEST(a_host_is_shut_down),
        SPEC_TEST(nothing_is_shut_down_under_work),
        SPEC_TEST(a_shutdown_is_called_off),
        SPEC_TEST(a_node_that_is_back_may_still_go),
        SPEC_TEST(a_shutdown_fails_with_a_reason),
        SPEC_TEST(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests_name("decide drain", tests, NULL, NULL);
}
