/* Questions to a stand-in for the controller: answered in any order, refused, late and lost. */
#include "fs/link/questions.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"
#include "tests/lib/wire_server.h"

#include <nanomsg/nn.h>
#include <poll.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static struct questions *questions;
static int server;

struct outcome {
    int calls;
    struct aq_error error;
    uint64_t seq;
};

static void note(void *context, const struct aq_error *error, enum aq_message_type type, const void *answer)
{
    struct outcome *outcome = context;
    outcome->calls++;
    outcome->error = *error;
    outcome->seq = answer != NULL && type == AQ_MSG_NOW ? ((const struct aq_now *)answer)->seq : 0;
}

/* Works until there is an outcome, for 10 seconds at most. */
static void work_until(const struct outcome *outcome, int calls)
{
    for (int i = 0; i < 2000 && outcome->calls < calls; i++) {
        struct pollfd fd = {questions_fd(questions), POLLIN, 0};
        poll(&fd, 1, 5);
        questions_work(questions);
    }
    assert_int_equal(outcome->calls, calls);
}

static void wait_connected(bool wanted)
{
    for (int i = 0; i < 2000 && questions_connected(questions) != wanted; i++) {
        poll(NULL, 0, 5);
        questions_work(questions);
    }
    assert_int_equal(questions_connected(questions), wanted);
}

static void serve(void)
{
    char url[128];
    snprintf(url, sizeof url, "ipc://%s/%s", directory, AQ_FILE_LOCAL_SOCKET);
    server = wire_serve(url);
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    struct aq_error error = {0};
    assert_true(sodium_init() >= 0);
    test_make_directory(directory, sizeof directory, "/tmp", "aq-fs-questions");
    snprintf(path, sizeof path, "%s/run", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(questions_open(&questions, directory, &error), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    questions_close(questions);
    test_remove_tree(directory);
    return 0;
}

static void take(struct wire_question *question)
{
    wire_take(server, question);
}

static void answer(struct wire_question *question, enum aq_message_type type, const void *message)
{
    wire_answer(server, question, type, message);
}

static int ask(uint64_t seq, unsigned timeout_ms, struct outcome *outcome)
{
    struct aq_error error = {0};
    const struct aq_watch watch = {.seq = seq};
    int status = questions_ask(questions, AQ_MSG_WATCH, &watch, timeout_ms, note, outcome, &error);
    if (status != 0)
        outcome->error = error;
    return status;
}

static void a_missing_controller_is_noticed_at_once(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    assert_int_equal(ask(1, 1000, &outcome), -1);
    assert_int_equal(outcome.error.code, AQ_E_NO_LEADER);
    assert_int_equal(outcome.calls, 0);
}

static void answers_come_in_any_order(void **state)
{
    (void)state;
    struct outcome outcomes[3] = {0};
    struct wire_question asked[3];
    serve();
    wait_connected(true);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(ask(i, 10000, &outcomes[i]), 0);
    for (int i = 0; i < 3; i++)
        take(&asked[i]);
    for (int i = 2; i >= 0; i--) {
        const struct aq_now now = {.seq = 100 + asked[i].seq};
        answer(&asked[i], AQ_MSG_NOW, &now);
        work_until(&outcomes[asked[i].seq], 1);
        assert_int_equal(outcomes[asked[i].seq].error.code, AQ_OK);
        assert_int_equal(outcomes[asked[i].seq].seq, 100 + asked[i].seq);
    }
}

static void refusals_and_foreign_messages(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    struct wire_question question;
    const struct aq_refused refused = {.error = "busy", .message = "the queue is full; try again"};
    assert_int_equal(ask(5, 10000, &outcome), 0);
    take(&question);
    wire_answer_bytes(server, &question,
                      "not sealed with our key, and not even long enough to be........................", 70);
    answer(&question, AQ_MSG_REFUSED, &refused);
    work_until(&outcome, 1);
    assert_int_equal(outcome.error.code, AQ_E_BUSY);
    assert_string_equal(outcome.error.message, refused.message);
    answer(&question, AQ_MSG_REFUSED, &refused); /* again: it is dropped */
    poll(NULL, 0, 50);
    questions_work(questions);
    assert_int_equal(outcome.calls, 1);
}

static void the_outcome_of_a_late_question_is_unknown(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    struct wire_question question;
    const struct aq_now now = {.seq = 9};
    assert_int_equal(ask(6, 20, &outcome), 0);
    take(&question);
    work_until(&outcome, 1);
    assert_int_equal(outcome.error.code, AQ_E_UNKNOWN);
    answer(&question, AQ_MSG_NOW, &now);
    poll(NULL, 0, 50);
    questions_work(questions);
    assert_int_equal(outcome.calls, 1);
}

static void a_controller_that_dies_is_noticed(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    struct wire_question question;
    assert_int_equal(ask(7, 60000, &outcome), 0);
    take(&question);
    nn_close(server);
    work_until(&outcome, 1); /* long before it is late */
    assert_int_equal(outcome.error.code, AQ_E_UNKNOWN);
    wait_connected(false);
    assert_int_equal(ask(8, 1000, &outcome), -1);
    assert_int_equal(outcome.error.code, AQ_E_NO_LEADER);
    serve();
    wait_connected(true);                         /* reconnected */
    assert_int_equal(ask(9, 60000, &outcome), 0); /* stays open: closing drops it without a call */
    take(&question);
    nn_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_controller_is_noticed_at_once),
        cmocka_unit_test(answers_come_in_any_order),
        cmocka_unit_test(refusals_and_foreign_messages),
        cmocka_unit_test(the_outcome_of_a_late_question_is_unknown),
        cmocka_unit_test(a_controller_that_dies_is_noticed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
