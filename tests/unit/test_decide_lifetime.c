/* Lifetimes of single applications: asked for at creation, and extended. */
#include "tests/lib/decide_case.h"

/* The label "short" (2) has two definitions, with lifetimes of four hours and of two; "mac" (1) has none. Node-1 takes
 * the first. */
static void given_lifetimes(void)
{
    struct aq_definition definitions[] = {{.driver = "test", .resources = {.lifetime = 4 * 3600}},
                                          {.driver = "test", .resources = {.lifetime = 2 * 3600}}};
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "short", .version = 1, .definitions = {definitions, 2});
}

static void start(uint64_t id)
{
    spec_as("node:node-1", AQ_ROLE_ADMIN);
    DO(resource_start, .id = id, .node = "node-1", .identifier = "pid 7");
    spec_as("alice", AQ_ROLE_USER);
}

/* ---- create ------------------------------------------------------------------------------------------- */

static void a_request_may_have_a_lifetime_of_its_own(void **context)
{
    (void)context;
    given_lifetimes();
    WHEN(application_create, .label = "short", .lifetime = 600);
    THEN(application_created, .id = 1, .label_id = 2, .lifetime = 600);
    THEN_ELECTED(.id = 1, .resource = 1, .node = "node-1");
    DONE();
    assert_int_equal(the_application(1).lifetime, 600);
    assert_int_equal(the_application(1).expires_at, 0);
    assert_int_equal(the_resource(1).lifetime, 600);
    start(1);
    assert_int_equal(the_application(1).expires_at, SPEC_START_MS + 600000);
    assert_int_equal(the_resource(1).expires_at, SPEC_START_MS + 600000);
}

static void without_one_it_has_that_of_its_label(void **context)
{
    (void)context;
    given_lifetimes();
    DO(application_create, .label = "short");
    start(1);
    assert_int_equal(the_application(1).lifetime, 0);
    assert_int_equal(the_application(1).expires_at, SPEC_START_MS + 4 * 3600 * 1000);
    DO(application_create, .label = "mac");
    start(2);
    assert_int_equal(the_application(2).expires_at, 0);
}

static void the_label_is_a_bound_for_users(void **context)
{
    (void)context;
    given_lifetimes();
    DO(application_create, .label = "short", .lifetime = 2 * 3600);
    WHEN(application_create, .label = "short", .lifetime = 2 * 3600 + 1);
    REFUSED(
        AQ_E_INVALID,
        "lifetime is 2h1s, more than 2h, the lifetime of label short: to give more takes the permission label.exceed");
    DO(application_create, .label = "mac", .lifetime = AQ_LIFETIME_MAX);
    spec_as("alice", AQ_ROLE_ADMIN);
    DO(application_create, .label = "short", .lifetime = 9 * 3600);
    assert_int_equal(the_application(3).lifetime, 9 * 3600);
}

static void it_stays_when_another_node_is_tried(void **context)
{
    (void)context;
    given_lifetimes();
    given_node(2, "node-2", 4);
    DO(application_create, .label = "short", .lifetime = 600);
    as_system();
    DO(resource_fail, .id = 1, .node = "node-1", .reason = "no");
    assert_int_equal(the_resource(2).lifetime, 600);
}

static void what_ends_or_is_ended_no_longer_expires(void **context)
{
    (void)context;
    given_lifetimes();
    DO(application_create, .label = "short");
    DO(application_create, .label = "short");
    start(1);
    start(2);
    assert_int_equal(spec_rows(INDEX_EXPIRY), 2);
    DO(application_deallocate, .id = 1);
    assert_int_equal(the_application(1).expires_at, 0);
    as_system();
    DO(resource_end, .id = 2, .node = "node-1", .reason = "exit status 0");
    assert_int_equal(the_application(2).expires_at, 0);
    assert_int_equal(spec_rows(INDEX_EXPIRY), 0);
}

/* ---- extend ------------------------------------------------------------------------------------------- */

static void a_running_one_is_extended_by_a_time(void **context)
{
    (void)context;
    given_lifetimes();
    DO(application_create, .label = "short", .lifetime = 3600);
    start(1);
    spec.time_ms += 1800 * 1000;
    WHEN(application_extend, .id = 1, .by = 1200);
    THEN(application_extended, .id = 1, .lifetime = 4800, .expires_at = SPEC_START_MS + 4800 * 1000);
    DONE();
    assert_string_equal(spec.decide.id, "1");
    assert_int_equal(the_application(1).lifetime, 4800);
    assert_int_equal(the_application(1).expires_at, SPEC_START_MS + 4800 * 1000);
    assert_int_equal(the_resource(1).lifetime, 4800);
    assert_int_equal(the_resource(1).expires_at, SPEC_START_MS + 4800 * 1000);
    assert_int_equal(spec_rows(INDEX_EXPIRY), 1);
    spec.time_ms = SPEC_START_MS + 4800 * 1000 - 1;
    as_system();
    WHEN(resource_expire, .id = 1);
    DONE();
    spec.time_ms++;
    WHEN(resource_expire, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "its lifetime is over");
    THEN(resource_stopped, .id = 1, .reason = "its lifetime is over");
    DONE();
}

static void or_for_a_lifetime(void **context)
{
    (void)context;
    given_lifetimes();
    DO(application_create, .label = "mac");
    start(1);
    spec.time_ms += 60 * 1000;
    WHEN(application_extend, .id = 1, .lifetime = 3600);
    THEN(application_extended, .id = 1, .lifetime = 3600, .expires_at = SPEC_START_MS + 3600 * 1000);
    DONE();
    assert_int_equal(spec_rows(INDEX_EXPIRY), 1);
    WHEN(application_extend, .id = 1, .lifetime = 3600); /* nothing new */
    DONE();
    WHEN(application_extend, .id = 1, .lifetime = 120); /* sooner than before */
    THEN(application_extended, .id = 1, .lifetime = 120, .expires_at = SPEC_START_MS + 120 * 1000);
    DONE();
    WHEN(application_extend, .id = 1, .lifetime = 60);
    REFUSED(AQ_E_INVALID, "lifetime is 1m, but it has run for 1m already: deallocate it instead");
}

static void one_that_waits_is_extended_too(void **context)
{
    (void)context;
    given_user("alice");
    given_label(1, "mac", 1);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac", .lifetime = 3600);
    WHEN(application_extend, .id = 1, .by = 600);
    THEN(application_extended, .id = 1, .lifetime = 4200);
    DONE();
    given_node(1, "node-1", 4);
    as_system();
    DO(application_place, .id = 1);
    spec_as("alice", AQ_ROLE_USER);
    WHEN(application_extend, .id = 1, .lifetime = 60); /* elected: its resource knows its lifetime */
    THEN(application_extended, .id = 1, .lifetime = 60);
    DONE();
    start(1);
    assert_int_equal(the_application(1).expires_at, SPEC_START_MS + 60 * 1000);
}

static void what_is_left_is_bounded_for_users(void **context)
{
    (void)context;
    given_lifetimes();
    DO(application_create, .label = "short");
    WHEN(application_extend, .id = 1, .by = 60);
    REFUSED(AQ_E_INVALID, "what is left would be 4h1m, more than 4h, the lifetime of label short: to give more takes "
                          "the permission label.exceed");
    start(1);
    spec.time_ms += 3 * 3600 * 1000;
    DO(application_extend, .id = 1, .by = 3 * 3600);
    WHEN(application_extend, .id = 1, .by = 1);
    REFUSED(AQ_E_INVALID, "what is left would be 4h1s, more than 4h, the lifetime of label short: to give more takes "
                          "the permission label.exceed");
    spec_as("root", AQ_ROLE_ADMIN);
    DO(application_extend, .id = 1, .by = 86400);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_extend, .id = 1, .lifetime = 20 * 3600); /* less than the admin gave */
    assert_int_equal(the_application(1).lifetime, 20 * 3600);
}

static void extensions_that_cannot_be_are_refused(void **context)
{
    (void)context;
    given_lifetimes();
    DO(application_create, .label = "mac");
    WHEN(application_extend, .id = 1);
    REFUSED(AQ_E_INVALID, "by is missing: give by (how much longer), or lifetime (how long from its start)");
    WHEN(application_extend, .id = 1, .by = 1, .lifetime = 1);
    REFUSED(AQ_E_INVALID, "by and lifetime are both given: give one of them");
    WHEN(application_extend, .id = 1, .by = 60);
    REFUSED(AQ_E_STATE, "application 1 has no lifetime that could be longer: it runs until it is deallocated; "
                        "lifetime= gives it one");
    WHEN(application_extend, .id = 2, .by = 60);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 2");
    DO(application_create, .label = "mac", .lifetime = AQ_LIFETIME_MAX);
    WHEN(application_extend, .id = 2, .by = 60);
    REFUSED(AQ_E_INVALID, "by would make the lifetime longer than 3650d, the most that there is: it is 3650d now");
    spec_as("eve", AQ_ROLE_USER);
    WHEN(application_extend, .id = 1, .lifetime = 60);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 1");
    start(1);
    DO(application_deallocate, .id = 1);
    WHEN(application_extend, .id = 1, .lifetime = 60);
    REFUSED(AQ_E_STATE, "application 1 is DEALLOCATE: it can no longer be extended");
    as_system();
    DO(resource_end, .id = 1, .node = "node-1");
    WHEN(application_extend, .id = 1, .lifetime = 60);
    REFUSED(AQ_E_STATE, "application 1 is DEALLOCATED: it can no longer be extended");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_request_may_have_a_lifetime_of_its_own),
        SPEC_TEST(without_one_it_has_that_of_its_label),
        SPEC_TEST(the_label_is_a_bound_for_users),
        SPEC_TEST(it_stays_when_another_node_is_tried),
        SPEC_TEST(what_ends_or_is_ended_no_longer_expires),
        SPEC_TEST(a_running_one_is_extended_by_a_time),
        SPEC_TEST(or_for_a_lifetime),
        SPEC_TEST(one_that_waits_is_extended_too),
        SPEC_TEST(what_is_left_is_bounded_for_users),
        SPEC_TEST(extensions_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("lifetimes", tests, NULL, NULL);
}
