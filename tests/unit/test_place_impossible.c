/* Placement: what no node could ever take is told apart from what must wait, with the reason. */
#include "tests/lib/place_case.h"

static void a_definition_that_no_node_can_ever_run_is_told_apart(void **context)
{
    (void)context;
    struct aq_disk disk = {"a", 20480};
    const char *filter[] = {"os:windows", "rack:*"}, *here[] = {"node-1"};
    struct aq_definition other = {.driver = "container", .options = "{}"};
    whole = (struct aq_amounts){.cpu = 8000, .ram = 32768, .disk = 8192, .slots = 2};
    given_machine(1, (struct aq_amounts){0}, true, false); /* a lost node counts, and one in maintenance */
    whole = (struct aq_amounts){.cpu = 2000, .ram = 65536, .disk = 8192, .slots = 4};
    given_machine(2, (struct aq_amounts){0}, false, true);
    ask_for((struct aq_needs){.cpu = 64000});
    check_impossible("it needs 64 cpu; the largest node, node-1, has 8");
    ask_for((struct aq_needs){.cpu = 8001, .ram = 65537, .slots = 1});
    check_impossible("it needs 8.001 cpu; the largest node, node-1, has 8; it needs 65537MiB ram; the largest node, "
                     "node-2, has 64GiB");
    ask_for((struct aq_needs){.disks = {&disk, 1}, .slots = 5});
    check_impossible("it needs 20GiB disk; the largest node, node-1, has 8GiB; it needs 5 slots; the largest node, "
                     "node-2, has 4");
    ask_for((struct aq_needs){.cpu = 8000, .ram = 65536});
    check_impossible("it needs 8 cpu, 64GiB ram; no single node has all of that");
    ask_for((struct aq_needs){.node_filter = {filter, 2}});
    check_impossible("no node with the driver test matches the node_filter os:windows, rack:*");
    ask_for((struct aq_needs){.node_filter = {here, 1}, .slots = 3});
    check_impossible("it needs 3 slots; the largest node that node_filter matches, node-1, has 2");
    ask(&other, 1, (struct aq_list){0});
    check_impossible("no node has the driver container");
    ask_for((struct aq_needs){.cpu = 8000, .ram = 32768, .disks = {0}, .slots = 2}); /* only full, or away */
    assert_false(answer.placed);
    assert_false(answer.impossible);
    assert_string_equal(answer.reason, "no node can take it: its agent has not been heard from; it takes no new work");
    whole = (struct aq_amounts){.cpu = 64000};
    given_machine(3, whole, false, false);
    ask_for((struct aq_needs){.cpu = 64000});
    assert_string_equal(answer.node, "node-3");
}

static void a_long_reason_is_cut(void **context)
{
    (void)context;
    enum { WORDS = 16 };
    static char words[WORDS][250];
    const char *filter[WORDS];
    struct aq_definition definitions[WORDS];
    for (int i = 0; i < WORDS; i++) {
        memset(words[i], 'x', sizeof words[i] - 1);
        filter[i] = words[i];
        definitions[i] = (struct aq_definition){.driver = "test", .resources = {.node_filter = {filter, WORDS}}};
    }
    given_machine(1, plenty, false, false);
    ask(definitions, WORDS, (struct aq_list){0});
    assert_true(answer.impossible);
    assert_true(strlen(answer.reason) < 4096);
    assert_string_equal(answer.reason + strlen(answer.reason) - 3, "...");
}

/* A node that is too small could never take it: nothing is left to try. */
static void what_is_too_small_is_not_left_to_try(void **context)
{
    (void)context;
    struct aq_definition definition = {.driver = "test", .resources = {.cpu = 4000}};
    struct aq_try tries[] = {{"node-1", 0, "a"}};
    whole = (struct aq_amounts){.cpu = 8000};
    given_machine(1, whole, false, false);
    whole = (struct aq_amounts){.cpu = 2000};
    given_machine(2, whole, false, false);
    ask(&definition, 1, (struct aq_list){tries, 1});
    assert_true(answer.exhausted);
    assert_false(answer.impossible);
    whole = (struct aq_amounts){.cpu = 4000};
    given_machine(3, (struct aq_amounts){.cpu = 2000}, false, false);
    ask(&definition, 1, (struct aq_list){tries, 1});
    assert_false(answer.exhausted);
    assert_false(answer.impossible);
    assert_string_equal(answer.reason, "no node can take it: an earlier try failed there; not enough cpu is free");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_definition_that_no_node_can_ever_run_is_told_apart),
        SPEC_TEST(a_long_reason_is_cut),
        SPEC_TEST(what_is_too_small_is_not_left_to_try),
    };
    return cmocka_run_group_tests_name("place-impossible", tests, NULL, NULL);
}
