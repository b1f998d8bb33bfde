/* Placement: nodes that serve named projects only. */
#include "tests/lib/place_case.h"

static void given_serving(uint64_t number, const char *project, const char *more)
{
    const char *names[] = {project, more};
    whole = plenty;
    serving = (struct aq_list){names, more != NULL ? 2 : project != NULL ? 1 : 0};
    given_machine(number, plenty, false, false);
    serving = (struct aq_list){0};
}

static void a_node_takes_work_of_its_projects(void **context)
{
    (void)context;
    given_serving(1, "web", NULL);
    given_serving(2, "ci", "db");
    given_serving(3, "ci", "db");
    given_serving(4, NULL, NULL);
    for (uint64_t label = 0; label <= 1; label++) { /* answers that are not remembered, and those that are */
        ask_of("web", label, (struct aq_needs){0});
        assert_string_equal(answer.node, "node-1");
        ask_of("db", label, (struct aq_needs){0});
        assert_string_equal(answer.node, "node-2");
        ask_of("default", label, (struct aq_needs){0});
        assert_string_equal(answer.node, "node-4");
        assert_int_equal(answer.groups.count, 2);
        check_group(0, AQ_ANSWER_PROJECT, 0, 0, "1-3");
        assert_string_equal(group(0)->serves, ""); /* who may not read projects does not learn of others */
        check_group(1, AQ_ANSWER_FITS, 0, 0, "4");
        ask_of("other", label, (struct aq_needs){0}); /* whose answers are those of `default` */
        assert_string_equal(answer.node, "node-4");
    }
    given_serving(4, "other", NULL); /* from now on, it has answers of its own */
    ask_of("other", 1, (struct aq_needs){0});
    assert_string_equal(answer.node, "node-4");
    ask_of("default", 1, (struct aq_needs){0});
    assert_false(answer.placed);
    given_serving(4, NULL, NULL);
    ask_of("default", 1, (struct aq_needs){0});
    assert_string_equal(answer.node, "node-4");
    given_serving(1, NULL, NULL);
    ask_of("other", 1, (struct aq_needs){0});
    assert_string_equal(answer.node, "node-1");
}

static void other_projects_are_not_named(void **context)
{
    (void)context;
    struct aq_needs much = {.slots = 99};
    given_serving(1, "web", "ci");
    ask_of("default", 0, (struct aq_needs){0});
    check_impossible("node-1: it serves only other projects");
    given_serving(2, "web", NULL);
    given_serving(3, "web", NULL);
    ask_of("default", 0, (struct aq_needs){0});
    check_impossible("node-1: it serves only other projects; 2 others do not serve project default, either");
    whole = plenty;
    given_machine(4, (struct aq_amounts){0}, false, false);
    ask_of("default", 0, (struct aq_needs){.slots = 1});
    assert_false(answer.impossible);
    assert_string_equal(answer.reason, "no node can take it: it serves only other projects; not enough slots are free");
    ask_of("default", 0, much); /* what could take it if it were larger is what is compared */
    check_impossible("it needs 99 slots; the largest node, node-4, has 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_node_takes_work_of_its_projects),
        SPEC_TEST(other_projects_are_not_named),
    };
    return cmocka_run_group_tests_name("place-projects", tests, NULL, NULL);
}
