/* Tasks of workloads as the agent carries them out: each is given to the driver once, its end is reported until the hub
 * has noted it, and an agent that was killed goes on. On virtual time, with the driver `test`. */
#include "tests/lib/agent_scene.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static struct heard last_poll; /* which is not answered yet */
static uint64_t deliveries;

static const struct aq_report *message_of(const struct heard *heard)
{
    return heard->message;
}

/* The next report, with the heartbeats before it answered, as time passes for at most `most_ms`. False: none came. */
static bool next_report(struct scene *scene, uint64_t most_ms, struct heard *report)
{
    const uint64_t until_ms = scene->now.steady_ms + most_ms;
    while (scene->now.steady_ms < until_ms) {
        if (scene->wire.question_count == 0) {
            scene_live_until(scene, scene->now.steady_ms + 100);
            continue;
        }
        *report = scene_hear(scene, AQ_MSG_NONE);
        if (report->type == AQ_MSG_REPORT)
            return true;
        if (report->type == AQ_MSG_BEAT)
            scene_answer(scene, report, AQ_MSG_NOTED, &(struct aq_noted){0});
        if (report->type == AQ_MSG_POLL)
            last_poll = *report;
    }
    return false;
}

static struct heard await_report(struct scene *scene)
{
    struct heard report;
    assert_true(next_report(scene, 60000, &report));
    return report;
}

/* Waits until the agent asks for work, and delivers workload 5, which runs, with these tasks. */
static void deliver(struct scene *scene, const char *options, struct aq_task_order *orders, uint32_t count)
{
    struct heard ignored;
    while (last_poll.number == 0)
        assert_false(next_report(scene, 1000, &ignored));
    struct heard poll = last_poll;
    struct aq_assignment assignment = scene_wanted(5, options);
    assignment.tasks = (struct aq_list){orders, count};
    last_poll = (struct heard){0};
    scene_deliver(scene, &poll, ++deliveries, &assignment, 1);
}

/* The workload runs, and the hub knows. */
static void begin(struct scene *scene, const char *options)
{
    deliveries = 0;
    last_poll = (struct heard){0};
    scene_greet(scene);
    deliver(scene, options, NULL, 0);
    struct heard report = await_report(scene);
    assert_int_equal(message_of(&report)->happenings.count, 1);
    assert_int_equal(message_of(&report)->tasks.count, 0);
    scene_note(scene, &report);
}

static const struct aq_task_report *only_task(const struct heard *report)
{
    assert_int_equal(message_of(report)->tasks.count, 1);
    return AQ_ITEM(message_of(report)->tasks, struct aq_task_report, 0);
}

static struct aq_task_order golden = {9, AQ_TASK_IMAGE, "golden"};

static void a_task_is_made_once_and_told_until_it_is_noted(void **state)
{
    struct scene *scene = *state;
    begin(scene, "{\"task_ms\":3000}");
    const uint64_t began_ms = scene->now.steady_ms;
    deliver(scene, "{\"task_ms\":3000}", &golden, 1);
    struct heard report = await_report(scene);
    assert_true(scene->now.steady_ms >= began_ms + 3000);
    assert_int_equal(only_task(&report)->task, 9);
    assert_false(only_task(&report)->failed);
    assert_string_equal(only_task(&report)->result, "{\"image\":\"golden\"}");
    assert_true(scene_there_is(scene, "workloads/5/tasks"));
    scene_note(scene, &report);
    deliver(scene, "{}", &golden, 1); /* made before the hub had the report */
    assert_false(next_report(scene, 20000, &report));
    deliver(scene, "{}", NULL, 0);
    assert_false(next_report(scene, 20000, &report));
}

static void a_task_that_fails_says_why(void **state)
{
    struct scene *scene = *state;
    begin(scene, "{\"task_fail\":\"no room\"}");
    deliver(scene, "{}", &golden, 1);
    struct heard report = await_report(scene);
    assert_true(only_task(&report)->failed);
    assert_string_equal(only_task(&report)->reason, "no room");
    assert_string_equal(only_task(&report)->result, "{}");
}

static void a_task_that_is_not_named_any_more_is_given_up(void **state)
{
    struct scene *scene = *state;
    struct heard report;
    begin(scene, "{\"task_ms\":3000}");
    deliver(scene, "{}", &golden, 1);
    deliver(scene, "{}", NULL, 0);
    assert_false(next_report(scene, 20000, &report));
    struct aq_task_order other = {10, AQ_TASK_SNAPSHOT, "later"};
    deliver(scene, "{}", &other, 1);
    report = await_report(scene);
    assert_int_equal(only_task(&report)->task, 10);
    assert_string_equal(only_task(&report)->result, "{\"snapshot\":\"later\"}");
}

/* In a new session, with a delivery of all. */
static void start_again(struct scene *scene)
{
    scene_kill_agent(scene);
    scene->wire.question_count = 0;
    scene_start_agent(scene);
    deliveries = 0;
    last_poll = (struct heard){0};
    scene_greet(scene);
}

static void an_agent_that_is_killed_tells_the_end_again(void **state)
{
    struct scene *scene = *state;
    begin(scene, "{\"task_fail\":\"no room\"}");
    deliver(scene, "{}", &golden, 1);
    struct heard report = await_report(scene);
    assert_int_equal(only_task(&report)->task, 9);
    start_again(scene); /* the report is lost */
    report = await_report(scene);
    assert_int_equal(only_task(&report)->task, 9);
    assert_string_equal(only_task(&report)->reason, "no room");
    scene_note(scene, &report);
}

static void an_agent_that_is_killed_begins_again_what_was_under_way(void **state)
{
    struct scene *scene = *state;
    begin(scene, "{\"task_ms\":3000}");
    deliver(scene, "{}", &golden, 1);
    scene_live_until(scene, scene->now.steady_ms + 1000);
    start_again(scene);
    struct heard report = await_report(scene); /* it runs */
    assert_int_equal(message_of(&report)->tasks.count, 0);
    scene_note(scene, &report);
    deliver(scene, "{}", &golden, 1);
    report = await_report(scene);
    assert_int_equal(only_task(&report)->task, 9);
    assert_false(only_task(&report)->failed);
}

static void a_task_ends_with_its_workload(void **state)
{
    struct scene *scene = *state;
    begin(scene, "{\"task_ms\":3000,\"run_ms\":4000,\"exit_status\":2}");
    deliver(scene, "{}", &golden, 1);
    scene_live_until(scene, scene->now.steady_ms + 2000);
    struct heard report = await_report(scene);
    while (message_of(&report)->happenings.count == 0) {
        assert_false(only_task(&report)->failed);
        scene_note(scene, &report);
        report = await_report(scene);
    }
    assert_int_equal(AQ_ITEM(message_of(&report)->happenings, struct aq_happening, 0)->what, AQ_HAPPENED_ENDED);
}

static void a_node_tells_which_drivers_make_something(void **state)
{
    struct scene *scene = *state;
    const struct aq_hello hello = scene_greet(scene);
    assert_true(aq_texts_have(&hello.identifiers, "tasks:test"));
    assert_false(aq_texts_have(&hello.identifiers, "tasks:process"));
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_task_is_made_once_and_told_until_it_is_noted),
        SCENE_TEST(a_task_that_fails_says_why),
        SCENE_TEST(a_task_that_is_not_named_any_more_is_given_up),
        SCENE_TEST(an_agent_that_is_killed_tells_the_end_again),
        SCENE_TEST(an_agent_that_is_killed_begins_again_what_was_under_way),
        SCENE_TEST(a_task_ends_with_its_workload),
        SCENE_TEST(a_node_tells_which_drivers_make_something),
    };
    return cmocka_run_group_tests_name("agent tasks", tests, NULL, NULL);
}
