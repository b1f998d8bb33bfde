/* Quarantine: after starts that failed in a row, by hand, for one label or for a node; what ends it; who waits for it.
 */
#include "tests/lib/decide_case.h"

#include <inttypes.h>

enum { T = SPEC_START_MS, MINUTE_MS = 60000 };

static uint64_t created; /* applications, and resources: each is elected once */

/* Two more labels, on node-1, which has room for all. */
static void given_labels(void)
{
    given_cluster();
    created = 0;
    given_label(2, "one", 1);
    given_label(3, "two", 1);
    GIVEN(node_changed, .name = "node-1", .instance = the_node("node-1").instance,
          .drivers = ITEMS(const char *, "test"), .capacity = {.cpu = 99000, .slots = 99});
    as_system();
}

static uint64_t given_elected(const char *label)
{
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = label);
    as_system();
    return ++created;
}

static void fail_one(const char *label)
{
    const uint64_t id = given_elected(label);
    assert_int_equal(the_application(id).status, AQ_ELECTED);
    DO(resource_fail, .id = the_application(id).resource, .node = "node-1", .reason = "no disk");
}

static void succeed_one(const char *label)
{
    const uint64_t id = the_application(given_elected(label)).resource;
    DO(resource_start, .id = id, .node = "node-1");
    DO(resource_end, .id = id, .node = "node-1");
}

static const struct aq_quarantine *entry(uint64_t label)
{
    static struct aq_node node;
    node = the_node("node-1");
    return aq_quarantine_find(&node.quarantines, label);
}

static void a_label_that_keeps_failing_is_in_quarantine(void **context)
{
    (void)context;
    given_labels();
    fail_one("one");
    fail_one("one");
    assert_int_equal(entry(2)->failures, 2);
    assert_false(entry(2)->active);
    const uint64_t id = given_elected("one");
    WHEN(resource_fail, .id = id, .node = "node-1", .reason = "no disk");
    THEN(resource_ended, .id = id, .failed = true, .reason = "no disk");
    THEN(application_moved, .id = id, .status = AQ_NEW, .description = "no disk");
    THEN(application_moved, .id = id, .status = AQ_ERRORED,
         .description = "no other node or definition is left to try; try 1 on node-1: no disk");
    THEN(node_quarantine_set, .name = "node-1", .label_id = 2, .label = "one:1", .active = true, .until = T + MINUTE_MS,
         .count = 1, .reason = "3 starts in a row failed: no disk");
    DONE();
    assert_int_equal(the_node("node-1").quarantine_status, AQ_QUARANTINE_LABELS);
    const uint64_t waits = given_elected("one");
    assert_int_equal(the_application(waits).status, AQ_NEW);
    assert_false(the_application(waits).impossible);
    assert_string_equal(the_application(waits).description, "no node can take it: it is in quarantine for this label");
    assert_int_equal(the_application(given_elected("two")).status, AQ_ELECTED);
    spec_check_index();
}

static void it_ends_by_itself_and_comes_back_for_longer(void **context)
{
    (void)context;
    given_labels();
    for (int i = 0; i < 3; i++)
        fail_one("one");
    spec.time_ms += MINUTE_MS - 1;
    WHEN(node_tend, .name = "node-1");
    DONE();
    spec.time_ms++;
    WHEN(node_tend, .name = "node-1");
    THEN(node_quarantine_set, .name = "node-1", .label_id = 2, .label = "one:1", .count = 1,
         .reason = "its time is over");
    DONE();
    assert_int_equal(spec_rows(INDEX_TENDED), 0);
    fail_one("one"); /* once is enough now */
    assert_true(entry(2)->active);
    assert_int_equal(entry(2)->until, spec.time_ms + 2 * MINUTE_MS);
    assert_string_equal(entry(2)->reason, "a start failed again: no disk");
    for (int i = 0; i < 10; i++) {
        spec.time_ms += 60 * MINUTE_MS;
        DO(node_tend, .name = "node-1");
        fail_one("one");
    }
    assert_int_equal(entry(2)->until, spec.time_ms + 60 * MINUTE_MS); /* the longest */
    spec.time_ms += 60 * MINUTE_MS;
    DO(node_tend, .name = "node-1");
    DO(resource_start, .id = the_application(given_elected("one")).resource, .node = "node-1");
    assert_null(entry(2)); /* all is forgotten */
    fail_one("one");
    assert_false(entry(2)->active);
}

static void a_success_in_between_counts(void **context)
{
    (void)context;
    given_labels();
    fail_one("one");
    fail_one("one");
    DO(resource_start, .id = the_application(given_elected("one")).resource, .node = "node-1");
    fail_one("one");
    fail_one("one");
    assert_false(entry(2)->active);
}

/* It was under way when the quarantine began. */
static void what_starts_or_is_healthy_ends_it(void **context)
{
    (void)context;
    given_labels();
    const uint64_t runs = the_application(given_elected("one")).resource,
                   starts = the_application(given_elected("one")).resource;
    DO(resource_start, .id = runs, .node = "node-1");
    for (int i = 0; i < 3; i++)
        fail_one("one");
    WHEN(resource_start, .id = starts, .node = "node-1");
    THEN(resource_started, .id = starts);
    THEN(node_quarantine_set, .name = "node-1", .label_id = 2, .label = "one:1", .reason = "it works again");
    THEN(application_moved, .id = 2, .status = AQ_ALLOCATED);
    DONE();
    assert_null(entry(2));
    for (int i = 0; i < 3; i++)
        fail_one("one");
    assert_true(entry(2)->active);
    DO(resource_check, .id = runs, .node = "node-1", .health = AQ_UNHEALTHY);
    assert_true(entry(2)->active);
    WHEN(resource_check, .id = runs, .node = "node-1", .health = AQ_HEALTHY);
    THEN(resource_checked, .id = runs, .health = AQ_HEALTHY);
    THEN(node_quarantine_set, .name = "node-1", .label_id = 2, .label = "one:1", .reason = "it works again");
    DONE();
}

static void a_node_on_which_all_fails_is_in_quarantine(void **context)
{
    (void)context;
    given_labels();
    for (int i = 0; i < 3; i++)
        fail_one("one");
    spec.time_ms += MINUTE_MS;
    DO(node_tend, .name = "node-1");
    fail_one("one"); /* one label alone never does it */
    assert_int_equal(entry(0)->failures, 3);
    fail_one("two");
    fail_one("two");
    assert_false(entry(0)->active);
    fail_one("mac");
    assert_true(entry(0)->active);
    assert_string_equal(entry(0)->reason, "6 starts in a row failed: no disk");
    assert_int_equal(the_node("node-1").quarantine_status, AQ_QUARANTINE_ALL);
    const uint64_t id = given_elected("mac");
    assert_string_equal(the_application(id).description, "no node can take it: it is in quarantine");
    spec_check_index();
}

/* Else any user could keep a label from a node. */
static void commands_of_users_do_not_count(void **context)
{
    (void)context;
    struct aq_definition definition = {.driver = "test", .resources = {.slots = 1}};
    given_labels();
    GIVEN(label_created, .id = 4, .name = "any", .version = 1, .definitions = {&definition, 1}, .arguments = true);
    GIVEN(node_changed, .name = "node-1", .instance = the_node("node-1").instance,
          .drivers = ITEMS(const char *, "test"), .identifiers = ITEMS(const char *, "takes:arguments"),
          .capacity = {.cpu = 99000, .slots = 99});
    for (int i = 0; i < 4; i++) {
        spec_as("alice", AQ_ROLE_USER);
        DO(application_create, .label = "any", .arguments = ITEMS(const char *, "/no/such"));
        as_system();
        DO(resource_fail, .id = the_application(++created).resource, .node = "node-1", .reason = "no such program");
    }
    assert_null(entry(4));
    assert_null(entry(0));
}

static void by_hand_it_lasts_until_it_is_cleared(void **context)
{
    (void)context;
    given_labels();
    WHEN(node_quarantine, .name = "node-1", .label = "", .reason = "smells");
    THEN(node_quarantine_set, .name = "node-1", .active = true, .by_hand = true, .reason = "by aquarium: smells");
    DONE();
    WHEN(node_quarantine, .name = "node-1", .label = "", .reason = "smells");
    DONE();
    assert_int_equal(spec_rows(INDEX_TENDED), 0);
    const uint64_t id = given_elected("mac");
    assert_int_equal(the_application(id).status, AQ_NEW);
    WHEN(node_quarantine, .name = "node-1", .label = "", .clear = true, .ttl = 1);
    REFUSED(AQ_E_INVALID, "clear ends a quarantine: give neither ttl nor reason");
    WHEN(node_quarantine, .name = "node-1", .label = "", .reason = "", .clear = true);
    THEN(node_quarantine_set, .name = "node-1", .reason = "cleared by aquarium");
    DONE();
    DO(application_place, .id = id);
    assert_int_equal(the_application(id).status, AQ_ELECTED);
    WHEN(node_quarantine, .name = "node-1", .label = "", .reason = "", .clear = true);
    DONE();
    WHEN(node_quarantine, .name = "node-2", .label = "", .reason = "");
    REFUSED(AQ_E_NOT_FOUND, "there is no node node-2");
    WHEN(node_quarantine, .name = "node-1", .label = "none", .reason = "");
    assert_int_equal(spec.status, -1);
    spec.open = false;
}

static void one_label_by_hand_for_a_while(void **context)
{
    (void)context;
    given_labels();
    WHEN(node_quarantine, .name = "node-1", .label = "one", .reason = "", .ttl = 60);
    THEN(node_quarantine_set, .name = "node-1", .label_id = 2, .label = "one:1", .active = true, .by_hand = true,
         .until = T + MINUTE_MS, .reason = "by aquarium: no reason given");
    DONE();
    const uint64_t runs = the_application(given_elected("two")).resource;
    DO(resource_start, .id = runs, .node = "node-1");
    assert_true(entry(2)->active);
    spec.time_ms += MINUTE_MS;
    WHEN(node_tend, .name = "node-1");
    THEN(node_quarantine_set, .name = "node-1", .label_id = 2, .label = "one:1", .reason = "its time is over");
    DONE();
    assert_null(entry(2));
}

static void that_of_a_deleted_label_can_be_cleared(void **context)
{
    (void)context;
    given_labels();
    DO(node_quarantine, .name = "node-1", .label = "one", .reason = "");
    DO(node_quarantine, .name = "node-1", .label = "3", .reason = "");
    DO(label_delete, .id = 2);
    DO(label_delete, .id = 3);
    assert_true(entry(2)->active);
    WHEN(node_quarantine, .name = "node-1", .label = "one:2", .reason = "", .clear = true);
    REFUSED(AQ_E_NOT_FOUND, "there is no version 2 of label one");
    WHEN(node_quarantine, .name = "node-1", .label = "one:1", .reason = "", .clear = true);
    THEN(node_quarantine_set, .name = "node-1", .label_id = 2, .label = "one:1", .reason = "cleared by aquarium");
    DONE();
    DO(node_quarantine, .name = "node-1", .label = "3", .reason = "", .clear = true);
    assert_null(entry(2));
    assert_null(entry(3));
}

static void labels_are_remembered_up_to_a_number(void **context)
{
    (void)context;
    given_labels();
    for (uint64_t i = 10; i < 10 + AQ_QUARANTINES_MAX + 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "label-%" PRIu64, i);
        given_label(i, name, 1);
        fail_one(name);
        succeed_one("one"); /* else the node would be in quarantine */
        assert_true(the_node("node-1").quarantines.count <= AQ_QUARANTINES_MAX + 1);
    }
    fail_one("two");
    assert_int_equal(the_node("node-1").quarantines.count, AQ_QUARANTINES_MAX + 1);
    assert_null(entry(10)); /* the oldest */
    spec_check_index();
}

static void what_is_only_counted_makes_room_by_hand(void **context)
{
    (void)context;
    char name[32];
    given_labels();
    for (uint64_t i = 11; i < 10 + AQ_QUARANTINES_MAX; i++) {
        snprintf(name, sizeof name, "label-%" PRIu64, i);
        given_label(i, name, 1);
        DO(node_quarantine, .name = "node-1", .label = name, .reason = "");
    }
    fail_one("one");
    assert_non_null(entry(2));
    DO(node_quarantine, .name = "node-1", .label = "two", .reason = "");
    assert_true(entry(3)->active);
    assert_null(entry(2));
    WHEN(node_quarantine, .name = "node-1", .label = "one", .reason = "");
    REFUSED(AQ_E_LIMIT, "node node-1 has quarantines of 64 labels, the most that it can have: clear some");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_label_that_keeps_failing_is_in_quarantine),
        SPEC_TEST(it_ends_by_itself_and_comes_back_for_longer),
        SPEC_TEST(a_success_in_between_counts),
        SPEC_TEST(what_starts_or_is_healthy_ends_it),
        SPEC_TEST(a_node_on_which_all_fails_is_in_quarantine),
        SPEC_TEST(commands_of_users_do_not_count),
        SPEC_TEST(by_hand_it_lasts_until_it_is_cleared),
        SPEC_TEST(one_label_by_hand_for_a_while),
        SPEC_TEST(that_of_a_deleted_label_can_be_cleared),
        SPEC_TEST(labels_are_remembered_up_to_a_number),
        SPEC_TEST(what_is_only_counted_makes_room_by_hand),
    };
    return cmocka_run_group_tests_name("decide quarantine", tests, NULL, NULL);
}
