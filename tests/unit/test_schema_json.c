/* Records as JSON, and the rules for JSON that comes from outside. */
#include "schema/base/utf8.h"
#include "schema/codec/json.h"
#include "schema/codec/preset.h"
#include "tests/lib/sample.h"

/* Reads `text` as a sample into `arena`. */
static int read_sample(const char *text, struct sample *sample, struct aq_arena *arena, struct aq_error *error)
{
    json_t *json = aq_json_parse(text, strlen(text), error);
    if (json == NULL)
        return -1;
    int status = aq_record_from_json(&sample_record, sample, json, NULL, arena, error);
    json_decref(json);
    return status;
}

static void assert_refused(const char *text, const char *expected)
{
    struct sample sample;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    if (read_sample(text, &sample, &arena, &error) == 0)
        fail_msg("%s was taken", text);
    aq_arena_free(&arena);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, expected);
}

/* A sample with one member more than it must have. */
static void assert_member_refused(const char *member, const char *expected)
{
    char text[400];
    snprintf(text, sizeof text, "{\"count\":1,%s}", member);
    assert_refused(text, expected);
}

static void assert_taken(const char *member)
{
    struct sample sample;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    char text[400];
    snprintf(text, sizeof text, "{\"count\":1,%s}", member);
    if (read_sample(text, &sample, &arena, &error) != 0)
        fail_msg("%s: %s", text, error.message);
    aq_arena_free(&arena);
}

static void a_record_is_one_object(void **state)
{
    (void)state;
    struct sample sample = sample_full();
    struct aq_buffer out = {0};
    aq_record_to_json(&sample_record, &sample, &out);
    assert_string_equal(
        out.data,
        "{\"count\":\"18446744073709551615\",\"ready\":true,\"seen_at\":\"2026-11-20T22:57:13.123Z\",\"pause\":5400,"
        "\"cpu\":1.5,\"memory\":\"1536MiB\",\"colour\":\"BLUE\",\"note\":\"one\\n\\ttwo \\\\ \\\"three\\\" "
        "\xE2\x82\xAC\",\"name\":\"n-1\",\"extra\":{\"a\":[1,null,{\"b\":\"c\"}]},\"raw\":\"AP8Q\","
        "\"tags\":[\"two words\",\"\\\"quoted\\\"\",\"\"],\"first\":{\"name\":\"frame\",\"weight\":1000},"
        "\"rest\":[{\"name\":\"wheel\",\"weight\":20},{\"name\":\"seat-2.b\",\"weight\":0}],\"parent\":7,"
        "\"owner\":\"ann\",\"result\":0,\"revision\":3}");
    aq_buffer_free(&out);
}

static void an_empty_record_refers_to_nothing(void **state)
{
    (void)state;
    struct sample sample;
    struct aq_arena arena = {0};
    struct aq_buffer out = {0};
    aq_record_init(&sample_record, &sample, &arena);
    aq_record_to_json(&sample_record, &sample, &out);
    assert_string_equal(out.data, "{\"count\":0,\"ready\":false,\"seen_at\":null,\"pause\":0,\"cpu\":0,"
                                  "\"memory\":\"0MiB\",\"colour\":\"RED\",\"note\":\"\",\"name\":\"\",\"extra\":{},"
                                  "\"raw\":\"\",\"tags\":[],\"first\":{\"name\":\"\",\"weight\":0},\"rest\":[],"
                                  "\"parent\":null,\"owner\":null,\"result\":null,\"revision\":0}");
    aq_buffer_free(&out);
    aq_arena_free(&arena);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct sample old = sample_full(), new;
    struct aq_arena arena = {0};
    struct aq_buffer out = {0};
    struct aq_error error = {0};
    aq_record_to_json(&sample_record, &old, &out);
    strcpy(strstr(out.data, ",\"revision\""), "}"); /* internal: written, but not taken */
    if (read_sample(out.data, &new, &arena, &error) != 0)
        fail_msg("%s", error.message);
    sample_assert_equal(&old, &new);
    assert_int_equal(new.revision, 0);
    aq_buffer_free(&out);
    aq_arena_free(&arena);
}

static void secrets_are_never_shown(void **state)
{
    (void)state;
    struct sample sample = sample_full();
    struct aq_buffer out = {0};
    aq_record_to_json(&sample_record, &sample, &out);
    assert_null(strstr(out.data, "token"));
    assert_null(strstr(out.data, "sesame"));
    aq_buffer_free(&out);
    assert_member_refused("\"token\":\"ses\\u0001ame\"", "token contains a control character");
}

static void strings_are_escaped(void **state)
{
    (void)state;
    struct aq_buffer out = {0};
    aq_json_string("a\"b\\c\n\t\r\x01\x7F\xC3\xA9", 12, &out);
    assert_string_equal(out.data, "\"a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u007f\xC3\xA9\"");
    aq_buffer_free(&out);
}

static void wrong_types_are_named(void **state)
{
    (void)state;
    assert_refused("[]", "sample is a list, but must be an object");
    assert_refused("{\"count\":true}", "count is true or false, but must be a whole number");
    assert_refused("{\"count\":[]}", "count is a list, but must be a whole number");
    assert_refused("{\"count\":\"x\"}", "count is \"x\", but must be a whole number");
    assert_refused("{\"count\":1.5}", "count is 1.5, but must be a whole number");
    assert_refused("{\"count\":-1}", "count is -1, but must be 0 or more");
    assert_member_refused("\"ready\":1", "ready is a number, but must be true or false");
    assert_member_refused("\"seen_at\":{}",
                          "seen_at is an object, but must be a time such as \"2026-11-20T22:57:13Z\"");
    assert_member_refused("\"cpu\":-0.5", "cpu is -0.5, but must be 0 or more");
    assert_member_refused("\"memory\":true",
                          "memory is true or false, but must be a size such as \"512MiB\", or a number of GiB");
    assert_member_refused("\"note\":5", "note is a number, but must be a text: put it in quotes");
    assert_member_refused("\"name\":{}", "name is an object, but must be a text");
    assert_member_refused("\"extra\":[]", "extra is a list, but must be an object");
    assert_member_refused("\"raw\":5", "raw is a number, but must be a text in base64");
    assert_member_refused("\"raw\":\"A\"", "raw is not valid base64");
    assert_member_refused("\"tags\":{}", "tags is an object, but must be a list of texts");
    assert_member_refused("\"tags\":[\"a\",5]", "tags[1] is a number, but must be a text without NUL");
    assert_member_refused("\"first\":\"x\"", "first is a text, but must be an object");
    assert_member_refused("\"rest\":{}", "rest is an object, but must be a list of objects");
    assert_member_refused("\"rest\":[5]", "rest[0] is a number, but must be an object");
    assert_member_refused("\"rest\":[{\"name\":\"a\"},{\"name\":7}]",
                          "rest[1].name is a number, but must be a text: put it in quotes");
}

static void unknown_fields_are_refused(void **state)
{
    (void)state;
    assert_member_refused("\"colur\":\"RED\"", "colur is not known; did you mean colour?");
    assert_member_refused("\"first\":{\"name\":\"a\",\"wieght\":1}", "first.wieght is not known; did you mean weight?");
    assert_member_refused("\"rest\":[{\"size\":1}]", "rest[0].size is not known; known fields: name, weight");
    assert_member_refused("\"revision\":1", "revision is not known; known fields: count, ready, seen_at, pause, cpu, "
                                            "memory, colour, note, name, extra, raw, tags, first, rest, parent, "
                                            "owner, result, token"); /* internal */
}

static void required_fields_must_be_there(void **state)
{
    (void)state;
    assert_refused("{}", "count is missing: how many");
    assert_refused("{\"count\":null}", "count is missing: how many"); /* null is as good as nothing */
    assert_member_refused("\"first\":{}", "first.name is missing: what it is called");
    assert_member_refused("\"rest\":[{\"name\":\"a\"},{}]", "rest[1].name is missing: what it is called");
    assert_taken("\"note\":null,\"first\":null,\"rest\":null,\"ready\":null");
}

static void bounds_hold_at_both_sides(void **state)
{
    (void)state;
    assert_refused("{\"count\":0}", "count is 0, less than 1");
    assert_taken("\"pause\":86400");
    assert_member_refused("\"pause\":86401", "pause is 1d1s, more than 1d");
    assert_taken("\"cpu\":64");
    assert_member_refused("\"cpu\":64.001", "cpu is 64.001, more than 64");
    assert_taken("\"memory\":1024");
    assert_member_refused("\"memory\":1025", "memory is 1025GiB, more than 1024GiB");
    assert_taken("\"name\":\"ab\"");
    assert_member_refused("\"name\":\"a\"", "name is 1 bytes long, less than 2");
    assert_member_refused("\"name\":\"abcdefghi\"", "name is 9 bytes long, more than 8");
    assert_taken("\"tags\":[\"\",\"\",\"\",\"\"]");
    assert_member_refused("\"tags\":[\"\",\"\",\"\",\"\",\"\"]", "tags has 5 items, more than 4");
    assert_taken("\"rest\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]");
    assert_member_refused("\"rest\":[1,2,3,4]", "rest has 4 items, more than 3");
    assert_taken("\"first\":{\"name\":\"a\",\"weight\":1000}");
    assert_member_refused("\"first\":{\"name\":\"a\",\"weight\":1001}", "first.weight is 1001 kg, more than 1000 kg");
    assert_taken("\"raw\":\"AAAAAAAAAAAAAAAAAAAAAA==\"");
    assert_member_refused("\"raw\":\"AAAAAAAAAAAAAAAAAAAAAAA=\"", "raw is 17 bytes long, more than 16");
}

/* Numbers and texts mean the same: what is finer than a field can hold is rounded up, never to nothing. */
static void little_is_not_nothing(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t cpu, memory;
    } read[] = {
        {"{\"count\":1,\"cpu\":0.0001,\"memory\":0.0001}", 1, 1},
        {"{\"count\":1,\"cpu\":\"0.0001\",\"memory\":\"0.0001\"}", 1, 1},
        {"{\"count\":1,\"cpu\":1e-30,\"memory\":1e-30}", 1, 1},
        {"{\"count\":1,\"cpu\":0.1,\"memory\":0.1}", 100, 103},
        {"{\"count\":1,\"cpu\":1.2345,\"memory\":\"0.1MiB\"}", 1235, 1},
        {"{\"count\":1,\"cpu\":0.0,\"memory\":0}", 0, 0},
    };
    for (size_t i = 0; i < AQ_LENGTH(read); i++) {
        struct sample sample;
        struct aq_arena arena = {0};
        struct aq_error error = {0};
        assert_int_equal(read_sample(read[i].text, &sample, &arena, &error), 0);
        assert_int_equal(sample.cpu, read[i].cpu);
        assert_int_equal(sample.memory, read[i].memory);
        aq_arena_free(&arena);
    }
}

/* Some libraries write whole numbers as 5.0 or 5e0. */
static void whole_numbers_may_be_written_as_fractions(void **state)
{
    (void)state;
    struct sample sample;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    assert_int_equal(read_sample("{\"count\":5.0,\"pause\":1e2,\"cpu\":-0.0}", &sample, &arena, &error), 0);
    assert_int_equal(sample.count, 5);
    assert_int_equal(sample.pause, 100);
    assert_int_equal(read_sample("{\"count\":1,\"pause\":0.4}", &sample, &arena, &error), 0);
    assert_int_equal(sample.pause, 1);
    aq_arena_free(&arena);
    assert_member_refused("\"pause\":1e300", "pause is 1e+300, more than 1d");
    assert_member_refused("\"pause\":1e10", "pause is 115740d17h46m40s, more than 1d");
    assert_member_refused("\"cpu\":1e30", "cpu is 1e+30, more than 64");
}

static void numbers_too_large_for_json_are_refused(void **state)
{
    (void)state;
    struct sample sample;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    assert_int_equal(read_sample("{\"count\":18446744073709551616}", &sample, &arena, &error), -1);
    assert_int_equal(read_sample("{\"count\":1e999}", &sample, &arena, &error), -1);
    assert_int_equal(read_sample("{\"count\":1,\"cpu\":1e300}", &sample, &arena, &error), -1);
    assert_int_equal(read_sample("{\"count\":1,\"memory\":1e13}", &sample, &arena, &error), -1);
    assert_int_equal(read_sample("{\"count\":9223372036854775807}", &sample, &arena, &error), 0);
    assert_int_equal(sample.count, INT64_MAX);
    aq_arena_free(&arena);
}

static void assert_not_json(const char *text, size_t length)
{
    struct aq_error error = {0};
    json_t *json = aq_json_parse(text, length, &error);
    if (json != NULL)
        fail_msg("%.*s was taken", (int)length, text);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_true(strlen(error.message) > 0 && aq_utf8_is_good(error.message, strlen(error.message)));
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 " ",
                                 "{",
                                 "{}}",
                                 "{} {}",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{'a':1}",
                                 "[1,]",
                                 "nul",
                                 "01",
                                 "\"a",
                                 "{\"a\":1,\"a\":2}",
                                 "{\"a\":{\"b\":1,\"b\":1}}",
                                 "\"\\u0000\"",
                                 "\"\\ud800\"",
                                 "\"a\nb\"",
                                 "\"\xC0\x80\"",         /* overlong */
                                 "\"\xED\xA0\x80\"",     /* surrogate */
                                 "\"\xF4\x90\x80\x80\"", /* above U+10FFFF */
                                 "\"\xE2\x82\"",         /* truncated */
                                 "\"\xFF\""};
    for (size_t i = 0; i < AQ_LENGTH(texts); i++)
        assert_not_json(texts[i], strlen(texts[i]));
    assert_not_json("{\0}", 3);
    assert_not_json("{\"a\":\"\0\"}", 9);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[20001];
    struct aq_error error = {0};
    const unsigned depths[] = {31, 32, 33, 100, 10000};
    for (size_t i = 0; i < AQ_LENGTH(depths); i++) {
        unsigned depth = depths[i];
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        json_t *json = aq_json_parse(text, 2UL * depth, &error);
        assert_int_equal(json != NULL, depth <= AQ_JSON_DEPTH_MAX);
        json_decref(json);
        if (depth == 33)
            assert_string_equal(error.message, "JSON is nested more than 32 levels deep");
        assert_not_json(text, depth); /* and never closed */
    }
    for (unsigned i = 0; i < 2000; i++)
        memcpy(text + 5UL * i, "{\"a\":", 5);
    assert_not_json(text, 10000);
}

static void documents_are_kept_in_one_form(void **state)
{
    (void)state;
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    json_t *json = json_loads("{\"b\": [1, 2.5], \"a\": {\"d\": null, \"c\": \"x\"}}", 0, NULL);
    assert_string_equal(aq_json_compact(json, &arena), "{\"a\":{\"c\":\"x\",\"d\":null},\"b\":[1,2.5]}");
    json_decref(json);
    assert_int_equal(aq_json_check_document("{\"a\":1}", "metadata", &error), 0);
    assert_int_equal(aq_json_check_document("[1]", "metadata", &error), -1);
    assert_string_equal(error.message, "metadata must be a JSON object");
    assert_int_equal(aq_json_check_document("{\"a\"", "metadata", &error), -1);
    assert_string_equal(error.message, "metadata: not valid JSON: line 1, column 4: ':' expected near end of file");
    assert_int_equal(aq_json_check_document("{\"a\"}", "metadata", &error), -1);
    assert_string_equal(error.message, "metadata: not valid JSON: line 1, column 5: ':' expected near '}'");
    static const char *const wrong[] = {"{\"a\":\"hush\\q\"}", "{\"a\":\"hush\\u0000\"}", "{\"a\" \"hush\"}",
                                        "{\"a\":hush}", "{\"a\":\"hush"};
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) { /* it may be a secret */
        assert_int_equal(aq_json_check_document(wrong[i], "metadata", &error), -1);
        assert_null(strstr(error.message, "hush"));
    }
    assert_string_equal(aq_json_merge("{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", "{\"b\":{\"d\":4,\"e\":5},\"f\":6}", &arena),
                        "{\"a\":1,\"b\":{\"c\":2,\"d\":4,\"e\":5},\"f\":6}");
    assert_string_equal(aq_json_merge("{}", "{}", &arena), "{}");
    aq_arena_free(&arena);
}

static void a_copy_shares_nothing(void **state)
{
    (void)state;
    struct sample old, copy, full = sample_full();
    struct aq_arena first = {0}, second = {0};
    aq_record_copy(&sample_record, &old, &full, &first);
    aq_record_copy(&sample_record, &copy, &old, &second);
    aq_arena_free(&first); /* under AddressSanitizer, whatever is still shared shows */
    sample_assert_equal(&copy, &full);
    assert_string_equal(copy.token, "sesame");
    assert_int_equal(copy.revision, 3);
    aq_arena_free(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_object),
        cmocka_unit_test(an_empty_record_refers_to_nothing),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(secrets_are_never_shown),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(unknown_fields_are_refused),
        cmocka_unit_test(required_fields_must_be_there),
        cmocka_unit_test(bounds_hold_at_both_sides),
        cmocka_unit_test(little_is_not_nothing),
        cmocka_unit_test(whole_numbers_may_be_written_as_fractions),
        cmocka_unit_test(numbers_too_large_for_json_are_refused),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(documents_are_kept_in_one_form),
        cmocka_unit_test(a_copy_shares_nothing),
    };
    return cmocka_run_group_tests_name("schema: JSON", tests, NULL, NULL);
}
