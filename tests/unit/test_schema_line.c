/* A command as one line: "label=mac version=2 metadata='{"a": 1}'" to a JSON object of texts. */
#include "schema/codec/json.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "schema/codec/word.h"
#include "schema/model/application.h"
#include "tests/lib/sample.h"

#include <stdio.h>

static void assert_parsed(const char *line, const char *expected)
{
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    json_t *json = aq_line_parse(line, strlen(line), &error);
    if (json == NULL)
        fail_msg("%s: %s", line, error.message);
    assert_string_equal(aq_json_compact(json, &arena), expected);
    json_decref(json);
    aq_arena_free(&arena);
}

static void assert_refused(const char *line, const char *expected)
{
    struct aq_error error = {0};
    json_t *json = aq_line_parse(line, strlen(line), &error);
    if (json != NULL)
        fail_msg("%s was taken", line);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, expected);
}

static void words_are_members(void **state)
{
    (void)state;
    assert_parsed("", "{}");
    assert_parsed(" \t\r\n", "{}");
    assert_parsed("a=1", "{\"a\":\"1\"}");
    assert_parsed("label=mac version=2\n", "{\"label\":\"mac\",\"version\":\"2\"}");
    assert_parsed("  a=1\tb=2\r\nc=3  ", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
    assert_parsed("a=", "{\"a\":\"\"}");
    assert_parsed("a=b=c", "{\"a\":\"b=c\"}");
    assert_parsed("a=true b=1.5 c=null", "{\"a\":\"true\",\"b\":\"1.5\",\"c\":\"null\"}"); /* texts, all of them */
    assert_parsed("a=\xE2\x82\xAC", "{\"a\":\"\xE2\x82\xAC\"}");
}

static void quotes_and_backslashes_are_those_of_a_shell(void **state)
{
    (void)state;
    assert_parsed("m='{\"a\": 1}'", "{\"m\":\"{\\\"a\\\": 1}\"}");
    assert_parsed("m=\"{\\\"a\\\": 1}\"", "{\"m\":\"{\\\"a\\\": 1}\"}");
    assert_parsed("a='x\\y'", "{\"a\":\"x\\\\y\"}");
    assert_parsed("a=\"x\\\\y\\n\"", "{\"a\":\"x\\\\y\\\\n\"}"); /* only \\ and \" are escapes */
    assert_parsed("a=two\\ words", "{\"a\":\"two words\"}");
    assert_parsed("a=\\'\\\"\\\\", "{\"a\":\"'\\\"\\\\\"}");
    assert_parsed("a=x'y z'\"w\"v", "{\"a\":\"xy zwv\"}");
    assert_parsed("'a'=1 \"b\"=2", "{\"a\":\"1\",\"b\":\"2\"}");
    assert_parsed("a='' b=\"\"", "{\"a\":\"\",\"b\":\"\"}");
    assert_parsed("a='one\ntwo'", "{\"a\":\"one\\ntwo\"}");
    assert_refused("a='x", "a quote (') is not closed");
    assert_refused("a=\"x'", "a quote (\") is not closed");
    assert_refused("a=\"x\\\"", "a quote (\") is not closed");
    assert_refused("a=\\", "the line ends in a backslash");
}

static void dots_nest(void **state)
{
    (void)state;
    assert_parsed("a.b=1", "{\"a\":{\"b\":\"1\"}}");
    assert_parsed("a.b=1 c=2 a.d=3 a.e.f=4", "{\"a\":{\"b\":\"1\",\"d\":\"3\",\"e\":{\"f\":\"4\"}},\"c\":\"2\"}");
    assert_parsed("a.b.c.d.e.f.g.h=1", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":\"1\"}}}}}}}}");
    assert_parsed("a=1.5", "{\"a\":\"1.5\"}");
    assert_refused("a.b.c.d.e.f.g.h.i=1", "\"a.b.c.d.e.f.g.h.i\" has more than 8 parts");
}

static void what_is_not_key_and_value_is_named(void **state)
{
    (void)state;
    assert_refused("foo", "\"foo\" is not field=value");
    assert_refused("a=1 'two words'", "\"two words\" is not field=value");
    assert_refused("'a=1'", "\"a=1\" is not field=value"); /* the '=' is quoted */
    assert_refused("a\\=1", "\"a=1\" is not field=value");
    assert_refused("''", "\"\" is not field=value");
    assert_refused("=1", "a key is empty");
    assert_refused(".a=1", "a key is empty");
    assert_refused("a.=1", "a key is empty");
    assert_refused("a..b=1", "a key is empty");
}

static void keys_are_given_once(void **state)
{
    (void)state;
    assert_refused("a=1 a=2", "\"a\" is given twice");
    assert_refused("a.b=1 a.b=1", "\"a.b\" is given twice");
    assert_refused("a=1 a.b=2", "\"a.b\" is given below a key that has a value");
    assert_refused("a.b=1 a=2", "\"a\" has a value, and so do keys below it");
}

static void bytes_are_checked(void **state)
{
    (void)state;
    struct aq_error error = {0};
    assert_null(aq_line_parse("a=\0b", 4, &error));
    assert_string_equal(error.message, "the line contains a NUL byte");
    assert_refused("a=\xFF", "the line is not valid UTF-8");
    assert_refused("a=\xC0\x80", "the line is not valid UTF-8");
}

static void size_and_words_are_bounded(void **state)
{
    (void)state;
    struct aq_buffer line = {0};
    struct aq_error error = {0};
    for (int i = 0; i < 128; i++)
        aq_buffer_format(&line, "k%d=1 ", i);
    json_t *json = aq_line_parse(line.data, line.length, &error);
    assert_int_equal(json_object_size(json), 128);
    json_decref(json);
    aq_buffer_text(&line, "one=more");
    assert_null(aq_line_parse(line.data, line.length, &error));
    assert_int_equal(error.code, AQ_E_TOO_LARGE);
    assert_string_equal(error.message, "the line has more than 128 words");

    aq_buffer_reset(&line);
    aq_buffer_text(&line, "a=");
    while (line.length < 131072)
        aq_buffer_char(&line, 'x');
    json = aq_line_parse(line.data, line.length, &error);
    assert_int_equal(json_string_length(json_object_get(json, "a")), 131070);
    json_decref(json);
    aq_buffer_char(&line, 'x');
    assert_null(aq_line_parse(line.data, line.length, &error));
    assert_int_equal(error.code, AQ_E_TOO_LARGE);
    assert_string_equal(error.message, "the line is 131073 bytes long, more than 131072");
    aq_buffer_free(&line);
}

/* The reason for all that: a record from a line, with the types of its declaration. */
static void a_line_fills_a_record(void **state)
{
    (void)state;
    const char line[] = "count=3 ready=true pause=1h30m cpu=0.5 memory=512MiB colour=GREEN note='two words' "
                        "extra='{\"b\":1, \"a\":2}' tags=x,y first.name=frame first.weight=12\n";
    struct sample sample;
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    json_t *json = aq_line_parse(line, sizeof line - 1, &error);
    if (aq_record_from_json(&sample_record, &sample, json, NULL, &arena, &error) != 0)
        fail_msg("%s", error.message);
    json_decref(json);
    assert_int_equal(sample.count, 3);
    assert_true(sample.ready);
    assert_int_equal(sample.pause, 5400);
    assert_int_equal(sample.cpu, 500);
    assert_int_equal(sample.memory, 512);
    assert_int_equal(sample.colour, SAMPLE_GREEN);
    assert_string_equal(sample.note, "two words");
    assert_string_equal(sample.extra, "{\"a\":2,\"b\":1}");
    assert_int_equal(sample.tags.count, 2);
    assert_string_equal(sample.first.name, "frame");
    assert_int_equal(sample.first.weight, 12);
    aq_arena_free(&arena);
}

/* ---- arguments: a command, as one text ------------------------------------------------------------------ */

static const char *read_arguments(const char *text, struct aq_list *list, struct aq_arena *arena)
{
    static char message[AQ_ERROR_MESSAGE_SIZE];
    struct aq_error error = {0};
    message[0] = '\0';
    if (aq_arguments_from_text(text, list, arena, &error) != 0)
        snprintf(message, sizeof message, "%s", error.message);
    return message;
}

static void arguments_are_split_as_in_a_shell(void **state)
{
    (void)state;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_list list;
    assert_string_equal(read_arguments("  make  -j2 'all tests' \"a'b\" x\\ y '' k=v\n", &list, &arena), "");
    static const char *const expected[] = {"make", "-j2", "all tests", "a'b", "x y", "", "k=v"};
    assert_int_equal(list.count, AQ_LENGTH(expected));
    for (uint32_t i = 0; i < list.count; i++)
        assert_string_equal(AQ_TEXT_ITEM(list, i), expected[i]);
    assert_string_equal(read_arguments(" \t\n", &list, &arena), "");
    assert_int_equal(list.count, 0);
    assert_string_equal(read_arguments("a 'b", &list, &arena), "a quote (') is not closed");
    assert_string_equal(read_arguments("a \\", &list, &arena), "the line ends in a backslash");
}

static void arguments_are_shown_as_they_are_read(void **state)
{
    (void)state;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    const char *words[] = {"sh", "-c", "echo \"a b\" 'c' $X\nexit 3", "", "it's", "\\", "--k=v,w", "\xC3\xBC"};
    const struct aq_list list = {words, AQ_LENGTH(words)};
    struct aq_list again;
    aq_arguments_to_text(&list, &text);
    assert_string_equal(aq_buffer_string(&text), "sh -c 'echo \"a b\" '\\''c'\\'' $X\nexit 3' '' 'it'\\''s' '\\' "
                                                 "--k=v,w '\xC3\xBC'");
    assert_string_equal(read_arguments(aq_buffer_string(&text), &again, &arena), "");
    assert_int_equal(again.count, list.count);
    for (uint32_t i = 0; i < list.count; i++)
        assert_string_equal(AQ_TEXT_ITEM(again, i), words[i]);
}

/* As a field: of a request, or as one text. */
static void arguments_are_bounded(void **state)
{
    (void)state;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error error = {0};
    struct aq_application_create record;
    const struct aq_field *field = aq_record_field(&aq_application_create_record, "arguments");
    aq_record_init(&aq_application_create_record, &record, &arena);
    assert_int_equal(aq_field_from_text(field, &record, "make 'all\ntests'", "arguments", &arena, &error), 0);
    assert_string_equal(AQ_TEXT_ITEM(record.arguments, 1), "all\ntests");
    assert_int_equal(aq_field_from_text(field, &record, "[\"a,b\", \"c\"]", "arguments", &arena, &error), 0);
    assert_string_equal(AQ_TEXT_ITEM(record.arguments, 0), "a,b");
    assert_int_not_equal(aq_field_from_text(field, &record, "'' a", "arguments", &arena, &error), 0);
    assert_string_equal(error.message, "arguments[0] is empty, but must be a program or an argument");
    assert_int_not_equal(aq_field_from_text(field, &record, "a \x1B", "arguments", &arena, &error), 0);
    assert_string_equal(error.message, "arguments[1] contains a control character");
    for (int i = 0; i < 257; i++)
        aq_buffer_text(&text, "a ");
    assert_int_not_equal(aq_field_from_text(field, &record, text.data, "arguments", &arena, &error), 0);
    assert_string_equal(error.message, "arguments has 257 items, more than 256");
    aq_buffer_reset(&text);
    while (text.length < 16385)
        aq_buffer_char(&text, 'x');
    assert_int_not_equal(aq_field_from_text(field, &record, text.data, "arguments", &arena, &error), 0);
    assert_string_equal(error.message, "arguments[0] is 16385 bytes long, more than 16384");
    text.data[16384] = ' ';
    while (text.length < 16385 + 16384)
        aq_buffer_char(&text, 'y');
    assert_int_not_equal(aq_field_from_text(field, &record, text.data, "arguments", &arena, &error), 0);
    assert_string_equal(error.message, "arguments has 32770 bytes, more than 32768");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_members),
        cmocka_unit_test(quotes_and_backslashes_are_those_of_a_shell),
        cmocka_unit_test(dots_nest),
        cmocka_unit_test(what_is_not_key_and_value_is_named),
        cmocka_unit_test(keys_are_given_once),
        cmocka_unit_test(bytes_are_checked),
        cmocka_unit_test(size_and_words_are_bounded),
        cmocka_unit_test(a_line_fills_a_record),
        cmocka_unit_test(arguments_are_split_as_in_a_shell),
        cmocka_unit_test(arguments_are_shown_as_they_are_read),
        cmocka_unit_test(arguments_are_bounded),
    };
    return cmocka_run_group_tests_name("schema: line", tests, NULL, NULL);
}
