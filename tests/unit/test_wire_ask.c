/* The client of the hub: numbers, lost connections, late answers; with a server that the test controls. */
#include "schema/wire/ask.h"
#include "schema/wire/uplink_nanomsg.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"
#include "tests/lib/wire_server.h"

#include <nanomsg/nn.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LATE_MS = 1000000, RETRY_MOST_MS = 200, PATIENCE = 2000 };

struct fixture {
    char directory[64], url[128];
    struct aq_asker *asker;
    struct aq_arena arena;
    int server; /* -1: none */
};

static int set_up(void **state)
{
    struct fixture *fixture = aq_calloc(1, sizeof *fixture);
    struct aq_error error = {0};
    assert_true(sodium_init() >= 0);
    test_make_directory(fixture->directory, sizeof fixture->directory, "/tmp", "aq-wire-ask");
    snprintf(fixture->url, sizeof fixture->url, "ipc://%s/sock", fixture->directory);
    fixture->server = -1;
    assert_int_equal(aq_asker_open(&fixture->asker, aq_uplink_nanomsg(&(const char *){fixture->url}, 1, RETRY_MOST_MS),
                                   NULL, &error),
                     0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    aq_asker_close(fixture->asker);
    if (fixture->server >= 0)
        nn_close(fixture->server);
    aq_arena_free(&fixture->arena);
    test_remove_tree(fixture->directory);
    free(fixture);
    return 0;
}

/* ---- steps -------------------------------------------------------------------------------------------- */

static void wait_connected(struct fixture *fixture, bool wanted)
{
    for (int i = 0; i < PATIENCE && aq_asker_is_connected(fixture->asker) != wanted; i++)
        poll(NULL, 0, 5);
    assert_int_equal(aq_asker_is_connected(fixture->asker), wanted);
}

static void serve(struct fixture *fixture)
{
    fixture->server = wire_serve(fixture->url);
    wait_connected(fixture, true);
}

static void stop_serving(struct fixture *fixture)
{
    nn_close(fixture->server);
    fixture->server = -1;
    wait_connected(fixture, false);
}

static void ask(struct fixture *fixture, struct aq_question *question, uint64_t seq)
{
    const struct aq_watch watch = {.seq = seq};
    aq_asker_ask(fixture->asker, question, AQ_MSG_WATCH, &watch, LATE_MS);
    assert_true(question->open);
    assert_int_equal(question->asked, AQ_MSG_WATCH);
}

static int ask_once(struct fixture *fixture, struct aq_question *question, uint64_t seq, struct aq_error *error)
{
    const struct aq_watch watch = {.seq = seq};
    return aq_asker_ask_once(fixture->asker, question, AQ_MSG_WATCH, &watch, LATE_MS, error);
}

static void take_asked(struct fixture *fixture, struct wire_question *asked, uint64_t seq)
{
    aq_asker_flush(fixture->asker);
    wire_take(fixture->server, asked);
    assert_int_equal(asked->seq, seq);
}

static void answer(struct fixture *fixture, struct wire_question *asked)
{
    const struct aq_now now = {.seq = 100 + asked->seq};
    wire_answer(fixture->server, asked, AQ_MSG_NOW, &now);
}

/* The next answer is to `question`, with 100 + seq. */
static void expect_answer(struct fixture *fixture, const struct aq_question *question, uint64_t seq)
{
    enum aq_message_type type;
    void *message;
    const struct aq_question *answered = NULL;
    for (int i = 0; i < PATIENCE && answered == NULL; i++) {
        struct pollfd fd = {aq_asker_fd(fixture->asker), POLLIN, 0};
        poll(&fd, 1, 5);
        answered = aq_asker_take(fixture->asker, &type, &message, &fixture->arena);
    }
    assert_ptr_equal(answered, question);
    assert_false(answered->open);
    assert_int_equal(answered->asked, AQ_MSG_WATCH);
    assert_int_equal(type, AQ_MSG_NOW);
    assert_int_equal(((const struct aq_now *)message)->seq, 100 + seq);
}

static void expect_no_answer(struct fixture *fixture)
{
    enum aq_message_type type;
    void *message;
    for (int i = 0; i < 10; i++) {
        poll(NULL, 0, 5);
        assert_null(aq_asker_take(fixture->asker, &type, &message, &fixture->arena));
    }
}

/* ---- tests -------------------------------------------------------------------------------------------- */

static void without_a_connection_a_question_waits_or_fails(void **state)
{
    struct fixture *fixture = *state;
    struct aq_question waits = {0}, fails = {0};
    struct wire_question asked;
    struct aq_error error = {0};
    ask(fixture, &waits, 1);
    assert_true(aq_asker_has_unsent(fixture->asker));
    assert_int_equal(ask_once(fixture, &fails, 2, &error), -1);
    assert_int_equal(error.code, AQ_E_NO_LEADER);
    assert_false(fails.open);
    assert_false(aq_asker_has_new_connection(fixture->asker));
    serve(fixture);
    take_asked(fixture, &asked, 1);
    assert_false(aq_asker_has_unsent(fixture->asker));
    assert_true(aq_asker_has_new_connection(fixture->asker));
    assert_false(aq_asker_has_new_connection(fixture->asker));
    answer(fixture, &asked);
    expect_answer(fixture, &waits, 1);
    aq_asker_flush(fixture->asker);
    assert_false(aq_asker_has_unsent(fixture->asker));
}

static void answers_come_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    struct aq_question questions[4] = {0};
    struct wire_question asked[4];
    struct aq_error error = {0};
    static const int order[] = {2, 0, 3, 1};
    serve(fixture);
    for (int i = 0; i < 4; i++) {
        if (i % 2 == 0)
            ask(fixture, &questions[i], (uint64_t)i);
        else
            assert_int_equal(ask_once(fixture, &questions[i], (uint64_t)i, &error), 0);
        take_asked(fixture, &asked[i], (uint64_t)i);
    }
    for (int i = 0; i < 4; i++) {
        answer(fixture, &asked[order[i]]);
        expect_answer(fixture, &questions[order[i]], (uint64_t)order[i]);
    }
    ask(fixture, &questions[0], 7); /* a question can be asked again */
    take_asked(fixture, &asked[0], 7);
    answer(fixture, &asked[0]);
    expect_answer(fixture, &questions[0], 7);
}

static void what_does_not_open_or_comes_too_late_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct aq_question question = {0};
    struct wire_question first, second;
    static const char garbage[70] = "not a message";
    serve(fixture);
    ask(fixture, &question, 1);
    take_asked(fixture, &first, 1);
    ask(fixture, &question, 2); /* drops the first question */
    take_asked(fixture, &second, 2);
    answer(fixture, &first);
    wire_answer_bytes(fixture->server, &second, garbage, sizeof garbage);
    expect_no_answer(fixture);
    assert_true(question.open);
    answer(fixture, &second);
    answer(fixture, &second);
    expect_answer(fixture, &question, 2);
    expect_no_answer(fixture);
}

static void a_lost_connection_loses_what_was_asked_once(void **state)
{
    struct fixture *fixture = *state;
    struct aq_question again = {0}, once = {0};
    struct wire_question asked;
    struct aq_error error = {0};
    serve(fixture);
    ask(fixture, &again, 1);
    assert_int_equal(ask_once(fixture, &once, 2, &error), 0);
    take_asked(fixture, &asked, 1);
    take_asked(fixture, &asked, 2);
    assert_null(aq_asker_take_failed(fixture->asker, 0));
    stop_serving(fixture);
    aq_asker_flush(fixture->asker);
    assert_ptr_equal(aq_asker_take_failed(fixture->asker, 0), &once);
    assert_true(once.lost);
    assert_null(aq_asker_take_failed(fixture->asker, 0));
    serve(fixture);
    take_asked(fixture, &asked, 1);
    answer(fixture, &asked);
    expect_answer(fixture, &again, 1);
    assert_false(again.lost);
}

static void a_replaced_connection_is_as_a_lost_one(void **state)
{
    struct fixture *fixture = *state;
    struct aq_question again = {0}, once = {0};
    struct wire_question before, after;
    struct aq_error error = {0};
    serve(fixture);
    ask(fixture, &again, 1);
    assert_int_equal(ask_once(fixture, &once, 2, &error), 0);
    take_asked(fixture, &before, 1);
    take_asked(fixture, &before, 2);
    assert_int_equal(aq_asker_reconnect(fixture->asker, &error), 0);
    assert_ptr_equal(aq_asker_take_failed(fixture->asker, 0), &once);
    wait_connected(fixture, true);
    take_asked(fixture, &after, 1);
    answer(fixture, &after);
    expect_answer(fixture, &again, 1);
}

static void late_questions_fail_oldest_first(void **state)
{
    struct fixture *fixture = *state;
    struct aq_question questions[3] = {0};
    const struct aq_watch watch = {.seq = 1};
    struct wire_question asked;
    for (int i = 0; i < 3; i++)
        aq_asker_ask(fixture->asker, &questions[i], AQ_MSG_WATCH, &watch, i == 1 ? 300 : 200);
    assert_null(aq_asker_take_failed(fixture->asker, 199));
    assert_ptr_equal(aq_asker_take_failed(fixture->asker, 200), &questions[0]);
    assert_false(questions[0].open);
    assert_false(questions[0].lost);
    assert_ptr_equal(aq_asker_take_failed(fixture->asker, 200), &questions[2]);
    assert_null(aq_asker_take_failed(fixture->asker, 200));
    ask(fixture, &questions[2], 5); /* the list is sound after its last question was removed */
    aq_asker_drop(fixture->asker, &questions[1]);
    aq_asker_drop(fixture->asker, &questions[1]); /* not open any more: nothing happens */
    serve(fixture);
    take_asked(fixture, &asked, 5);
    answer(fixture, &asked);
    expect_answer(fixture, &questions[2], 5);
    assert_null(aq_asker_take_failed(fixture->asker, UINT64_MAX));
}

static void closing_drops_what_is_open(void **state)
{
    struct fixture *fixture = *state;
    struct aq_question question = {0};
    ask(fixture, &question, 1);
    aq_asker_close(fixture->asker);
    fixture->asker = NULL;
    assert_false(question.open);
}

static void a_url_that_cannot_be_used_is_named(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct aq_asker *asker = NULL;
    assert_int_equal(
        aq_asker_open(&asker, aq_uplink_nanomsg(&(const char *){"tcp://127.0.0.1"}, 1, RETRY_MOST_MS), NULL, &error),
        -1);
    assert_int_equal(error.code, AQ_E_IO);
    assert_non_null(strstr(error.message, "cannot connect to tcp://127.0.0.1: "));
    assert_null(asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_connection_a_question_waits_or_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_come_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_open_or_comes_too_late_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_connection_loses_what_was_asked_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replaced_connection_is_as_a_lost_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_questions_fail_oldest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_drops_what_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_url_that_cannot_be_used_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
