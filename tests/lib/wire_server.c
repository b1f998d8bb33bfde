#include "tests/lib/wire_server.h"
#include "schema/wire/body.h"
#include "tests/lib/cmocka.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <string.h>

int wire_serve(const char *url)
{
    int wait_ms = 10000, server = nn_socket(AF_SP_RAW, NN_REP);
    assert_true(server >= 0);
    assert_int_equal(nn_setsockopt(server, NN_SOL_SOCKET, NN_RCVTIMEO, &wait_ms, sizeof wait_ms), 0);
    assert_true(nn_bind(server, url) >= 0);
    return server;
}

void wire_take(int server, struct wire_question *question)
{
    void *body, *control, *watch;
    struct nn_iovec data = {&body, NN_MSG};
    struct nn_msghdr message = {&data, 1, &control, NN_MSG};
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    int length = nn_recvmsg(server, &message, 0);
    assert_true(length > 0);
    const struct nn_cmsghdr *head = NN_CMSG_FIRSTHDR(&message);
    assert_true(head != NULL && head->cmsg_len <= sizeof question->header);
    question->header_length = head->cmsg_len;
    memcpy(question->header, head, head->cmsg_len);
    int failed = aq_body_unpack(body, (size_t)length, &question->type, &watch, &arena, &error);
    assert_int_equal(failed, 0);
    assert_int_equal(question->type, AQ_MSG_WATCH);
    question->seq = ((const struct aq_watch *)watch)->seq;
    nn_freemsg(body);
    nn_freemsg(control);
    aq_arena_free(&arena);
}

void wire_answer_bytes(int server, struct wire_question *question, const void *bytes, size_t length)
{
    struct nn_iovec data = {(void *)(uintptr_t)bytes, length};
    struct nn_msghdr message = {&data, 1, question->header, question->header_length};
    assert_true(nn_sendmsg(server, &message, 0) >= 0);
}

void wire_answer(int server, struct wire_question *question, enum aq_message_type type, const void *message)
{
    struct aq_buffer body = {0};
    aq_body_pack(type, message, &body);
    wire_answer_bytes(server, question, body.data, body.length);
    aq_buffer_free(&body);
}
