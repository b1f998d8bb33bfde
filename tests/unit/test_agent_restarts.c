/* Workloads that are started again in their place, and those whose health is checked: what the agent says, when, and
 * what it has stored by then. On virtual time, with the driver `test`. */
#include "tests/lib/agent_scene.h"
#include "tests/lib/cmocka.h"

#include "agent/restarts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the policy alone --------------------------------------------------------------------------------- */

static struct restarts restarts_of(enum aq_restart policy, uint64_t limit, uint64_t wait_s, uint64_t most_s)
{
    struct restarts restarts;
    const struct aq_assignment assignment = {
        .restart = policy, .restart_limit = limit, .restart_wait = wait_s, .restart_wait_most = most_s};
    restarts_init(&restarts, &assignment);
    return restarts;
}

static void policies_say_which_ends_are_restarts(void **state)
{
    (void)state;
    static const struct {
        enum aq_restart policy;
        bool well, again;
    } cases[] = {{AQ_RESTART_NEVER, true, false},      {AQ_RESTART_NEVER, false, false},
                 {AQ_RESTART_ON_FAILURE, true, false}, {AQ_RESTART_ON_FAILURE, false, true},
                 {AQ_RESTART_ALWAYS, true, true},      {AQ_RESTART_ALWAYS, false, true}};
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        struct restarts restarts = restarts_of(cases[i].policy, 0, 1, 8);
        uint64_t wait_ms;
        assert_int_equal(restarts_end(&restarts, cases[i].well, 5, &wait_ms), cases[i].again);
        assert_int_equal(restarts.count, cases[i].again);
        assert_false(restarts_is_used_up(&restarts, cases[i].well));
    }
}

static void waits_are_doubled_up_to_a_bound(void **state)
{
    (void)state;
    static const uint64_t expected_ms[] = {2000, 4000, 8000, 10000, 10000};
    struct restarts restarts = restarts_of(AQ_RESTART_ALWAYS, 0, 2, 10);
    uint64_t now_ms = 1000, wait_ms;
    for (size_t i = 0; i < AQ_LENGTH(expected_ms); i++) {
        restarts_begin(&restarts, now_ms);
        now_ms += 9999;
        assert_true(restarts_end(&restarts, false, now_ms, &wait_ms));
        assert_int_equal(wait_ms, expected_ms[i]);
    }
    restarts_begin(&restarts, now_ms); /* as long as the longest wait */
    assert_true(restarts_end(&restarts, false, now_ms + 10000, &wait_ms));
    assert_int_equal(wait_ms, 2000);
}

static void a_limit_is_kept(void **state)
{
    (void)state;
    struct restarts restarts = restarts_of(AQ_RESTART_ON_FAILURE, 2, 1, 1);
    uint64_t wait_ms;
    assert_true(restarts_end(&restarts, false, 1, &wait_ms));
    assert_false(restarts_is_used_up(&restarts, true));
    assert_true(restarts_end(&restarts, false, 1, &wait_ms));
    assert_false(restarts_end(&restarts, false, 1, &wait_ms));
    assert_true(restarts_is_used_up(&restarts, false));
    assert_int_equal(restarts.count, 2);
}

/* ---- an agent ----------------------------------------------------------------------------------------- */

static const struct aq_happening *happening_at(const struct heard *report, uint32_t index)
{
    const struct aq_report *message = report->message;
    assert_true(index < message->happenings.count);
    return AQ_ITEM(message->happenings, struct aq_happening, index);
}

static struct heard last_poll; /* the last one, which is not answered yet */

/* The next report, with the heartbeats before it answered, as time passes. */
static struct heard await_report(struct scene *scene, enum aq_happened last)
{
    for (int i = 0; i < 1000; i++) {
        if (scene->wire.question_count == 0) {
            scene_live_until(scene, scene->now.steady_ms + 100);
            continue;
        }
        struct heard heard = scene_hear(scene, AQ_MSG_NONE);
        if (heard.type == AQ_MSG_REPORT) {
            const struct aq_report *message = heard.message;
            assert_int_equal(happening_at(&heard, message->happenings.count - 1)->what, last);
            return heard;
        }
        if (heard.type == AQ_MSG_BEAT)
            scene_answer(scene, &heard, AQ_MSG_NOTED, &(struct aq_noted){0});
        if (heard.type == AQ_MSG_POLL)
            last_poll = heard;
    }
    fail_msg("no report that ends with %s", aq_happened_words.words[last]);
    abort();
}

static struct heard await_and_note(struct scene *scene, enum aq_happened last)
{
    struct heard heard = await_report(scene, last);
    scene_note(scene, &heard);
    return heard;
}

static void deliver(struct scene *scene, struct aq_assignment assignment)
{
    scene_greet(scene);
    scene_note_beat(scene);
    last_poll = scene_hear(scene, AQ_MSG_POLL);
    scene_deliver(scene, &last_poll, 1, &assignment, 1);
    last_poll.type = AQ_MSG_NONE;
}

static struct aq_assignment restarted(const char *options, enum aq_restart policy, uint64_t limit)
{
    struct aq_assignment assignment = scene_wanted(5, options);
    assignment.restart = policy;
    assignment.restart_limit = limit;
    assignment.restart_wait = 4;
    assignment.restart_wait_most = 60;
    return assignment;
}

static void it_is_started_again_up_to_its_limit(void **state)
{
    struct scene *scene = *state;
    deliver(scene, restarted("{\"run_ms\":1000,\"exit_status\":3}", AQ_RESTART_ON_FAILURE, 2));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    struct heard report = await_and_note(scene, AQ_HAPPENED_RESTARTED);
    const uint64_t ended_ms = scene->now.steady_ms;
    assert_int_equal(happening_at(&report, 0)->restarts, 1);
    assert_string_equal(happening_at(&report, 0)->reason, "exit status 3");
    assert_true(scene_there_is(scene, "workloads/5/again"));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    assert_in_range(scene->now.steady_ms - ended_ms, 3800, 4200);
    assert_false(scene_there_is(scene, "workloads/5/driver.old"));
    report = await_and_note(scene, AQ_HAPPENED_RESTARTED);
    assert_int_equal(happening_at(&report, 0)->restarts, 2);
    await_and_note(scene, AQ_HAPPENED_STARTED);
    report = await_and_note(scene, AQ_HAPPENED_ENDED);
    assert_int_equal(happening_at(&report, 0)->exit_status, 3);
    assert_string_equal(happening_at(&report, 0)->reason,
                        "exit status 3; restarted 2 times, which is its restart_limit");
    assert_false(scene_there_is(scene, "workloads/5"));
}

static void a_good_end_is_the_end(void **state)
{
    struct scene *scene = *state;
    deliver(scene, restarted("{\"run_ms\":1000}", AQ_RESTART_ON_FAILURE, 0));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    struct heard report = await_and_note(scene, AQ_HAPPENED_ENDED);
    assert_int_equal(happening_at(&report, 0)->exit_status, 0);
}

/* A start that fails is a failed try the first time, and an end like any other later. */
static void a_start_that_fails_is_not_tried_again(void **state)
{
    struct scene *scene = *state;
    deliver(scene, restarted("{\"fail\":\"always\"}", AQ_RESTART_ALWAYS, 0));
    await_and_note(scene, AQ_HAPPENED_FAILED);
}

static void end_it(struct scene *scene)
{
    struct aq_assignment gone = scene_wanted(5, "{}");
    gone.want = AQ_WANT_GONE;
    while (last_poll.type != AQ_MSG_POLL)
        last_poll = scene_hear(scene, AQ_MSG_NONE);
    scene_deliver(scene, &last_poll, 2, &gone, 1);
}

static void one_that_waits_is_ended_at_once(void **state)
{
    struct scene *scene = *state;
    deliver(scene, restarted("{\"run_ms\":1000,\"exit_status\":3}", AQ_RESTART_ALWAYS, 0));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    struct heard report = await_report(scene, AQ_HAPPENED_RESTARTED);
    scene_kill_agent(scene);
    scene->wire.question_count = 0;
    last_poll.type = AQ_MSG_NONE;
    scene_start_agent(scene);
    scene_greet(scene);
    report = await_and_note(scene, AQ_HAPPENED_RESTARTED); /* told again, and not started yet */
    assert_int_equal(happening_at(&report, 0)->restarts, 1);
    end_it(scene);
    report = await_and_note(scene, AQ_HAPPENED_ENDED);
    assert_int_equal(happening_at(&report, 0)->exit_status, 3);
    assert_false(scene_there_is(scene, "workloads/5"));
}

/* Killed while it waits, and after it was started again: it runs once, and restarts are counted on. */
static void an_agent_that_is_killed_goes_on_counting(void **state)
{
    struct scene *scene = *state;
    deliver(scene, restarted("{\"run_ms\":1000,\"exit_status\":3}", AQ_RESTART_ALWAYS, 0));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    await_report(scene, AQ_HAPPENED_RESTARTED);
    for (uint64_t restarts = 1; restarts < 4; restarts++) {
        scene_kill_agent(scene);
        scene->wire.question_count = 0;
        scene_pass(scene, 500);
        scene_start_agent(scene);
        scene_greet(scene);
        struct heard report = await_and_note(scene, AQ_HAPPENED_RESTARTED);
        assert_int_equal(happening_at(&report, 0)->restarts, restarts);
        await_and_note(scene, AQ_HAPPENED_STARTED);
        report = await_report(scene, AQ_HAPPENED_RESTARTED);
        assert_int_equal(happening_at(&report, 0)->restarts, restarts + 1);
    }
}

/* What is stored last before a start is that it starts: a run that never began is told as one. */
static void an_agent_that_is_killed_at_a_start_starts_it_once(void **state)
{
    struct scene *scene = *state;
    deliver(scene, restarted("{\"run_ms\":1000,\"exit_status\":3}", AQ_RESTART_ALWAYS, 0));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    await_and_note(scene, AQ_HAPPENED_RESTARTED);
    await_and_note(scene, AQ_HAPPENED_STARTED);
    scene_kill_agent(scene);
    scene->wire.question_count = 0;
    assert_int_equal(unlink(scene_path_of(scene, "workloads/5/driver/test")), 0); /* as if it had not come so far */
    scene_start_agent(scene);
    scene_greet(scene);
    struct heard report = await_report(scene, AQ_HAPPENED_RESTARTED);
    if (happening_at(&report, 0)->restarts == 1) { /* the one before, which is told again */
        scene_note(scene, &report);
        report = await_report(scene, AQ_HAPPENED_RESTARTED);
    }
    assert_int_equal(happening_at(&report, 0)->restarts, 2);
    assert_string_equal(happening_at(&report, 0)->reason, "the agent ended before it started the workload");
}

/* ---- health ------------------------------------------------------------------------------------------- */

static struct aq_assignment checked(const char *options, const char **command, uint32_t words)
{
    struct aq_assignment assignment = scene_wanted(5, options);
    assignment.health =
        (struct aq_check){.command = {command, words}, .http = "", .interval = 2, .timeout = 1, .retries = 2};
    return assignment;
}

static void health_is_told_when_it_changes(void **state)
{
    struct scene *scene = *state;
    deliver(scene, checked("{}", (const char *[]){"late", "7", "6000"}, 3));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    struct heard report = await_and_note(scene, AQ_HAPPENED_CHECKED);
    assert_int_equal(happening_at(&report, 0)->health, AQ_HEALTHY);
    report = await_and_note(scene, AQ_HAPPENED_CHECKED);
    assert_int_equal(happening_at(&report, 0)->health, AQ_UNHEALTHY);
    assert_string_equal(happening_at(&report, 0)->reason, "exit status 7");
    assert_in_range(scene->now.steady_ms, 1000 + 8500,
                    1000 + 10500);                                /* the second failure, two seconds after the first */
    assert_true(scene_there_is(scene, "workloads/5/assignment")); /* it runs on */
}

static void what_a_check_says_is_cut(void **state)
{
    struct scene *scene = *state;
    static char much[250];
    memset(much, 'x', sizeof much - 1);
    deliver(scene, checked("{}", (const char *[]){"say", much, "1"}, 3));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    struct heard report = await_and_note(scene, AQ_HAPPENED_CHECKED);
    assert_int_equal(happening_at(&report, 0)->health, AQ_UNHEALTHY);
    assert_int_equal(strncmp(happening_at(&report, 0)->reason, "exit status 1: xxx", 18), 0);
}

static void a_check_that_hangs_has_failed(void **state)
{
    struct scene *scene = *state;
    deliver(scene, checked("{}", (const char *[]){"hang"}, 1));
    await_and_note(scene, AQ_HAPPENED_STARTED);
    struct heard report = await_and_note(scene, AQ_HAPPENED_CHECKED);
    assert_int_equal(happening_at(&report, 0)->health, AQ_UNHEALTHY);
    assert_string_equal(happening_at(&report, 0)->reason, "the check took longer than 1 s");
}

static void the_unhealthy_is_restarted(void **state)
{
    struct scene *scene = *state;
    struct aq_assignment assignment = checked("{}", (const char *[]){"say", "ill", "1"}, 3);
    assignment.restart = AQ_RESTART_ON_FAILURE;
    assignment.restart_limit = 1;
    assignment.restart_wait = 1;
    deliver(scene, assignment);
    await_and_note(scene, AQ_HAPPENED_STARTED);
    struct heard report = await_and_note(scene, AQ_HAPPENED_CHECKED);
    report = await_and_note(scene, AQ_HAPPENED_RESTARTED);
    const struct aq_report *message = report.message;
    assert_string_equal(happening_at(&report, message->happenings.count - 1)->reason,
                        "unhealthy: exit status 1: ill; killed by signal 15 (SIGTERM): stopped");
    await_and_note(scene, AQ_HAPPENED_STARTED);
    await_and_note(scene, AQ_HAPPENED_CHECKED);
    report = await_and_note(scene, AQ_HAPPENED_ENDED);
    message = report.message;
    assert_non_null(strstr(happening_at(&report, message->happenings.count - 1)->reason,
                           "restarted 1 time, which is its restart_limit"));
}

static void failures_do_not_count_in_the_start_period(void **state)
{
    struct scene *scene = *state;
    struct aq_assignment assignment = checked("{}", (const char *[]){"say", "ill", "1"}, 3);
    assignment.health.start_period = 20;
    deliver(scene, assignment);
    await_and_note(scene, AQ_HAPPENED_STARTED);
    await_and_note(scene, AQ_HAPPENED_CHECKED);
    assert_in_range(scene->now.steady_ms, 1000 + 20000, 1000 + 26000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_say_which_ends_are_restarts),
        cmocka_unit_test(waits_are_doubled_up_to_a_bound),
        cmocka_unit_test(a_limit_is_kept),
        cmocka_unit_test_setup_teardown(it_is_started_again_up_to_its_limit, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_good_end_is_the_end, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_start_that_fails_is_not_tried_again, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(one_that_waits_is_ended_at_once, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(an_agent_that_is_killed_goes_on_counting, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(an_agent_that_is_killed_at_a_start_starts_it_once, scene_set_up,
                                        scene_tear_down),
        cmocka_unit_test_setup_teardown(health_is_told_when_it_changes, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(what_a_check_says_is_cut, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_check_that_hangs_has_failed, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(the_unhealthy_is_restarted, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(failures_do_not_count_in_the_start_period, scene_set_up, scene_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
