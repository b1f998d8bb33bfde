/* Placement: remembered answers are those that asking again would give. */
#include "tests/lib/chance.h"
#include "tests/lib/place_case.h"

static void check_against_new_answers(const struct aq_list *definitions, const char *project)
{
    struct aq_list none = {0};
    struct place_answer remembered, again;
    struct place_request request = {77, definitions, &none, 0, project};
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

/* None is most frequent, so that there are times when no node has a list. */
static struct aq_list drawn_serving(int round)
{
    static const char *const lists[][2] = {{"web", "ci"}, {"ci", NULL}, {"web", NULL}};
    uint64_t drawn = draw(round / 200 % 2 ? 60 : 6);
    return drawn < AQ_LENGTH(lists) ? (struct aq_list){(void *)lists[drawn], drawn == 0 ? 2 : 1} : (struct aq_list){0};
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
        serving = drawn_serving(i);
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
        static const char *const projects[] = {"web", "ci", "default", NULL};
        if (draw(3) > 0)
            check_against_new_answers(&definitions, projects[draw(AQ_LENGTH(projects))]);
    }
    serving = (struct aq_list){0};
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
        SPEC_TEST(remembered_answers_equal_new_ones),
        SPEC_TEST(answers_for_an_undone_label_are_dropped),
        SPEC_TEST(what_is_possible_is_remembered_until_a_node_changes),
    };
    return cmocka_run_group_tests_name("place-remembered", tests, NULL, NULL);
}
