/* Placement: which node is chosen, and what every other node answered and in which words. */
#include "controller/place/place.h"
#include "tests/lib/chance.h"
#include "tests/lib/decide_case.h"

#include <inttypes.h>

static struct place_answer answer;

static struct aq_amounts whole = {.cpu = 8000, .ram = 8192, .disk = 8192, .slots = 8}; /* of the next machines */

static void given_machine(uint64_t number, struct aq_amounts room, bool lost, bool maintenance)
{
    char name[32];
    snprintf(name, sizeof name, "node-%" PRIu64, number);
    struct aq_node node = {.name = name,
                           .number = number,
                           .status = lost ? AQ_NODE_LOST : AQ_NODE_ACTIVE,
                           .maintenance = maintenance,
                           .drivers = ITEMS(const char *, "test"),
                           .identifiers = ITEMS(const char *, "os:linux", "rack:a1", name),
                           .free = room,
                           .capacity = whole};
    place_index_set(spec.index, spec_record(&aq_node_record, &node));
}

static const struct aq_amounts plenty = {.cpu = 8000, .ram = 8192, .disk = 8192, .slots = 8};

static void ask(struct aq_definition *definitions, uint32_t count, struct aq_list tries)
{
    struct aq_list list = {definitions, count};
    struct place_request request = {0, &list, &tries};
    place(spec.index, &request, &answer, &spec.arena);
}

static void ask_for(struct aq_needs needs)
{
    struct aq_definition definition = {.driver = "test", .resources = needs};
    ask(&definition, 1, (struct aq_list){0});
}

static const struct aq_ballot_group *group(uint32_t i)
{
    assert_true(i < answer.groups.count);
    return AQ_ITEM(answer.groups, struct aq_ballot_group, i);
}

static void check_group(uint32_t i, enum aq_answer said, uint64_t have, uint64_t need, const char *nodes)
{
    assert_int_equal(group(i)->answer, said);
    assert_int_equal(group(i)->have, have);
    assert_int_equal(group(i)->need, need);
    assert_string_equal(group(i)->nodes, nodes);
}

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

static void check_against_new_answers(const struct aq_list *definitions)
{
    struct aq_list none = {0};
    struct place_answer remembered, again;
    struct place_request request = {77, definitions, &none};
    place(spec.index, &request, &remembered, &spec.arena);
    request.label = 0;
    place(spec.index, &request, &again, &spec.arena);
    assert_int_equal(remembered.placed, again.placed);
    assert_string_equal(remembered.node, again.node);
    assert_int_equal(remembered.impossible, again.impossible);
    if (!again.placed)
        assert_string_equal(remembered.reason, again.reason);
    assert_int_equal(remembered.groups.count, again.groups.count);
    for (uint32_t i = 0; i < again.groups.count; i++) {
        const struct aq_ballot_group *a = AQ_ITEM(remembered.groups, struct aq_ballot_group, i);
        const struct aq_ballot_group *b = AQ_ITEM(again.groups, struct aq_ballot_group, i);
        assert_int_equal(a->answer, b->answer);
        assert_int_equal(a->have, b->have);
        assert_string_equal(a->nodes, b->nodes);
    }
}

static void remembered_answers_equal_new_ones(void **context)
{
    (void)context;
    struct aq_definition both[] = {{.driver = "test", .resources = {.cpu = 3000}},
                                   {.driver = "test", .resources = {.cpu = 1000, .slots = 2}}};
    struct aq_list definitions = {both, 2};
    bool there[41] = {false};
    draw_from(42);
    for (int i = 0; i < 3000; i++) {
        uint64_t number = 1 + draw(40), what = draw(12);
        size_t mark = place_index_mark(spec.index);
        struct aq_amounts room = {.cpu = draw(5) * 1000, .ram = 1, .disk = 1, .slots = draw(4)};
        /* Sometimes, no machine is large enough. */
        whole = (struct aq_amounts){.cpu = draw(i / 100 % 2 ? 5 : 2) * 1000, .ram = 1, .disk = 1, .slots = draw(4)};
        if (what == 0 && there[number]) {
            place_index_remove(spec.index, number);
            there[number] = false;
        } else if (what < 4 || !there[number]) {
            given_machine(number, room, draw(8) == 0, draw(8) == 0);
            if (what == 2)
                place_index_undo(spec.index, mark);
            else
                there[number] = true;
        } else {
            place_index_set_free(spec.index, number, &room);
            if (what == 5)
                place_index_undo(spec.index, mark);
        }
        if (draw(3) > 0)
            check_against_new_answers(&definitions);
    }
}

/* ---- what could ever be --------------------------------------------------------------------------------- */

static void check_impossible(const char *why)
{
    assert_false(answer.placed);
    assert_true(answer.impossible);
    assert_false(answer.exhausted);
    static const char begins[] = "no node that has joined could ever take it: ";
    assert_int_equal(strncmp(answer.reason, begins, strlen(begins)), 0);
    assert_string_equal(answer.reason + strlen(begins), why);
}

static void a_definition_that_no_node_can_ever_run_is_told_apart(void **context)
{
    (void)context;
    struct aq_disk disk = {"a", 20480};
    const char *filter[] = {"os:windows", "rack:*"}, *here[] = {"node-1"};
    struct aq_definition other = {.driver = "container"};
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

static bool label_77_is_impossible(void)
{
    struct aq_definition definition = {.driver = "test", .resources = {.cpu = 4000}};
    struct aq_list definitions = {&definition, 1}, none = {0};
    struct place_request request = {77, &definitions, &none};
    place(spec.index, &request, &answer, &spec.arena);
    assert_false(answer.placed);
    return answer.impossible;
}

static void what_is_possible_is_remembered_until_a_node_changes(void **context)
{
    (void)context;
    const struct aq_amounts full = {0}, large = {.cpu = 4000}, small = {.cpu = 3999};
    whole = small;
    given_machine(1, full, false, false);
    given_machine(2, full, false, false);
    place_index_keep(spec.index);
    assert_true(label_77_is_impossible());
    size_t mark = place_index_mark(spec.index);
    whole = large;
    given_machine(2, full, false, false); /* it has grown */
    assert_false(label_77_is_impossible());
    place_index_undo(spec.index, mark);
    assert_true(label_77_is_impossible());
    given_machine(3, full, false, false); /* it joins */
    assert_false(label_77_is_impossible());
    given_machine(3, full, true, false); /* it is lost */
    assert_false(label_77_is_impossible());
    place_index_remove(spec.index, 3); /* it is deleted */
    assert_true(label_77_is_impossible());
    place_index_undo(spec.index, mark);
    assert_true(label_77_is_impossible());
    given_machine(3, full, false, false);
    assert_false(label_77_is_impossible());
    place_index_set_free(spec.index, 1, &small); /* what is free says nothing */
    assert_false(label_77_is_impossible());
    place_index_undo_batch(spec.index);
    assert_true(label_77_is_impossible());
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

/* The batch that created label 77 was not committed: its number goes to another label. */
static void answers_for_an_undone_label_are_dropped(void **context)
{
    (void)context;
    struct aq_definition undone = {.driver = "test"}, made = {.driver = "other"};
    struct aq_list first = {&undone, 1}, second = {&made, 1}, none = {0};
    struct place_request request = {77, &first, &none};
    given_machine(1, plenty, false, false);
    place_index_keep(spec.index);
    place(spec.index, &request, &answer, &spec.arena);
    assert_true(answer.placed);
    place_index_undo_batch(spec.index);
    request.definitions = &second;
    place(spec.index, &request, &answer, &spec.arena);
    assert_false(answer.placed);
    assert_int_equal(group(0)->answer, AQ_ANSWER_DRIVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(the_first_node_that_fits_is_chosen),
        SPEC_TEST(exactly_enough_is_enough),
        SPEC_TEST(amounts_that_are_not_needed_do_not_count),
        SPEC_TEST(without_a_node_it_says_so),
        SPEC_TEST(lasting_reasons_come_first),
        SPEC_TEST(a_filters_patterns_must_all_match),
        SPEC_TEST(a_malicious_pattern_takes_no_time),
        SPEC_TEST(numbers_of_nodes_are_written_as_ranges),
        SPEC_TEST(nodes_with_the_same_answer_are_one_group),
        SPEC_TEST(beyond_64_groups_they_are_merged),
        SPEC_TEST(every_definition_has_its_groups),
        SPEC_TEST(a_try_counts_for_its_node_and_definition),
        SPEC_TEST(remembered_answers_equal_new_ones),
        SPEC_TEST(answers_for_an_undone_label_are_dropped),
        SPEC_TEST(a_definition_that_no_node_can_ever_run_is_told_apart),
        SPEC_TEST(what_is_possible_is_remembered_until_a_node_changes),
        SPEC_TEST(a_long_reason_is_cut),
        SPEC_TEST(what_is_too_small_is_not_left_to_try),
    };
    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
