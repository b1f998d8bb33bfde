/* An agent shuts its host down: when the cluster has confirmed the order that it answered, and never otherwise. */
#include "tests/lib/agent_scene.h"
#include "tests/lib/cmocka.h"

static unsigned shut_downs;
static bool fails;

static int shut_down(const struct aq_list *command, struct aq_error *error)
{
    assert_string_equal(AQ_TEXT_ITEM(*command, 0), "halt");
    shut_downs++;
    return fails ? aq_fail(error, AQ_E_INTERNAL, "there is no program halt") : 0;
}

static int set_up(void **state)
{
    static const char *command[] = {"halt", "-p"};
    int status = scene_set_up(state);
    struct scene *scene = *state;
    scene_kill_agent(scene);
    scene_pass(scene, 1000);
    scene->config.shutdown.command = (struct aq_list){command, 2};
    scene->host.shut_down = shut_down;
    shut_downs = 0;
    fails = false;
    scene_start_agent(scene);
    return status;
}

static void order(struct scene *scene, struct heard poll, uint64_t delivery, uint64_t number, bool confirmed)
{
    struct aq_work work = {
        .delivery = delivery, .full = true, .last = UINT64_MAX, .shutdown = number, .shutdown_confirmed = confirmed};
    scene_answer(scene, &poll, AQ_MSG_WORK, &work);
}

static struct heard begin(struct scene *scene)
{
    scene_greet(scene);
    scene_note_beat(scene);
    return scene_hear(scene, AQ_MSG_POLL);
}

static void expect_answer(struct scene *scene, uint64_t number, const char *refused)
{
    struct heard report = scene_hear(scene, AQ_MSG_REPORT);
    const struct aq_report *message = report.message;
    assert_int_equal(message->shutdown, number);
    assert_string_equal(message->shutdown_refused, refused);
    scene_note(scene, &report);
}

static void an_order_is_confirmed_before_it_is_carried_out(void **state)
{
    struct scene *scene = *state;
    order(scene, begin(scene), 1, 77, false);
    expect_answer(scene, 77, "");
    assert_int_equal(shut_downs, 0);
    order(scene, scene_hear(scene, AQ_MSG_POLL), 2, 77, true);
    assert_int_equal(shut_downs, 1);
    order(scene, scene_hear(scene, AQ_MSG_POLL), 3, 77, true); /* it is told again */
    assert_int_equal(shut_downs, 1);
    scene_hear(scene, AQ_MSG_POLL);
    scene_expect_silence(scene); /* and says no more about it */
}

/* As after the shutdown. */
static void an_agent_that_was_started_since_does_nothing(void **state)
{
    struct scene *scene = *state;
    order(scene, begin(scene), 1, 77, false);
    expect_answer(scene, 77, "");
    scene_kill_agent(scene);
    scene_pass(scene, 1000);
    scene_start_agent(scene);
    order(scene, begin(scene), 1, 77, true);
    assert_int_equal(shut_downs, 0);
}

static void another_order_is_not_this_one(void **state)
{
    struct scene *scene = *state;
    order(scene, begin(scene), 1, 77, false);
    expect_answer(scene, 77, "");
    order(scene, scene_hear(scene, AQ_MSG_POLL), 2, 78, true);
    assert_int_equal(shut_downs, 0);
}

/* It may have been called off since. */
static void what_is_confirmed_too_late_is_not_carried_out(void **state)
{
    struct scene *scene = *state;
    order(scene, begin(scene), 1, 77, false);
    expect_answer(scene, 77, "");
    struct heard poll = scene_hear(scene, AQ_MSG_POLL);
    scene_pass(scene, 45000);
    order(scene, poll, 2, 77, true);
    assert_int_equal(shut_downs, 0);
}

static void without_a_command_it_says_so(void **state)
{
    struct scene *scene = *state;
    scene_kill_agent(scene);
    scene_pass(scene, 1000);
    scene->config.shutdown.command.count = 0;
    scene_start_agent(scene);
    order(scene, begin(scene), 1, 77, false);
    expect_answer(scene, 77, "shutdown.command is not set in the settings of its agent (agent.yml)");
    order(scene, scene_hear(scene, AQ_MSG_POLL), 2, 77, true);
    assert_int_equal(shut_downs, 0);
}

static void a_command_that_cannot_be_run_is_told(void **state)
{
    struct scene *scene = *state;
    fails = true;
    order(scene, begin(scene), 1, 77, false);
    expect_answer(scene, 77, "");
    order(scene, scene_hear(scene, AQ_MSG_POLL), 2, 77, true);
    expect_answer(scene, 77, "there is no program halt");
}

/* A workload that the cluster does not know of is ended first. */
static void it_answers_when_nothing_is_left(void **state)
{
    struct scene *scene = *state;
    struct heard poll = scene_deliver_one(scene, "{\"stop_delay_ms\":700}");
    struct heard report = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &report);
    order(scene, poll, 2, 77, false);
    scene_live_until(scene, scene->now.steady_ms + 800);
    scene_hear(scene, AQ_MSG_POLL);
    report = scene_hear_report(scene, AQ_HAPPENED_ENDED);
    assert_int_equal(((const struct aq_report *)report.message)->shutdown, 0);
    scene_note(scene, &report);
    expect_answer(scene, 77, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_confirmed_before_it_is_carried_out),
        TEST(an_agent_that_was_started_since_does_nothing),
        TEST(another_order_is_not_this_one),
        TEST(what_is_confirmed_too_late_is_not_carried_out),
        TEST(without_a_command_it_says_so),
        TEST(a_command_that_cannot_be_run_is_told),
        TEST(it_answers_when_nothing_is_left),
    };
    return cmocka_run_group_tests_name("agent shutdown", tests, NULL, NULL);
}
