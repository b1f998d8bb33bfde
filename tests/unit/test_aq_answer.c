/* aq: answers in HTTP, however the bytes are cut, and what is none. */
#include "tests/lib/cmocka.h"
#include "tools/aq/answer.h"

#include <stdlib.h>
#include <string.h>

static bool keep(void *context, long status, const char *bytes, size_t length)
{
    (void)status;
    aq_buffer_add(context, bytes, length);
    return true;
}

struct outcome {
    enum cli_answer_state state;
    long status;
    uint64_t retry_after_s;
    bool closes;
    size_t used;
    struct aq_buffer body;
};

static struct outcome feed(const char *text, size_t length, size_t cut, size_t step)
{
    struct outcome out = {0};
    struct cli_answer answer = {.take = keep, .context = &out.body};
    for (size_t at = 0; at < length;) {
        size_t used, piece = at < cut ? cut - at : step < length - at ? step : length - at;
        out.state = cli_answer_feed(&answer, text + at, piece, &used);
        at += piece;
        out.used += used;
    }
    if (out.state < CLI_ANSWER_DONE && cli_answer_end(&answer))
        out.state = CLI_ANSWER_DONE;
    out.status = answer.status;
    out.retry_after_s = answer.retry_after_s;
    out.closes = answer.closes;
    cli_answer_close(&answer);
    return out;
}

/* In two parts, cut at every byte, and byte by byte: always the same. The caller frees the body. */
static struct outcome feed_all(const char *text)
{
    size_t length = strlen(text);
    struct outcome whole = feed(text, length, 0, length);
    for (size_t cut = 0; cut <= length; cut++) {
        struct outcome other = feed(text, length, cut, cut == length ? 1 : length);
        assert_int_equal(other.state, whole.state);
        assert_int_equal(other.used, whole.used);
        assert_string_equal(aq_buffer_string(&other.body), aq_buffer_string(&whole.body));
        aq_buffer_free(&other.body);
    }
    struct outcome bytes = feed(text, length, 0, 1);
    assert_int_equal(bytes.state, whole.state);
    assert_string_equal(aq_buffer_string(&bytes.body), aq_buffer_string(&whole.body));
    aq_buffer_free(&bytes.body);
    return whole;
}

static void assert_answer(const char *text, long status, const char *body, bool closes)
{
    struct outcome out = feed_all(text);
    assert_int_equal(out.state, CLI_ANSWER_DONE);
    assert_int_equal(out.status, status);
    assert_string_equal(aq_buffer_string(&out.body), body);
    assert_int_equal(out.closes, closes);
    aq_buffer_free(&out.body);
}

static void assert_state(const char *text, enum cli_answer_state state)
{
    struct outcome out = feed_all(text);
    if (out.state != state)
        fail_msg("%s: state %d, expected %d", text, out.state, state);
    aq_buffer_free(&out.body);
}

#define OK "HTTP/1.1 200 OK\r\n"

static void a_body_has_a_length_or_chunks_or_ends_with_the_connection(void **state)
{
    (void)state;
    assert_answer(OK "Content-Length: 5\r\n\r\nhello", 200, "hello", false);
    assert_answer(OK "content-length:5  \r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false);
    assert_answer(OK "Content-Length: 0\r\n\r\n", 200, "", false);
    assert_answer(OK "Content-Length: 5\r\nConnection: close\r\n\r\nhello", 200, "hello", true);
    assert_answer("HTTP/1.0 404 Not Found\nContent-Length: 1\n\nx", 404, "x", true);
    assert_answer(OK "\r\nhello", 200, "hello", true);
    assert_answer(OK "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", 200, "hello world",
                  false);
    assert_answer(OK "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", 200, "0123456789",
                  false);
    assert_answer("HTTP/1.1 204 \r\n\r\n", 204, "", false);
    assert_answer("HTTP/1.1 304\r\nContent-Length: 5\r\n\r\n", 304, "", false);
    assert_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK "Content-Length: 2\r\n\r\nok",
                  200, "ok", false);
}

/* What comes after an answer is left alone. */
static void an_answer_ends_where_it_says(void **state)
{
    static const char text[] = OK "Content-Length: 5\r\n\r\nhelloHTTP/1.1 500 Evil\r\n";
    (void)state;
    struct outcome out = feed_all(text);
    assert_int_equal(out.state, CLI_ANSWER_DONE);
    assert_int_equal(out.status, 200);
    assert_int_equal(out.used, strlen(text) - strlen("HTTP/1.1 500 Evil\r\n"));
    aq_buffer_free(&out.body);
    out = feed_all("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(out.retry_after_s, 7);
    aq_buffer_free(&out.body);
    out = feed_all("HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(out.retry_after_s, 0);
    aq_buffer_free(&out.body);
}

static void what_leaves_its_end_open_is_refused(void **state)
{
    static const char *const bad[] = {
        "SSH-2.0-welcome\r\n",
        "HTTP/2 200\r\n",
        "HTTP/1.1 20\x01 OK\r\n",
        "HTTP/1.1 99 OK\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        OK "no header\r\n",
        OK ": x\r\n",
        OK " Content-Length: 5\r\n",
        OK "Content-Length: 5\r\nContent-Length: 6\r\n",
        OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK "Content-Length: -5\r\n",
        OK "Content-Length: 5x\r\n",
        OK "Content-Length:\r\n",
        OK "Content-Length: 9999999999999999999\r\n",
        OK "Transfer-Encoding: gzip, chunked\r\n",
        OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\ng\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n",
    };
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(bad); i++)
        assert_state(bad[i], CLI_ANSWER_BAD);
}

static void what_breaks_off_is_not_complete(void **state)
{
    (void)state;
    assert_state("", CLI_ANSWER_STATUS);
    assert_state("HTTP/1.1 200 OK\r\nContent-", CLI_ANSWER_HEADER);
    assert_state(OK "Content-Length: 5\r\n\r\nhell", CLI_ANSWER_LENGTH);
    assert_state(OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", CLI_ANSWER_SIZE);
    assert_state(OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", CLI_ANSWER_TRAILER);
}

static bool refuse(void *context, long status, const char *bytes, size_t length)
{
    (void)context, (void)status, (void)bytes, (void)length;
    return false;
}

static void memory_is_bounded_and_a_receiver_may_stop(void **state)
{
    struct cli_answer answer = {.take = refuse};
    size_t used, fed = 0;
    char letters[4096];
    (void)state;
    memset(letters, 'x', sizeof letters);
    assert_int_equal(cli_answer_feed(&answer, OK "X: ", strlen(OK "X: "), &used), CLI_ANSWER_HEADER);
    while (cli_answer_feed(&answer, letters, sizeof letters, &used) == CLI_ANSWER_HEADER)
        assert_in_range(fed += sizeof letters, 0, CLI_ANSWER_HEAD_MAX);
    assert_int_equal(answer.state, CLI_ANSWER_BAD);
    cli_answer_close(&answer);
    answer = (struct cli_answer){.take = refuse};
    assert_int_equal(cli_answer_feed(&answer, OK "Content-Length: 2\r\n\r\nx", strlen(OK) + 22, &used),
                     CLI_ANSWER_STOPPED);
    cli_answer_close(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_has_a_length_or_chunks_or_ends_with_the_connection),
        cmocka_unit_test(an_answer_ends_where_it_says),
        cmocka_unit_test(what_leaves_its_end_open_is_refused),
        cmocka_unit_test(what_breaks_off_is_not_complete),
        cmocka_unit_test(memory_is_bounded_and_a_receiver_may_stop),
    };
    return cmocka_run_group_tests_name("aq: answers", tests, NULL, NULL);
}
