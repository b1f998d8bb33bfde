/* A whole agent, one turn at a time, and a hub that the test controls: workloads, restarts, sessions. */
#include "tests/lib/agent_talk.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/journal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Two workloads, and what was reported of them so far. */
struct pair {
    uint64_t resources[2];
    bool started[2], ended[2];
};

/* Takes one more report, and notes it. What happens to both workloads may be in one report or in two. */
static void hear_of(struct talk *talk, struct pair *pair)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_REPORT);
    const struct aq_report *report = heard.message;
    for (uint32_t i = 0; i < report->happenings.count; i++) {
        const struct aq_happening *happening = AQ_ITEM(report->happenings, struct aq_happening, i);
        int which = happening->resource == pair->resources[1];
        assert_int_equal(happening->resource, pair->resources[which]);
        assert_true(happening->what == AQ_HAPPENED_STARTED || happening->what == AQ_HAPPENED_ENDED);
        *(happening->what == AQ_HAPPENED_ENDED ? &pair->ended[which] : &pair->started[which]) = true;
        if (happening->what == AQ_HAPPENED_ENDED)
            assert_int_equal(happening->exit_status, 3);
    }
    talk_note(&heard);
}

/* ---- workloads ------------------------------------------------------------------------------------------- */

static void a_workload_starts_and_stops(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignment = talk_wanted(5, "{\"ip_addr\":\"10.0.0.5\"}");
    talk_greet(talk);
    talk_deliver(talk, 1, true, &assignment, 1);
    struct talk_heard heard = talk_hear(talk, AQ_MSG_REPORT);
    const struct aq_happening *started = talk_only_happening(&heard);
    assert_int_equal(started->what, AQ_HAPPENED_STARTED);
    assert_string_equal(started->identifier, "test 5");
    assert_string_equal(started->ip_addr, "10.0.0.5");
    talk_note(&heard);
    talk_deliver(talk, 2, false, &assignment, 1); /* the agent has that already */
    assignment = talk_gone(5);
    talk_deliver(talk, 3, false, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_ENDED);
    talk_deliver(talk, 4, false, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_ENDED); /* the agent does not have it */
}

static void a_bad_start_is_told(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignments[] = {talk_wanted(1, "{\"fail\":\"always\",\"fail_reason\":\"no luck\"}"),
                                          talk_wanted(2, "{\"nonsense\":1}"), talk_wanted(3, "{}")};
    assignments[2].driver = "magic";
    talk_greet(talk);
    talk_deliver(talk, 1, true, assignments, 3);
    for (unsigned told = 0; told < 3;) {
        struct talk_heard heard = talk_hear(talk, AQ_MSG_REPORT);
        const struct aq_report *report = heard.message;
        for (uint32_t i = 0; i < report->happenings.count; i++, told++) {
            const struct aq_happening *happening = AQ_ITEM(report->happenings, struct aq_happening, i);
            static const char *const words[] = {"no luck", "nonsense", "magic"};
            assert_int_equal(happening->what, AQ_HAPPENED_FAILED);
            assert_non_null(strstr(happening->reason, words[happening->resource - 1]));
        }
        talk_note(&heard);
    }
}

static void a_report_is_repeated_until_it_is_noted(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignment = talk_wanted(5, "{}");
    talk_greet(talk);
    talk_deliver(talk, 1, true, &assignment, 1);
    struct talk_heard first = talk_hear(talk, AQ_MSG_REPORT);
    struct talk_heard again = talk_hear(talk, AQ_MSG_REPORT); /* sent again without an answer */
    const struct aq_report *a = first.message, *b = again.message;
    assert_int_equal(a->number, b->number);
    assert_int_equal(talk_only_happening(&again)->what, AQ_HAPPENED_STARTED);
    talk_note(&again);
}

static void what_is_not_named_is_ended(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignments[] = {talk_wanted(5, "{}"), talk_wanted(9, "{}")};
    talk_greet(talk);
    talk_deliver(talk, 1, true, assignments, 2);
    struct pair pair = {.resources = {5, 9}};
    while (!pair.started[0] || !pair.started[1])
        hear_of(talk, &pair);
    struct talk_heard poll = talk_hear(talk, AQ_MSG_POLL);
    struct aq_work work = {
        .delivery = 2, .full = true, .first = 0, .last = 7}; /* 9 is out of the range of the delivery */
    channel_answer(&poll.question, AQ_MSG_WORK, &work);
    talk_expect(talk, 5, AQ_HAPPENED_ENDED);
    poll = talk_hear(talk, AQ_MSG_POLL);
    work = (struct aq_work){.delivery = 3, .full = true, .first = 8, .last = UINT64_MAX};
    channel_answer(&poll.question, AQ_MSG_WORK, &work);
    talk_expect(talk, 9, AQ_HAPPENED_ENDED);
}

/* What may have run is lost if there is no record of it; what has ended here, has ended. */
static void what_has_run_is_not_started_again(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignments[] = {talk_wanted(5, "{}"), talk_wanted(6, "{}")};
    talk_greet(talk);
    assignments[0].started = true;
    talk_deliver(talk, 1, true, assignments, 1);
    struct talk_heard heard = talk_hear(talk, AQ_MSG_REPORT);
    assert_int_equal(talk_only_happening(&heard)->what, AQ_HAPPENED_LOST);
    assert_int_equal(talk_only_happening(&heard)->resource, 5);
    assert_string_equal(talk_only_happening(&heard)->reason, "its node has lost its state");
    talk_note(&heard);
    talk_deliver(talk, 2, false, assignments + 1, 1); /* not known to have started: that is for the agent to know */
    talk_expect(talk, 6, AQ_HAPPENED_STARTED);
    assignments[1].started = true;
    talk_deliver(talk, 3, false, assignments + 1, 1); /* it has a record of it */
    struct aq_assignment end = talk_gone(6);
    talk_deliver(talk, 4, false, &end, 1);
    talk_expect(talk, 6, AQ_HAPPENED_ENDED);
    talk_deliver(talk, 5, false, assignments + 1, 1);
    talk_expect(talk, 6, AQ_HAPPENED_ENDED);
}

/* ---- restarts -------------------------------------------------------------------------------------------- */

static void a_restarted_agent_finds_its_workloads(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignments[] = {talk_wanted(5, "{}"), talk_wanted(6, "{\"run_ms\":300,\"exit_status\":3}")};
    struct pair pair = {.resources = {5, 6}};
    talk_greet(talk);
    talk_deliver(talk, 1, true, assignments, 2);
    while (!pair.started[0] || !pair.started[1])
        hear_of(talk, &pair);
    talk_turn(talk); /* the note arrives */
    agent_close(talk->agent);
    talk->agent = NULL;
    usleep(400000); /* one of them ends meanwhile, if not before */
    talk_listen(talk);
    talk->count = 0;
    talk_start_agent(talk);
    talk_greet(talk);
    pair.started[0] = false;
    while (!pair.started[0] || !pair.ended[1])
        hear_of(talk, &pair);
    assert_false(pair.ended[0]);
}

static void an_end_that_was_not_noted_survives(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignment = talk_wanted(5, "{}");
    talk_greet(talk);
    talk_deliver(talk, 1, true, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_STARTED);
    assignment = talk_gone(5);
    talk_deliver(talk, 2, false, &assignment, 1);
    talk_hear(talk, AQ_MSG_REPORT); /* the answer is lost */
    talk_restart_agent(talk);
    talk_expect(talk, 5, AQ_HAPPENED_ENDED);
    /* A late delivery from before its end does not start it again. */
    assignment = talk_wanted(5, "{}");
    talk_deliver(talk, 1, true, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_ENDED);
}

static void the_hub_may_restart(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignment = talk_wanted(5, "{}");
    talk_greet(talk);
    talk_deliver(talk, 7, true, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_STARTED);
    struct talk_heard heard = talk_hear(talk, AQ_MSG_POLL);
    assert_int_equal(((const struct aq_poll *)heard.message)->seen, 7);
    channel_close(&talk->channel);
    talk->count = 0;
    talk_open_channel(talk);
    heard = talk_hear(talk, AQ_MSG_POLL); /* sent again on the new connection */
    struct aq_refused refused = {"unauthenticated", "say hello first"};
    channel_answer(&heard.question, AQ_MSG_REFUSED, &refused);
    talk_greet(talk);
    do
        heard = talk_hear(talk, AQ_MSG_POLL);
    while (((const struct aq_poll *)heard.message)->seen != 0);
}

static uint64_t refuse_hello(struct talk *talk, const char *error, const char *message, uint64_t wait_ms)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    struct aq_refused refused = {error, message, wait_ms};
    channel_answer(&heard.question, AQ_MSG_REFUSED, &refused);
    return ((const struct aq_hello *)heard.message)->process;
}

static uint64_t number_of_next_hello(struct talk *talk)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    struct aq_refused refused = {"exists", "not yet", 20};
    uint64_t number = ((const struct aq_hello *)heard.message)->number;
    channel_answer(&heard.question, AQ_MSG_REFUSED, &refused);
    return number;
}

static void hellos_are_numbered(void **context)
{
    struct talk *talk = *context;
    for (uint64_t number = 1; number < 4; number++)
        assert_int_equal(number_of_next_hello(talk), number);
}

/* No refusal is for good. It is told once for each kind, not each time. */
static void a_refused_newcomer_asks_again(void **context)
{
    struct talk *talk = *context;
    struct test_journal journal;
    test_journal_catch(&journal, AQ_WARN);
    uint64_t process = refuse_hello(talk, "exists", "node one is alive", 20);
    assert_int_equal(refuse_hello(talk, "exists", "node one is alive still", 20), process);
    assert_int_equal(refuse_hello(talk, "invalid", "node one is odd", 20), process);
    assert_int_equal(refuse_hello(talk, "forbidden", "node one is banned", 20), process);
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    assert_string_equal(agent_refusal(talk->agent), "node one is banned");
    assert_false(agent_is_welcome(talk->agent));
    struct aq_welcome welcome = {.number = 1, .beat_ms = 1000, .patience_ms = 10000};
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    talk_hear(talk, AQ_MSG_POLL);
    assert_string_equal(agent_refusal(talk->agent), "");
    assert_true(agent_is_welcome(talk->agent));
    assert_int_equal(test_journal_release(&journal, "not admitted by the controller"), 3);
}

/* An agent of the same directory is another process, and says so. */
static void a_restart_is_another_process_at_the_same_home(void **context)
{
    struct talk *talk = *context;
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    struct aq_hello first = *(const struct aq_hello *)heard.message;
    agent_close(talk->agent);
    talk->agent = NULL;
    talk_listen(talk);
    talk->count = 0;
    talk_start_agent(talk);
    heard = talk_hear(talk, AQ_MSG_HELLO);
    const struct aq_hello *second = heard.message;
    assert_int_equal(first.form, AQ_WIRE_FORM);
    assert_int_equal(second->instance, first.instance);
    assert_true(first.home != 0 && second->home == first.home);
    assert_true(first.process != 0 && second->process != first.process);
}

static void other_settings_are_told(void **context)
{
    struct talk *talk = *context;
    talk_greet(talk);
    talk_hear(talk, AQ_MSG_POLL);
    struct aq_config_agent config = talk->config;
    config.capacity.slots = 3;
    agent_reconfigure(talk->agent, &config);
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    assert_int_equal(((const struct aq_hello *)heard.message)->capacity.slots, 3);
}

static void a_session_that_is_not_known_is_followed_by_another(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignment = talk_wanted(5, "{}");
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    uint64_t first = ((const struct aq_hello *)heard.message)->session;
    struct aq_welcome welcome = {.number = 1, .beat_ms = 100, .patience_ms = 10000};
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    talk_deliver(talk, 1, true, &assignment, 1);
    struct talk_heard report = talk_hear(talk, AQ_MSG_REPORT);
    assert_int_equal(((const struct aq_report *)report.message)->session, first);
    /* The next session repeats the report that is not noted yet. */
    struct aq_refused refused = {"unauthenticated", "say hello first"};
    channel_answer(&report.question, AQ_MSG_REFUSED, &refused);
    heard = talk_hear(talk, AQ_MSG_HELLO);
    uint64_t second = ((const struct aq_hello *)heard.message)->session;
    assert_int_not_equal(second, first);
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    report = talk_hear(talk, AQ_MSG_REPORT);
    assert_int_equal(((const struct aq_report *)report.message)->session, second);
    assert_int_equal(talk_only_happening(&report)->what, AQ_HAPPENED_STARTED);
    talk_note(&report);
    uint64_t last = 0;
    for (int i = 0; i < 3; i++) { /* heartbeats are numbered, on a new connection too */
        struct talk_heard beat = {0};
        while (!talk_take(talk, AQ_MSG_BEAT, &beat))
            talk_turn(talk);
        assert_true(((const struct aq_beat *)beat.message)->number > last);
        last = ((const struct aq_beat *)beat.message)->number;
        channel_answer(&beat.question, AQ_MSG_NOTED, &(struct aq_noted){0});
    }
}

static void work_from_before_is_not_taken_again(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignment = talk_wanted(5, "{}");
    talk_greet(talk);
    talk_deliver(talk, 1, true, NULL, 0);
    talk_deliver(talk, 2, true, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_STARTED);
    talk_deliver(talk, 1, true, NULL, 0); /* would end it */
    struct talk_heard heard = talk_hear(talk, AQ_MSG_POLL);
    assert_int_equal(((const struct aq_poll *)heard.message)->seen, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_workload_starts_and_stops, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_bad_start_is_told, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_report_is_repeated_until_it_is_noted, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_named_is_ended, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_restarted_agent_finds_its_workloads, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(an_end_that_was_not_noted_survives, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(the_hub_may_restart, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(what_has_run_is_not_started_again, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(hellos_are_numbered, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_refused_newcomer_asks_again, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_restart_is_another_process_at_the_same_home, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(other_settings_are_told, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_session_that_is_not_known_is_followed_by_another, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(work_from_before_is_not_taken_again, talk_setup, talk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
