/* An agent by turns: what it says, when, and what it has stored by then. */
#include "tests/lib/agent_scene.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_workload_lives_its_life(void **state)
{
    struct scene *scene = *state;
    struct heard poll = scene_deliver_one(scene, "{\"start_delay_ms\":300,\"run_ms\":5000,\"exit_status\":3}");
    assert_int_equal(((const struct aq_poll *)poll.message)->seen, 1);
    assert_true(scene_there_is(scene, "workloads/5/assignment"));
    assert_int_equal(scene->deadline_ms, 1300); /* when it starts */
    scene_live_until(scene, 1299);
    scene_expect_silence(scene);
    scene_live_until(scene, 1300);
    struct heard report = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &report);
    for (uint64_t beat_ms = 1000 + BEAT_MS; beat_ms < 6300; beat_ms += BEAT_MS) {
        scene_live_until(scene, beat_ms - 1);
        scene_expect_silence(scene);
        scene_live_until(scene, beat_ms);
        scene_note_beat(scene);
    }
    scene_live_until(scene, 6299);
    scene_expect_silence(scene);
    assert_false(scene_there_is(scene, "workloads/5/ended"));
    scene_live_until(scene, 6300);
    report = scene_hear_report(scene, AQ_HAPPENED_ENDED);
    const struct aq_report *message = report.message;
    assert_int_equal(AQ_ITEM(message->happenings, struct aq_happening, 0)->exit_status, 3);
    assert_true(scene_there_is(scene, "workloads/5/ended"));
    scene_note(scene, &report);
    assert_false(scene_there_is(scene, "workloads/5"));
    assert_true(scene_there_is(scene, "ended/5"));
}

static void the_host_is_told(void **state)
{
    struct scene *scene = *state;
    struct aq_hello hello = scene_greet(scene);
    assert_int_equal(hello.capacity.cpu, 4000);
    assert_string_equal(hello.address, "192.0.2.7");
    assert_string_equal(AQ_TEXT_ITEM(hello.identifiers, 1), "arch:vax");
    assert_string_equal(AQ_TEXT_ITEM(hello.identifiers, 3), "host:host-1");
    struct heard beat = scene_hear(scene, AQ_MSG_BEAT);
    assert_int_equal(((const struct aq_beat *)beat.message)->load_milli, 250);
    assert_int_equal(((const struct aq_beat *)beat.message)->memory_available, 512);
}

/* Whatever is late, the connection is replaced, and everything is asked again. */
static void a_late_answer_replaces_the_connection(void **state)
{
    struct scene *scene = *state;
    struct heard lost = scene_hear(scene, AQ_MSG_HELLO);
    scene_live_until(scene, 1000 + ANSWER_MS - 1);
    assert_int_equal(scene->wire.connects, 1);
    scene_live_until(scene, 1000 + ANSWER_MS);
    assert_int_equal(scene->wire.connects, 2);
    scene_answer(scene, &lost, AQ_MSG_WELCOME, &(struct aq_welcome){.beat_ms = 1}); /* nobody waits for it any more */
    scene_greet(scene);
    struct heard beat = scene_hear(scene, AQ_MSG_BEAT);
    struct heard poll = scene_hear(scene, AQ_MSG_POLL);
    scene_live_until(scene, scene->now.steady_ms + ANSWER_MS);
    assert_int_equal(scene->wire.connects, 3);
    struct heard again = scene_hear(scene, AQ_MSG_POLL); /* the same question, on the new connection */
    assert_int_equal(again.number, poll.number);
    assert_int_not_equal(scene_hear(scene, AQ_MSG_BEAT).number, beat.number);
}

static void questions_wait_for_a_connection(void **state)
{
    struct scene *scene = *state;
    struct heard report, poll = scene_deliver_one(scene, "{\"run_ms\":1500}");
    report = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    wire_cut(&scene->wire);
    scene_live_until(scene, scene->now.steady_ms + 3000);
    scene_expect_silence(scene);
    wire_mend(&scene->wire);
    scene_live_until(scene, scene->now.steady_ms + 1000); /* no descriptor tells it, but it looks */
    struct heard again = scene_hear(scene, AQ_MSG_POLL);
    assert_int_equal(again.number, poll.number);
    again = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    assert_int_equal(again.number, report.number);
    scene_note(scene, &again);
    scene_hear_report(scene, AQ_HAPPENED_ENDED);
}

/* An end that was reported but not noted is told by the next run, too: it was stored before. */
static void an_end_is_stored_before_it_is_told(void **state)
{
    struct scene *scene = *state;
    struct heard report, poll = scene_deliver_one(scene, "{\"run_ms\":1000}");
    (void)poll;
    report = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &report);
    scene_live_until(scene, 2000);
    report = scene_hear_report(scene, AQ_HAPPENED_ENDED);
    scene_kill_agent(scene);
    assert_int_equal(unlink(scene_path_of(scene, "workloads/5/driver/test")),
                     0); /* so the driver does not know it any more */
    scene_start_agent(scene);
    struct aq_hello hello = scene_greet(scene);
    report = scene_hear_report(scene, AQ_HAPPENED_ENDED);
    assert_int_equal(((const struct aq_report *)report.message)->session, hello.session);
}

/* Its driver could not end it without an agent. */
static void a_lease_needs_a_driver_that_keeps_it(void **state)
{
    struct scene *scene = *state;
    struct aq_assignment assignment = scene_wanted(5, "{}");
    assignment.lease = 60;
    scene_greet(scene);
    scene_note_beat(scene);
    struct heard report, poll = scene_hear(scene, AQ_MSG_POLL);
    scene_deliver(scene, &poll, 1, &assignment, 1);
    scene_live_until(scene, scene->now.steady_ms);
    report = scene_hear_report(scene, AQ_HAPPENED_FAILED);
    const struct aq_report *message = report.message;
    assert_string_equal(AQ_ITEM(message->happenings, struct aq_happening, 0)->reason,
                        "driver test keeps no leases: its workloads cannot have one");
    assert_false(scene_there_is(scene, "lease"));
}

static void a_restarted_agent_adopts_its_workloads(void **state)
{
    struct scene *scene = *state;
    struct aq_assignment assignments[] = {scene_wanted(5, "{\"run_ms\":60000,\"exit_status\":4}"),
                                          scene_wanted(6, "{}")};
    struct aq_hello before = scene_greet(scene);
    scene_note_beat(scene);
    struct heard poll = scene_hear(scene, AQ_MSG_POLL);
    scene_deliver(scene, &poll, 1, assignments, 2);
    while (!scene_there_is(scene, "workloads/6"))
        scene_turn(scene);
    scene_kill_agent(scene);
    scene->wire.question_count = 0; /* nothing of what it told has come */
    scene_pass(scene, 30000);
    scene_start_agent(scene);
    struct aq_hello after = scene_greet(scene);
    assert_int_equal(after.instance, before.instance);
    assert_int_equal(after.home, before.home);
    assert_int_not_equal(after.process, before.process);
    struct heard report = scene_hear(scene, AQ_MSG_REPORT);
    const struct aq_report *message = report.message;
    assert_int_equal(message->happenings.count, 2); /* both still run */
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(AQ_ITEM(message->happenings, struct aq_happening, i)->what, AQ_HAPPENED_STARTED);
    scene_kill_agent(scene);
    scene_pass(scene, 40000); /* one of them ends meanwhile */
    scene_start_agent(scene);
    scene_greet(scene);
    report = scene_hear(scene, AQ_MSG_REPORT);
    message = report.message;
    assert_int_equal(message->happenings.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct aq_happening *happening = AQ_ITEM(message->happenings, struct aq_happening, i);
        bool over = happening->resource == 5;
        assert_int_equal(happening->what, over ? AQ_HAPPENED_ENDED : AQ_HAPPENED_STARTED);
        assert_int_equal(happening->exit_status, over ? 4 : 0);
    }
}

/* The agent, or its machine, stands still for an hour; and turns that nothing calls for change nothing. */
static void turns_may_be_late_or_too_many(void **state)
{
    struct scene *scene = *state;
    struct heard report, poll = scene_deliver_one(scene, "{\"run_ms\":200000}");
    report = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &report);
    for (int i = 0; i < 100; i++)
        scene_turn(scene);
    scene_expect_silence(scene);
    assert_true(scene->deadline_ms > scene->now.steady_ms);
    struct aq_work nothing = {.delivery = 2};
    scene_pass(scene, 250000);
    scene_answer(scene, &poll, AQ_MSG_WORK, &nothing); /* it had arrived meanwhile, so it is not late */
    assert_int_equal(scene->wire.connects, 1);
    report = scene_hear_report(scene, AQ_HAPPENED_ENDED); /* at once, and no heartbeats for the time that was missed */
    scene_hear(scene, AQ_MSG_POLL);
    scene_expect_silence(scene);
    scene_note(scene, &report);
    scene_note_beat(scene);
    scene_expect_silence(scene);
    assert_int_equal(scene->deadline_ms, scene->now.steady_ms + 1000);
}

/* The wall clock decides nothing while the agent lives: only plans and ages that are stored have it. */
static void a_clock_that_jumps_moves_nothing(void **state)
{
    struct scene *scene = *state;
    struct heard report, poll = scene_deliver_one(scene, "{\"run_ms\":1500}");
    (void)poll;
    report = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &report);
    scene->now.wall_ms -= 7200000;
    scene_live_until(scene, 2499);
    scene_expect_silence(scene);
    scene_live_until(scene, 2500);
    scene_hear_report(scene, AQ_HAPPENED_ENDED);
}

/* ---- much work ------------------------------------------------------------------------------------------ */

/* Delivers so many workloads and takes turns until all are stored. Each thing that is stored takes `disk_ms`. Returns
 * the longest turn, in things, and in *turns how many there were. */
static unsigned carry_out(struct scene *scene, unsigned count, unsigned disk_ms, unsigned *turns)
{
    struct aq_assignment *assignments = aq_calloc(count, sizeof *assignments);
    unsigned stored = 0, most = 0;
    char name[32];
    for (unsigned i = 0; i < count; i++)
        assignments[i] = scene_wanted(i + 1, "{\"start_delay_ms\":3600000}"); /* none has an end that is stored */
    scene_greet(scene);
    scene_note_beat(scene);
    struct heard poll = scene_hear(scene, AQ_MSG_POLL);
    scene_deliver(scene, &poll, 1, assignments, count);
    free(assignments);
    for (*turns = 1;; ++*turns) {
        unsigned before = stored;
        for (snprintf(name, sizeof name, "workloads/%u", stored + 1); scene_there_is(scene, name);
             snprintf(name, sizeof name, "workloads/%u", stored + 1))
            stored++;
        most = stored - before > most ? stored - before : most;
        if (stored == count)
            return most;
        assert_true(scene->deadline_ms <= scene->now.steady_ms); /* the next turn is due at once */
        scene_pass(scene, (uint64_t)(stored - before) * disk_ms);
        scene_turn(scene);
    }
}

/* A turn does a bounded part of a delivery, so that heartbeats and signals are not late, and the next is due at once.
 */
static void a_quick_disk_takes_more_in_a_turn(void **state)
{
    unsigned turns;
    assert_int_equal(carry_out(*state, 300, 1, &turns), 16);
    assert_in_range(turns, 300 / 16, 300 / 16 + 5);
}

static void a_slow_disk_takes_less_in_a_turn(void **state)
{
    unsigned turns;
    assert_int_equal(carry_out(*state, 30, 200, &turns), 1);
    assert_in_range(turns, 30, 31);
}

/* The agent says HELLO after exactly this time, and not before. */
static struct heard hear_hello_after(struct scene *scene, uint64_t ms)
{
    scene_live_until(scene, scene->now.steady_ms + ms - 1);
    scene_expect_silence(scene);
    scene_live_until(scene, scene->now.steady_ms + 1);
    return scene_hear(scene, AQ_MSG_HELLO);
}

/* As the agent of a host that was installed again, until the node of its name is lost. */
static void who_is_not_admitted_asks_again(void **state)
{
    struct scene *scene = *state;
    const uint64_t pauses_ms[] = {1000, 2000, 4000, 8000, 10000, 10000};
    struct aq_refused refused = {.error = aq_error_name(AQ_E_EXISTS), .message = "node one is alive"};
    struct heard hello = scene_hear(scene, AQ_MSG_HELLO);
    for (size_t i = 0; i < AQ_LENGTH(pauses_ms); i++) {
        scene_answer(scene, &hello, AQ_MSG_REFUSED, &refused);
        assert_string_equal(agent_refusal(scene->agent), "node one is alive");
        hello = hear_hello_after(scene, pauses_ms[i]);
    }
    refused.wait_ms = 3000; /* the hub says when it makes sense */
    scene_answer(scene, &hello, AQ_MSG_REFUSED, &refused);
    hello = hear_hello_after(scene, 3000);
    scene_answer(scene, &hello, AQ_MSG_WELCOME, &(struct aq_welcome){.beat_ms = 1000, .patience_ms = 1000});
    scene_hear(scene, AQ_MSG_BEAT);
}

/* A hub that was restarted knows no command. If the agent's next message is HELLO, because what it offers has changed,
 * the hub refuses nothing, and the agent would not notice. */
static void commands_are_told_of_after_hello(void **state)
{
    struct scene *scene = *state;
    const char *hang[] = {"hang"};
    struct aq_exec_order order = {.session = 9, .resource = 5, .start = true, .arguments = {hang, 1}};
    const struct aq_work work = {.delivery = 2, .execs = {&order, 1}};
    struct aq_exec_gone gone = {.session = 9};
    struct heard poll = scene_deliver_one(scene, "{\"run_ms\":60000}");
    struct heard heard = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &heard);
    scene_answer(scene, &poll, AQ_MSG_WORK, &work);
    scene_hear(scene, AQ_MSG_POLL);
    scene_expect_silence(scene); /* the command has nothing to say */
    agent_reconfigure(scene->agent, &scene->config);
    scene_turn(scene);
    scene_greet(scene);
    scene_note_beat(scene);
    scene_hear(scene, AQ_MSG_POLL);
    heard = scene_hear(scene, AQ_MSG_EXEC);
    const struct aq_exec *message = heard.message;
    assert_int_equal(message->told.count, 1);
    assert_int_equal(AQ_ITEM(message->told, struct aq_exec_told, 0)->session, 9);
    assert_false(AQ_ITEM(message->told, struct aq_exec_told, 0)->output.over);
    scene_answer(scene, &heard, AQ_MSG_EXECUTED, &(struct aq_executed){.unknown = {&gone, 1}});
    agent_reconfigure(scene->agent, &scene->config);
    scene_turn(scene);
    scene_greet(scene);
    scene_note_beat(scene);
    scene_hear(scene, AQ_MSG_POLL);
    scene_expect_silence(scene); /* it is dropped */
}

/* The hub orders it again until it hears of it, and hears of its end before that order arrives. */
static void a_command_that_is_over_is_not_run_again(void **state)
{
    struct scene *scene = *state;
    const char *say[] = {"say", "hello", "3"};
    struct aq_exec_order order = {.session = 9, .resource = 5, .start = true, .arguments = {say, 3}, .allowed = 100};
    struct aq_work work = {.delivery = 2, .execs = {&order, 1}};
    struct heard poll = scene_deliver_one(scene, "{\"run_ms\":60000}");
    struct heard heard = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &heard);
    scene_answer(scene, &poll, AQ_MSG_WORK, &work);
    poll = scene_hear(scene, AQ_MSG_POLL);
    scene_live_until(scene, scene->now.steady_ms);
    bool over = false;
    while (!over) {
        heard = scene_hear(scene, AQ_MSG_EXEC);
        over = AQ_ITEM(((const struct aq_exec *)heard.message)->told, struct aq_exec_told, 0)->output.over;
        scene_answer(scene, &heard, AQ_MSG_EXECUTED, &(struct aq_executed){.unknown = {NULL, 0}});
    }
    work.delivery = 3;
    scene_answer(scene, &poll, AQ_MSG_WORK, &work);
    scene_hear(scene, AQ_MSG_POLL);
    scene_live_until(scene, scene->now.steady_ms);
    scene_expect_silence(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lease_needs_a_driver_that_keeps_it, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_workload_lives_its_life, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(the_host_is_told, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_late_answer_replaces_the_connection, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(questions_wait_for_a_connection, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(an_end_is_stored_before_it_is_told, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_restarted_agent_adopts_its_workloads, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(turns_may_be_late_or_too_many, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_jumps_moves_nothing, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(who_is_not_admitted_asks_again, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_command_that_is_over_is_not_run_again, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(commands_are_told_of_after_hello, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_quick_disk_takes_more_in_a_turn, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_slow_disk_takes_less_in_a_turn, scene_set_up, scene_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
