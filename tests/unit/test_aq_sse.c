/* aq: server-sent events, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/memory.h"
#include "tools/aq/sse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void keep(void *context, const struct cli_sse_event *event)
{
    assert_int_equal(strlen(event->data), event->length);
    aq_buffer_format(context, "<%" PRIu64 " %s %s>", event->id, event->name, event->data);
}

/* Feeds `text` in two parts, cut at every byte, and byte by byte. */
static void assert_events(const char *text, const char *expected)
{
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= length; cut++) {
        struct cli_sse sse = {0};
        struct aq_buffer seen = {0};
        assert_true(cli_sse_feed(&sse, text, cut, keep, &seen));
        assert_true(cli_sse_feed(&sse, text + cut, length - cut, keep, &seen));
        assert_string_equal(aq_buffer_string(&seen), expected);
        cli_sse_close(&sse);
        aq_buffer_free(&seen);
    }
    struct cli_sse sse = {0};
    struct aq_buffer seen = {0};
    for (size_t i = 0; i < length; i++)
        assert_true(cli_sse_feed(&sse, text + i, 1, keep, &seen));
    assert_string_equal(aq_buffer_string(&seen), expected);
    cli_sse_close(&sse);
    aq_buffer_free(&seen);
}

static void events_have_id_name_and_data(void **state)
{
    (void)state;
    assert_events("id: 7\nevent: application_created\ndata: {\"seq\":7}\n\n", "<7 application_created {\"seq\":7}>");
    assert_events("id:7\nevent:a\ndata:b\n\nid: 8\nevent: c\ndata: d\n\n", "<7 a b><8 c d>");
}

static void lines_end_in_every_way(void **state)
{
    (void)state;
    assert_events("id: 1\r\ndata: a\r\n\r\nid: 2\rdata: b\r\rid: 3\ndata: c\n\n",
                  "<1 message a><2 message b><3 message c>");
}

static void data_lines_are_joined(void **state)
{
    (void)state;
    assert_events("data: one\ndata:  two\ndata\n\n", "<0 message one\n two\n>");
}

static void the_rest_is_passed_over(void **state)
{
    (void)state;
    assert_events(": a sign of life\n\n", "");
    assert_events("retry: 10\nunknown: x\nidx: 9\ndatabase: y\ndata: z\n\n", "<0 message z>");
    assert_events("id: 4\n\ndata: x\n\n", "<0 message x>"); /* no data: no event, and its id is gone with it */
    assert_events("data: begun", "");
    assert_events("data: begun\n", "");
}

static void what_is_too_large_ends_it(void **state)
{
    (void)state;
    struct cli_sse sse = {0};
    struct aq_buffer seen = {0};
    char *chunk = aq_malloc(1 << 20);
    memset(chunk, 'x', 1 << 20);
    bool fits = cli_sse_feed(&sse, "data: ", 6, keep, &seen);
    unsigned chunks = 0;
    while (fits && chunks < 16) {
        fits = cli_sse_feed(&sse, chunk, 1 << 20, keep, &seen);
        chunks++;
    }
    assert_false(fits);
    assert_int_equal(chunks, 8);
    cli_sse_close(&sse);

    fits = true;
    for (chunks = 0; fits && chunks < 16; chunks++)
        fits = cli_sse_feed(&sse, "data: ", 6, keep, &seen) && cli_sse_feed(&sse, chunk, 1 << 20, keep, &seen) &&
               cli_sse_feed(&sse, "\n", 1, keep, &seen);
    assert_false(fits); /* many lines of one event */
    cli_sse_close(&sse);
    assert_int_equal(seen.length, 0);
    free(chunk);
    aq_buffer_free(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_have_id_name_and_data), cmocka_unit_test(lines_end_in_every_way),
        cmocka_unit_test(data_lines_are_joined),        cmocka_unit_test(the_rest_is_passed_over),
        cmocka_unit_test(what_is_too_large_ends_it),
    };
    return cmocka_run_group_tests_name("aq: events", tests, NULL, NULL);
}
