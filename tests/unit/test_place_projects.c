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
        assert_int_equal(answer.groups.count, 3);
        check_group(0, AQ_ANSWER_PROJECT, 0, 0, "1");
        assert_string_equal(group(0)->serves, "web");
        check_group(1, AQ_ANSWER_PROJECT, 0, 0, "2-3");
        assert_string_equal(group(1)->serves, "ci, db");
        check_group(2, AQ_ANSWER_FITS, 0, 0, "4");
        assert_string_equal(group(2)->serves, "");
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

static void which_projects_are_served_is_said(void **context)
{
    (void)context;
    struct aq_needs much = {.slots = 99};
    given_serving(1, "web", "ci");
    ask_of("default", 0, (struct aq_needs){0});
    check_impossible("node-1: it serves only the projects web, ci");
    given_serving(2, "web", NULL);
    given_serving(3, "web", NULL);
    ask_of("default", 0, (struct aq_needs){0});
    check_impossible("node-1: it serves only the projects web, ci; 2 others do not serve project default, either");
    whole = plenty;
    given_machine(4, (struct aq_amounts){0}, false, false);
    ask_of("default", 0, (struct aq_needs){.slots = 1});
    assert_false(answer.impossible);
    assert_string_equal(answer.reason, "no node can take it: it serves only the projects web, ci; it serves only the "
                                       "project web; not enough slots are free");
    ask_of("default", 0, much); /* what could take it if it were larger is what is compared */
    check_impossible("it needs 99 slots; the largest node, node-4, has 8");
}

static void many_lists_of_projects_are_merged(void **context)
{
    (void)context;
    char name[AQ_NODE_PROJECTS_MAX + 40][AQ_NAME_MAX + 1];
    const char *all[AQ_NODE_PROJECTS_MAX];
    for (size_t i = 0; i < AQ_LENGTH(name); i++) {
        snprintf(name[i], sizeof name[i], "project-%03zu-%050d", i, 0);
        given_serving(i + 1, name[i], NULL);
        all[i % AQ_NODE_PROJECTS_MAX] = name[i];
    }
    ask_of("default", 0, (struct aq_needs){0});
    assert_true(answer.impossible);
    given_machine(500, (struct aq_amounts){0}, false, false);
    ask_of("default", 0, (struct aq_needs){.slots = 1});
    assert_true(strlen(answer.reason) < 4096);
    assert_string_equal(group(0)->serves, ""); /* with all that have no group of their own */
    assert_string_equal(group(1)->serves, name[1]);
    serving = (struct aq_list){all, AQ_NODE_PROJECTS_MAX};
    given_machine(2, plenty, false, false);
    serving = (struct aq_list){0};
    ask_of("default", 0, (struct aq_needs){.slots = 1});
    assert_true(strlen(group(1)->serves) < 230);
    assert_string_equal(group(1)->serves + strlen(group(1)->serves) - 5, ", ...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(a_node_takes_work_of_its_projects),
        SPEC_TEST(which_projects_are_served_is_said),
        SPEC_TEST(many_lists_of_projects_are_merged),
    };
    return cmocka_run_group_tests_name("place-projects", tests, NULL, NULL);
}
