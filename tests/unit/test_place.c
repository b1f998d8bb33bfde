/* Placement: which node is chosen, and what every other node answered and in which words. */
#include "tests/lib/place_case.h"

#include <inttypes.h>

/* ---- choosing ----------------------------------------------------------------------------------------- */

static void the_first_node_that_fits_is_chosen(void **context)
{
    (void)context;
    given_machine(3, plenty, false, false);
    given_machine(2, plenty, false, false); /* the order of numbers counts, not that of joining */
    given_machine(1, (struct aq_amounts){.slots = 1}, false, false);
    ask_for((struct aq_needs){.cpu = 1000});
    assert_true(answer.placed);
    assert_string_equal(answer.node, "node-2");
    assert_int_equal(answer.definition, 0);
    assert_int_equal(answer.groups.count, 2);
    check_group(0, AQ_ANSWER_CPU, 0, 1000, "1");
    check_group(1, AQ_ANSWER_FITS, 0, 0, "2-3"); /* all were asked */
}

static void exactly_enough_is_enough(void **context)
{
    (void)context;
    struct aq_disk disks[] = {{"a", 5}, {"b", 6}};
    given_machine(1, (struct aq_amounts){.cpu = 500, .ram = 7, .disk = 11, .slots = 1}, false, false);
    ask_for((struct aq_needs){.cpu = 500, .ram = 7, .disks = {disks, 2}, .slots = 1});
    assert_true(answer.placed);
    disks[1].size = 7;
    ask_for((struct aq_needs){.cpu = 500, .ram = 7, .disks = {disks, 2}, .slots = 1});
    assert_false(answer.placed);
    check_group(0, AQ_ANSWER_DISK, 11, 12, "1");
}

static void amounts_that_are_not_needed_do_not_count(void **context)
{
    (void)context;
    given_machine(1, (struct aq_amounts){0}, false, false);
    ask_for((struct aq_needs){0});
    assert_true(answer.placed);
}

static void without_a_node_it_says_so(void **context)
{
    (void)context;
    ask_for((struct aq_needs){0});
    assert_false(answer.placed);
    assert_false(answer.exhausted);
    assert_string_equal(answer.reason, "no node has joined yet");
    assert_int_equal(answer.groups.count, 0);
}

/* Each reason has one node for which all later reasons hold too. */
static void lasting_reasons_come_first(void **context)
{
    (void)context;
    static const struct {
        enum aq_answer said;
        const char *words;
    } order[] = {
        {AQ_ANSWER_DRIVER, "it does not have the driver"}, {AQ_ANSWER_FILTER, "the node filter does not match"},
        {AQ_ANSWER_TRIED, "an earlier try failed there"},  {AQ_ANSWER_LOST, "its agent has not been heard from"},
        {AQ_ANSWER_MAINTENANCE, "it takes no new work"},   {AQ_ANSWER_SLOTS, "not enough slots are free"},
        {AQ_ANSWER_CPU, "not enough cpu is free"},         {AQ_ANSWER_RAM, "not enough memory is free"},
        {AQ_ANSWER_DISK, "not enough disk is free"},
    };
    for (size_t i = 0; i < AQ_LENGTH(order); i++) {
        struct aq_amounts room = {0};
        struct aq_disk disk = {"a", 1};
        struct aq_try try = {.node = i <= 2 ? "node-1" : "node-2"};
        const char *filter[] = {i <= 1 ? "os:mac" : "os:linux"};
        struct aq_definition definition = {.driver = i == 0 ? "none" : "test",
                                           .resources = {.cpu = i <= 6, .ram = i <= 7, .slots = i <= 5}};
        definition.resources.disks = (struct aq_list){&disk, 1};
        definition.resources.node_filter = (struct aq_list){filter, 1};
        given_machine(1, room, i <= 3, i <= 4);
        ask(&definition, 1, (struct aq_list){&try, 1});
        char reason[128];
        snprintf(reason, sizeof reason, "no node can take it: %s", order[i].words);
        assert_string_equal(answer.reason, reason);
        assert_int_equal(group(0)->answer, order[i].said);
    }
}

/* A node that runs processes; `allows` is an identifier more. */
static void given_owner(uint64_t number, const char *allows)
{
    char name[32];
    snprintf(name, sizeof name, "node-%" PRIu64, number);
    struct aq_node node = {.name = name,
                           .number = number,
                           .status = AQ_NODE_ACTIVE,
                           .drivers = ITEMS(const char *, "process", "test"),
                           .identifiers = ITEMS(const char *, "os:linux", "allows:user:nobody", allows),
                           .free = plenty,
                           .capacity = plenty};
    place_index_set(spec.index, spec_record(&aq_node_record, &node));
}

/* Asks twice, so that the second answer is one that is remembered. */
static void ask_process(uint64_t label, const char *options)
{
    static const struct aq_list no_tries;
    struct aq_definition definition = {.driver = "process", .options = options};
    struct aq_list list = {&definition, 1};
    struct place_request request = {label, &list, &no_tries};
    place(spec.index, &request, &answer, &spec.arena);
    place(spec.index, &request, &answer, &spec.arena);
}

static void a_node_whose_owner_refuses_is_not_chosen(void **context)
{
    (void)context;
    static const char root[] = "{\"command\":\"true\",\"user\":\"root\"}", anyone[] = "{\"command\":\"true\"}";
    given_owner(1, "allows:directory:/srv");
    given_owner(2, "allows:root");
    for (uint64_t label = 0; label <= 1; label++) {
        ask_process(label, root);
        assert_true(answer.placed);
        assert_string_equal(answer.node, "node-2");
        check_group(0, AQ_ANSWER_ALLOW, 0, 0, "1");
    }
    ask_process(2, anyone);
    assert_string_equal(answer.node, "node-1");
    ask_process(3, "{\"command\":\"true\",\"directory\":\"/srv/a\"}");
    assert_string_equal(answer.node, "node-1");
    given_owner(1, "allows:root"); /* its settings were changed */
    ask_process(1, root);
    assert_string_equal(answer.node, "node-1");
}

static void a_node_whose_agent_takes_no_arguments_is_not_chosen(void **context)
{
    (void)context;
    static const struct aq_list no_tries;
    struct aq_definition definition = {.driver = "test", .options = "{}"};
    struct aq_list list = {&definition, 1};
    struct place_request request = {.label = 1, .definitions = &list, .tries = &no_tries, .arguments = true};
    given_owner(1, "x:1");
    place(spec.index, &request, &answer, &spec.arena);
    assert_true(answer.impossible);
    assert_string_equal(answer.reason, "no node that has joined could ever take it: node-1: its agent is of an earlier "
                                       "build, which takes no arguments");
    given_owner(2, "takes:arguments");
    for (int i = 0; i < 2; i++) { /* the second answer is one that is remembered */
        place(spec.index, &request, &answer, &spec.arena);
        assert_true(answer.placed);
        assert_string_equal(answer.node, "node-2");
        check_group(0, AQ_ANSWER_ALLOW, 0, 0, "1");
    }
    request = (struct place_request){.label = 2, .definitions = &list, .tries = &no_tries};
    place(spec.index, &request, &answer, &spec.arena);
    assert_string_equal(answer.node, "node-1");
}

static void that_no_owner_allows_it_is_said_at_once(void **context)
{
    (void)context;
    static const char root[] = "{\"command\":\"true\",\"user\":\"root\"}";
    given_owner(1, "x:1");
    ask_process(1, root);
    assert_true(answer.impossible);
    assert_string_equal(answer.reason,
                        "no node that has joined could ever take it: node-1: workloads may not run as root "
                        "there (allow.root of its agent)");
    given_owner(2, "x:2");
    given_owner(3, "x:3");
    ask_process(1, root);
    assert_true(answer.impossible);
    assert_string_equal(answer.reason,
                        "no node that has joined could ever take it: node-1: workloads may not run as root "
                        "there (allow.root of its agent); 2 others do not allow it, either");
    given_owner(2, "allows:root");
    ask_process(1, root);
    assert_false(answer.impossible);
    assert_string_equal(answer.node, "node-2");
}

static void a_filters_patterns_must_all_match(void **context)
{
    (void)context;
    static const struct {
        const char *pattern[2];
        bool match;
    } cases[] = {
        {{"os:linux", "rack:a1"}, true}, {{"os:*", "rack:a?"}, true}, {{"os:linux", "rack:b*"}, false},
        {{"*", "node-[0-3]"}, true},     {{"os:linu", "*"}, false},   {{"OS:linux", "*"}, false},
        {{"linux", "*"}, false},         {{"[", "*"}, false},         {{"\\os:linux", "*"}, true},
    };
    given_machine(1, plenty, false, false);
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        struct aq_needs needs = {.node_filter = {(void *)cases[i].pattern, 2}};
        ask_for(needs);
        if (answer.placed != cases[i].match)
            fail_msg("%s and %s", cases[i].pattern[0], cases[i].pattern[1]);
    }
}

static void a_malicious_pattern_takes_no_time(void **context)
{
    (void)context;
    char pattern[256] = "", identifier[256];
    for (int i = 0; i < 100; i++)
        strcat(pattern, "*a");
    strcat(pattern, "b");
    memset(identifier, 'a', 255);
    identifier[255] = '\0';
    struct aq_node node = {.name = "node-1", .number = 1, .drivers = ITEMS(const char *, "test"), .free = plenty};
    node.identifiers = (struct aq_list)ITEMS(const char *, identifier);
    place_index_set(spec.index, spec_record(&aq_node_record, &node));
    ask_for((struct aq_needs){.node_filter = ITEMS(const char *, pattern)});
    assert_false(answer.placed);
}

/* ---- the ballot --------------------------------------------------------------------------------------- */

static void numbers_of_nodes_are_written_as_ranges(void **context)
{
    (void)context;
    static const uint64_t numbers[] = {1, 2, 3, 5, 7, 8, 4000000000};
    for (size_t i = 0; i < AQ_LENGTH(numbers); i++)
        given_machine(numbers[i], plenty, false, false);
    given_machine(6, plenty, true, false);
    ask_for((struct aq_needs){0});
    check_group(0, AQ_ANSWER_FITS, 0, 0, "1-3,5,7-8,4000000000");
    check_group(1, AQ_ANSWER_LOST, 0, 0, "6");
}

static void nodes_with_the_same_answer_are_one_group(void **context)
{
    (void)context;
    for (uint64_t i = 1; i <= 6; i++)
        given_machine(i, (struct aq_amounts){.cpu = i % 2 ? 100 : 200}, false, false);
    ask_for((struct aq_needs){.cpu = 1000});
    assert_int_equal(answer.groups.count, 2);
    check_group(0, AQ_ANSWER_CPU, 100, 1000, "1,3,5");
    check_group(1, AQ_ANSWER_CPU, 200, 1000, "2,4,6");
}

static void beyond_64_groups_they_are_merged(void **context)
{
    (void)context;
    for (uint64_t i = 1; i <= 200; i++)
        given_machine(i, (struct aq_amounts){.cpu = i}, i == 150, false);
    given_machine(201, plenty, false, false);
    ask_for((struct aq_needs){.cpu = 1000});
    assert_string_equal(answer.node, "node-201");
    assert_int_equal(answer.groups.count, 64 + 2);                /* each answer has at least one group */
    check_group(0, AQ_ANSWER_CPU, 200, 1000, "1,65-149,151-200"); /* "at most" */
    check_group(63, AQ_ANSWER_CPU, 64, 1000, "64");
    check_group(64, AQ_ANSWER_LOST, 0, 0, "150");
    check_group(65, AQ_ANSWER_FITS, 0, 0, "201");
}

static void every_definition_has_its_groups(void **context)
{
    (void)context;
    struct aq_definition both[] = {{.driver = "test", .resources = {.cpu = 9000}}, {.driver = "test"}, {.driver = "x"}};
    given_machine(1, plenty, false, false);
    ask(both, 3, (struct aq_list){0});
    assert_int_equal(answer.definition, 1);
    assert_int_equal(answer.groups.count, 2); /* the third definition was not considered */
    assert_int_equal(group(0)->definition, 0);
    assert_int_equal(group(1)->definition, 1);
}

/* ---- tries -------------------------------------------------------------------------------------------- */

static void a_try_counts_for_its_node_and_definition(void **context)
{
    (void)context;
    struct aq_definition both[] = {{.driver = "test"}, {.driver = "test"}};
    struct aq_try tries[] = {{"node-1", 0, "a"}, {"node-2", 0, "b"}, {"node-1", 1, "c"}};
    given_machine(1, plenty, false, false);
    given_machine(2, plenty, false, false);
    ask(both, 2, (struct aq_list){tries, 1});
    assert_string_equal(answer.node, "node-2");
    ask(both, 2, (struct aq_list){tries, 2});
    assert_string_equal(answer.node, "node-1");
    assert_int_equal(answer.definition, 1);
    ask(both, 1, (struct aq_list){tries, 2});
    assert_false(answer.placed);
    assert_true(answer.exhausted);
    given_machine(3, plenty, false, true); /* in maintenance, which is temporary */
    ask(both, 1, (struct aq_list){tries, 2});
    assert_false(answer.placed);
    assert_false(answer.exhausted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(the_first_node_that_fits_is_chosen),
        SPEC_TEST(exactly_enough_is_enough),
        SPEC_TEST(amounts_that_are_not_needed_do_not_count),
        SPEC_TEST(without_a_node_it_says_so),
        SPEC_TEST(lasting_reasons_come_first),
        SPEC_TEST(a_node_whose_owner_refuses_is_not_chosen),
        SPEC_TEST(a_node_whose_agent_takes_no_arguments_is_not_chosen),
        SPEC_TEST(that_no_owner_allows_it_is_said_at_once),
        SPEC_TEST(a_filters_patterns_must_all_match),
        SPEC_TEST(a_malicious_pattern_takes_no_time),
        SPEC_TEST(numbers_of_nodes_are_written_as_ranges),
        SPEC_TEST(nodes_with_the_same_answer_are_one_group),
        SPEC_TEST(beyond_64_groups_they_are_merged),
        SPEC_TEST(every_definition_has_its_groups),
        SPEC_TEST(a_try_counts_for_its_node_and_definition),
    };
    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
