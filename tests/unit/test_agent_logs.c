/* What an agent tells of the output of its workloads: answers to questions, and sizes in heartbeats. */
#include "tests/lib/agent_talk.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>

static void questions_are_answered(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment assignment = talk_wanted(5, "{}");
    struct aq_ask asks[] = {{.number = 1, .resource = 5, .size = 100}, {.number = 2, .resource = 99, .size = 100}};
    talk_greet(talk);
    talk_deliver(talk, 1, true, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_STARTED);
    struct talk_heard heard = talk_hear(talk, AQ_MSG_POLL);
    struct aq_work work = {.delivery = 2, .asks = {asks, 2}};
    channel_answer(&heard.question, AQ_MSG_WORK, &work);
    heard = talk_hear(talk, AQ_MSG_REPORT);
    const struct aq_report *report = heard.message;
    assert_int_equal(report->told.count, 2);
    assert_string_equal(AQ_ITEM(report->told, struct aq_told, 0)->error, "");
    assert_non_null(strstr(AQ_ITEM(report->told, struct aq_told, 1)->error, "99"));
    talk_note(&heard);
    talk_hear(talk, AQ_MSG_POLL);
}

/* The output of workload 5 is this from now on; it begins at position 100. */
static void put_output(const struct talk *talk, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/one/workloads/5/driver/output.100", talk->directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void begin_with_output(struct talk *talk, const char *text)
{
    struct aq_assignment assignment = talk_wanted(5, "{}");
    struct talk_heard heard = talk_hear(talk, AQ_MSG_HELLO);
    struct aq_welcome welcome = {.number = 1, .beat_ms = 20, .patience_ms = 10000, .form = AQ_WIRE_FORM};
    assert_int_equal(((const struct aq_hello *)heard.message)->form, AQ_WIRE_FORM);
    channel_answer(&heard.question, AQ_MSG_WELCOME, &welcome);
    talk_deliver(talk, 1, true, &assignment, 1);
    talk_expect(talk, 5, AQ_HAPPENED_STARTED);
    put_output(talk, text);
}

static void send_ask(struct talk *talk, uint64_t delivery, struct aq_ask ask)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_POLL);
    ask.number = delivery;
    ask.resource = 5;
    struct aq_work work = {.delivery = delivery, .asks = {&ask, 1}};
    channel_answer(&heard.question, AQ_MSG_WORK, &work);
}

static struct aq_told take_told(struct talk *talk)
{
    struct talk_heard heard = talk_hear(talk, AQ_MSG_REPORT);
    const struct aq_report *report = heard.message;
    assert_int_equal(report->told.count, 1);
    talk_note(&heard);
    return *AQ_ITEM(report->told, struct aq_told, 0);
}

static void expect_told(struct talk *talk, const char *text, uint64_t start, uint64_t end, bool complete)
{
    struct aq_told told = take_told(talk);
    assert_string_equal(told.error, "");
    assert_int_equal(told.data.length, strlen(text));
    assert_memory_equal(told.data.data, text, strlen(text));
    assert_true(told.extent.known);
    assert_int_equal(told.extent.start, start);
    assert_int_equal(told.extent.first, 100);
    assert_int_equal(told.extent.end, end);
    assert_int_equal(told.extent.complete, complete);
}

static void a_log_is_sent_by_position(void **context)
{
    struct talk *talk = *context;
    struct aq_assignment no_longer = talk_gone(5);
    begin_with_output(talk, "hello\nworld\n");
    send_ask(talk, 2, (struct aq_ask){.size = 100, .onward = true, .after = 106});
    expect_told(talk, "world\n", 106, 112, false);
    send_ask(talk, 3, (struct aq_ask){.size = 2, .onward = true, .after = 7});
    expect_told(talk, "he", 100, 112, false); /* what was before is not kept */
    send_ask(talk, 4, (struct aq_ask){.size = 3});
    expect_told(talk, "ld\n", 109, 112, false); /* the newest */
    talk_deliver(talk, 6, false, &no_longer, 1);
    struct talk_heard heard = talk_hear(talk, AQ_MSG_REPORT);
    assert_int_equal(talk_only_happening(&heard)->log_bytes, 12);
    talk_note(&heard);
    for (uint64_t delivery = 7; delivery < 9; delivery++) { /* the workload is over; the agent has restarted */
        send_ask(talk, delivery, (struct aq_ask){.size = 100, .onward = true, .after = 106});
        expect_told(talk, "world\n", 106, 112, true);
        if (delivery == 7) {
            talk_turn(talk); /* the note arrives */
            talk_restart_agent(talk);
        }
    }
}

static void a_question_may_wait_for_output(void **context)
{
    struct talk *talk = *context;
    const struct aq_ask ask = {.size = 100, .onward = true, .after = 106, .wait_ms = AQ_ASK_WAIT_MAX_MS};
    struct aq_ask soon = ask;
    struct talk_heard heard;
    begin_with_output(talk, "hello\n");
    send_ask(talk, 2, ask);
    for (int i = 0; i < 50; i++)
        talk_turn(talk);
    assert_false(talk_take(talk, AQ_MSG_REPORT, &heard));
    put_output(talk, "hello\nworld\n");
    expect_told(talk, "world\n", 106, 112, false);
    soon.after = 112;
    soon.wait_ms = 1;
    send_ask(talk, 3, soon);
    expect_told(talk, "", 112, 112, false); /* its time is over */
    soon.wait_ms = AQ_ASK_WAIT_MAX_MS;
    send_ask(talk, 4, soon);
    struct aq_assignment no_longer = talk_gone(5);
    talk_deliver(talk, 5, false, &no_longer, 1);
    heard = talk_hear(talk, AQ_MSG_REPORT); /* with the end of the workload, the wait is over, too */
    const struct aq_report *report = heard.message;
    bool together = report->told.count == 1;
    talk_note(&heard);
    if (!together)
        expect_told(talk, "", 112, 112, true);
}

static struct talk_heard hear_beat(struct talk *talk)
{
    struct talk_heard heard;
    while (!talk_take(talk, AQ_MSG_BEAT, &heard))
        talk_turn(talk);
    channel_answer(&heard.question, AQ_MSG_NOTED, &(struct aq_noted){0});
    return heard;
}

static void heartbeats_tell_the_size_of_logs(void **context)
{
    struct talk *talk = *context;
    struct talk_heard heard;
    begin_with_output(talk, "hello\n");
    do
        heard = hear_beat(talk);
    while (((const struct aq_beat *)heard.message)->logs.count == 0);
    const struct aq_kept *kept = ((const struct aq_beat *)heard.message)->logs.items;
    assert_int_equal(kept->resource, 5);
    assert_int_equal(kept->first, 100);
    assert_int_equal(kept->end, 106);
    heard = hear_beat(talk);
    assert_int_equal(((const struct aq_beat *)heard.message)->logs.count, 0); /* it has not changed */
    put_output(talk, "hello\nworld\n");
    do
        heard = hear_beat(talk);
    while (((const struct aq_beat *)heard.message)->logs.count == 0);
    assert_int_equal(((const struct aq_kept *)((const struct aq_beat *)heard.message)->logs.items)->end, 112);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(questions_are_answered, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_log_is_sent_by_position, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(a_question_may_wait_for_output, talk_setup, talk_teardown),
        cmocka_unit_test_setup_teardown(heartbeats_tell_the_size_of_logs, talk_setup, talk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
