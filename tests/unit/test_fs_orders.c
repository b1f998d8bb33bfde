/* Questions to the controller: answered in any order, refused, given up; with a stand-in for the controller. */
#include "fs/link/orders.h"
#include "schema/wire/seal.h"

#include <ftw.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <poll.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static struct aq_wire_key key;
static struct orders *orders;
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

/* Works until the outcome is there: 10 seconds at most. */
static void work_until(const struct outcome *outcome, int calls)
{
    for (int i = 0; i < 2000 && outcome->calls < calls; i++) {
        struct pollfd fd = {orders_fd(orders), POLLIN, 0};
        poll(&fd, 1, 5);
        orders_work(orders);
    }
    assert_int_equal(outcome->calls, calls);
}

static void wait_connected(bool wanted)
{
    for (int i = 0; i < 2000 && orders_connected(orders) != wanted; i++) {
        poll(NULL, 0, 5);
        orders_work(orders);
    }
    assert_int_equal(orders_connected(orders), wanted);
}

static void serve(void)
{
    char url[128];
    int wait_ms = 10000;
    snprintf(url, sizeof url, "ipc://%s/%s", directory, AQ_FILE_LOCAL_SOCKET);
    server = nn_socket(AF_SP_RAW, NN_REP);
    assert_true(server >= 0);
    assert_int_equal(nn_setsockopt(server, NN_SOL_SOCKET, NN_RCVTIMEO, &wait_ms, sizeof wait_ms), 0);
    assert_true(nn_bind(server, url) >= 0);
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    struct aq_error error = {0};
    assert_true(sodium_init() >= 0);
    snprintf(directory, sizeof directory, "/tmp/aq-fs-orders.XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/run", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s", directory, AQ_FILE_LOCAL_KEY);
    assert_int_equal(aq_wire_key_make(&key, path, &error), 0);
    assert_int_equal(orders_open(&orders, directory, &error), 0);
    return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *place)
{
    (void)stat;
    (void)type;
    (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    orders_close(orders);
    return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A question as the controller gets it: its header, and the seq that a WATCH names. */
struct question {
    unsigned char header[256];
    size_t header_length;
    uint64_t seq;
};

static void take(struct question *question)
{
    void *body, *control;
    struct nn_iovec data = {&body, NN_MSG};
    struct nn_msghdr message = {&data, 1, &control, NN_MSG};
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    enum aq_message_type type;
    void *watch;
    int length = nn_recvmsg(server, &message, 0);
    assert_true(length > 0);
    const struct nn_cmsghdr *head = NN_CMSG_FIRSTHDR(&message);
    assert_true(head != NULL && head->cmsg_len <= sizeof question->header);
    question->header_length = head->cmsg_len;
    memcpy(question->header, head, head->cmsg_len);
    assert_int_equal(aq_wire_open(&key, body, (size_t)length, &type, &watch, &arena, &error), 0);
    assert_int_equal(type, AQ_MSG_WATCH);
    question->seq = ((const struct aq_watch *)watch)->seq;
    nn_freemsg(body);
    nn_freemsg(control);
    aq_arena_free(&arena);
}

static void answer_bytes(struct question *question, const void *bytes, size_t length)
{
    struct nn_iovec data = {(void *)bytes, length};
    struct nn_msghdr message = {&data, 1, question->header, question->header_length};
    assert_true(nn_sendmsg(server, &message, 0) >= 0);
}

static void answer(struct question *question, enum aq_message_type type, const void *message)
{
    struct aq_buffer sealed = {0};
    aq_wire_seal(&key, type, message, &sealed);
    answer_bytes(question, sealed.data, sealed.length);
    aq_buffer_free(&sealed);
}

static uint64_t ask(uint64_t seq, unsigned timeout_ms, struct outcome *outcome)
{
    struct aq_error error = {0};
    const struct aq_watch watch = {.seq = seq};
    uint64_t ticket = orders_ask(orders, AQ_MSG_WATCH, &watch, timeout_ms, note, outcome, &error);
    if (ticket == 0)
        outcome->error = error;
    return ticket;
}

static void nobody_there_is_known_at_once(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    assert_int_equal(ask(1, 1000, &outcome), 0);
    assert_int_equal(outcome.error.code, AQ_E_NO_LEADER);
    assert_int_equal(outcome.calls, 0);
}

static void answers_come_in_any_order(void **state)
{
    (void)state;
    struct outcome outcomes[3] = {0};
    struct question questions[3];
    serve();
    wait_connected(true);
    for (uint64_t i = 0; i < 3; i++)
        assert_true(ask(i, 10000, &outcomes[i]) != 0);
    for (int i = 0; i < 3; i++)
        take(&questions[i]);
    for (int i = 2; i >= 0; i--) {
        const struct aq_now now = {.seq = 100 + questions[i].seq};
        answer(&questions[i], AQ_MSG_NOW, &now);
        work_until(&outcomes[questions[i].seq], 1);
        assert_int_equal(outcomes[questions[i].seq].error.code, AQ_OK);
        assert_int_equal(outcomes[questions[i].seq].seq, 100 + questions[i].seq);
    }
}

static void refusals_and_strangers(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    struct question question;
    const struct aq_refused refused = {.error = "busy", .message = "the queue is full; try again"};
    assert_true(ask(5, 10000, &outcome) != 0);
    take(&question);
    answer_bytes(&question, "not sealed with our key, and not even long enough to be........................", 70);
    answer(&question, AQ_MSG_REFUSED, &refused);
    work_until(&outcome, 1);
    assert_int_equal(outcome.error.code, AQ_E_BUSY);
    assert_string_equal(outcome.error.message, refused.message);
    answer(&question, AQ_MSG_REFUSED, &refused); /* once more: nobody waits for it */
    poll(NULL, 0, 50);
    orders_work(orders);
    assert_int_equal(outcome.calls, 1);
}

static void too_late_is_not_known(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    struct question question;
    const struct aq_now now = {.seq = 9};
    assert_true(ask(6, 20, &outcome) != 0);
    take(&question);
    work_until(&outcome, 1);
    assert_int_equal(outcome.error.code, AQ_E_UNKNOWN);
    answer(&question, AQ_MSG_NOW, &now);
    poll(NULL, 0, 50);
    orders_work(orders);
    assert_int_equal(outcome.calls, 1);
}

static void a_controller_that_dies_is_noticed(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    struct question question;
    assert_true(ask(7, 60000, &outcome) != 0);
    take(&question);
    nn_close(server);
    work_until(&outcome, 1); /* long before its time is over */
    assert_int_equal(outcome.error.code, AQ_E_UNKNOWN);
    wait_connected(false);
    assert_int_equal(ask(8, 1000, &outcome), 0);
    assert_int_equal(outcome.error.code, AQ_E_NO_LEADER);
    serve();
    wait_connected(true);                      /* and found again */
    assert_true(ask(9, 60000, &outcome) != 0); /* left open: closing drops it without a call */
    take(&question);
    nn_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_there_is_known_at_once),
        cmocka_unit_test(answers_come_in_any_order),
        cmocka_unit_test(refusals_and_strangers),
        cmocka_unit_test(too_late_is_not_known),
        cmocka_unit_test(a_controller_that_dies_is_noticed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
