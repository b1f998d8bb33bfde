/* Values as people write and read them, UTF-8 and names, and commands as lines of field=value words. */
#include "schema/codec/json.h"

#include "schema/base/utf8.h"
#include "schema/codec/text.h"
#include "tests/lib/sample.h"
#include <time.h>

/* ---- fields ------------------------------------------------------------------------------------------- */

static const char *written(const char *name, uint64_t value)
{
    static struct aq_buffer out;
    aq_buffer_reset(&out);
    aq_number_to_text(aq_record_field(&sample_record, name), value, &out);
    static char text[64];
    snprintf(text, sizeof text, "%s", aq_buffer_string(&out));
    aq_buffer_free(&out);
    return text;
}

static void numbers_are_written_for_people(void **state)
{
    (void)state;
    assert_string_equal(written("count", 0), "0");
    assert_string_equal(written("count", UINT64_MAX), "18446744073709551615");
    assert_string_equal(written("ready", 1), "true");
    assert_string_equal(written("ready", 0), "false");
    assert_string_equal(written("seen_at", 0), "-");
    assert_string_equal(written("seen_at", 1795215433123), "2026-11-20T22:57:13.123Z");
    assert_string_equal(written("pause", 0), "0s");
    assert_string_equal(written("pause", 5400), "1h30m");
    assert_string_equal(written("pause", 90061), "1d1h1m1s");
    assert_string_equal(written("cpu", 0), "0");
    assert_string_equal(written("cpu", 500), "0.5");
    assert_string_equal(written("cpu", 1001), "1.001");
    assert_string_equal(written("memory", 0), "0MiB");
    assert_string_equal(written("memory", 512), "512MiB");
    assert_string_equal(written("memory", 2048), "2GiB");
    assert_string_equal(written("memory", 1536), "1536MiB");
    assert_string_equal(written("colour", SAMPLE_GREEN), "GREEN");
    assert_string_equal(written("colour", 99), "?");
    assert_string_equal(written("result", 0), "-");
    assert_string_equal(written("result", aq_some(0)), "0");
    assert_string_equal(written("result", aq_some(255)), "255");
}

static void assert_reads(const char *name, const char *text, uint64_t expected)
{
    uint64_t value = 42;
    struct aq_error error = {0};
    if (aq_number_from_text(aq_record_field(&sample_record, name), text, name, &value, &error) != 0)
        fail_msg("%s = %s: %s", name, text, error.message);
    assert_int_equal(value, expected);
}

static void numbers_are_read_in_all_their_forms(void **state)
{
    (void)state;
    assert_reads("count", "0", 0);
    assert_reads("count", "18446744073709551615", UINT64_MAX);
    assert_reads("ready", "true", 1);
    assert_reads("ready", "on", 1);
    assert_reads("ready", "0", 0);
    assert_reads("seen_at", "2026-11-20T22:57:13.123Z", 1795215433123);
    assert_reads("seen_at", "2026-11-20T22:57:13Z", 1795215433000);
    assert_reads("seen_at", "1795215433123", 1795215433123);
    assert_reads("seen_at", "2024-02-29T00:00:00Z", 1709164800000);
    assert_reads("pause", "90", 90);
    assert_reads("pause", "90s", 90);
    assert_reads("pause", "1h30m", 5400);
    assert_reads("pause", "2d", 172800);
    assert_reads("pause", "1.5h", 5400);
    assert_reads("pause", "1h0.5m", 3630);
    assert_reads("pause", "0.4s", 1); /* rounded up, as sizes are */
    assert_reads("pause", "500ms", 1);
    assert_reads("pause", "1s1ms", 2);
    assert_reads("pause", "0.4", 1);
    assert_reads("pause", "0.0s", 0);
    assert_reads("cpu", "0.5", 500);
    assert_reads("cpu", "2", 2000);
    assert_reads("cpu", "1.0010", 1001);
    assert_reads("memory", "4", 4096); /* GiB, when no unit is given */
    assert_reads("memory", "0.5", 512);
    assert_reads("memory", "512MiB", 512);
    assert_reads("memory", "1.5GiB", 1536);
    assert_reads("memory", "1TiB", 1 << 20);
    assert_reads("memory", "0.1GiB", 103); /* rounded up: never less than was asked for */
    assert_reads("cpu", "0.0001", 1);      /* nothing would often mean "no limit" */
    assert_reads("cpu", "0.00000000000000000001", 1);
    assert_reads("cpu", "0.5001", 501);
    assert_reads("cpu", "0.0", 0);
    assert_reads("memory", "0.0001", 1);
    assert_reads("memory", "0.00000000000000000001TiB", 1);
    assert_reads("memory", "0.1MiB", 1);
    assert_reads("memory", "1B", 1);
    assert_reads("memory", "1024KiB", 1);
    assert_reads("memory", "1025KiB", 2);
    assert_reads("colour", "BLUE", SAMPLE_BLUE);
    assert_reads("result", "-", 0);
    assert_reads("result", "0", aq_some(0));
    assert_reads("result", "18446744073709551614", UINT64_MAX);
}

static void assert_refused(const char *name, const char *text, const char *expected)
{
    struct sample sample = {0};
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    if (aq_field_from_text(aq_record_field(&sample_record, name), &sample, text, name, &arena, &error) == 0)
        fail_msg("%s = %s was taken", name, text);
    aq_arena_free(&arena);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, expected);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    const char *const never[] = {"", " 1", "-1", "+1", "1 ", "1x", "x", "0x10", "99999999999999999999999"};
    const char *const names[] = {"count", "seen_at", "pause", "cpu", "memory", "colour", "ready", "result"};
    struct aq_error error = {0};
    uint64_t value;
    for (size_t n = 0; n < AQ_LENGTH(names); n++)
        for (size_t i = 0; i < AQ_LENGTH(never); i++)
            if (aq_number_from_text(aq_record_field(&sample_record, names[n]), never[i], "x", &value, &error) == 0)
                fail_msg("%s took \"%s\"", names[n], never[i]);
    assert_refused("count", "5.0", "count is \"5.0\", but must be a whole number");
    assert_refused("count", "18446744073709551616",
                   "count is \"18446744073709551616\", but must be at most 18446744073709551615");
    assert_refused("result", "18446744073709551615",
                   "result is \"18446744073709551615\", but must be at most 18446744073709551614");
    assert_refused("result", "256", "result is 256, more than 255");
    assert_refused("ready", "yes", "ready is \"yes\", but must be true or false");
    assert_refused("colour", "PINK", "colour is \"PINK\", but must be one of RED, GREEN, BLUE");
    assert_refused("cpu", "1e-4", "cpu is \"1e-4\", but must be a number of cores such as 2 or 0.5");
    assert_refused("pause", "1.5h30m",
                   "pause is \"1.5h30m\", but must be a duration such as 90, 90s, 15m, 1h30m or 2d");
    assert_refused("pause", "1.s", "pause is \"1.s\", but must be a duration such as 90, 90s, 15m, 1h30m or 2d");
    assert_refused("pause", "4294967296", "pause is 49710d6h28m16s, more than 1d");
    assert_refused("pause", "99999999999999999999d", "pause is 99999999999999999999d, more than 1d");
    assert_refused("pause", "99999999999999999999", "pause is 99999999999999999999, more than 1d");
    assert_refused("memory", "99999999999999999999TiB", "memory is 99999999999999999999TiB, more than 1024GiB");
    assert_refused("cpu", "99999999999999999999", "cpu is 99999999999999999999, more than 64");
    assert_refused("memory", "4GB", "memory is \"4GB\", but must be a size such as 512MiB, 4GiB, or a number of GiB");
    assert_refused("pause", "30m1h", "pause is \"30m1h\", but must be a duration such as 90, 90s, 15m, 1h30m or 2d");
    assert_refused("seen_at", "2026-02-31T00:00:00Z",
                   "seen_at is \"2026-02-31T00:00:00Z\", but must be a time such as 2026-11-20T22:57:13Z, or "
                   "milliseconds since 1970");
    assert_refused("seen_at", "2026-11-20T22:57:13",
                   "seen_at is \"2026-11-20T22:57:13\", but must be a time such as 2026-11-20T22:57:13Z, or "
                   "milliseconds since 1970");
}

/* A number of bytes or milliseconds takes the units of sizes and durations. */
static void units_are_the_same_everywhere(void **state)
{
    (void)state;
    static const struct aq_field bytes = {.name = "size", .type = AQ_TYPE_U64, .unit = "bytes"};
    static const struct aq_field ms = {.name = "delay", .type = AQ_TYPE_U64, .unit = "ms"};
    const struct {
        const struct aq_field *field;
        const char *text;
        uint64_t value;
    } read[] = {{&bytes, "4096", 4096}, {&bytes, "64KiB", 65536}, {&bytes, "1M", 1 << 20}, {&bytes, "1.5K", 1536},
                {&bytes, "12B", 12},    {&ms, "500", 500},        {&ms, "500ms", 500},     {&ms, "5s", 5000},
                {&ms, "1m30s", 90000},  {&ms, "1s1ms", 1001},     {&bytes, "0.1B", 1},     {&ms, "1.5s", 1500},
                {&ms, "0.1ms", 1},      {&ms, "0.5", 1}};
    struct aq_error error = {0};
    uint64_t value = 0;
    for (size_t i = 0; i < AQ_LENGTH(read); i++) {
        if (aq_number_from_text(read[i].field, read[i].text, "x", &value, &error) != 0)
            fail_msg("%s: %s", read[i].text, error.message);
        assert_int_equal(value, read[i].value);
    }
    assert_int_equal(aq_number_from_text(&bytes, "64kb", "size", &value, &error), -1);
    assert_string_equal(error.message,
                        "size is \"64kb\", but must be a size such as 64KiB, 1MiB, or a number of bytes");
    assert_int_equal(aq_number_from_text(&ms, "5x", "delay", &value, &error), -1);
    assert_string_equal(error.message,
                        "delay is \"5x\", but must be a duration such as 500ms, 5s or 1m30s, or a number "
                        "of milliseconds");
}

static void lists_of_texts_have_two_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {"x:y,z:w", "x:y, z:w", "[\"x:y\", \"z:w\"]", "[x:y,z:w]", " ['x:y','z:w'] "};
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    for (size_t i = 0; i < AQ_LENGTH(forms); i++) {
        struct sample sample = {0};
        if (aq_field_from_text(aq_record_field(&sample_record, "tags"), &sample, forms[i], "tags", &arena, &error) != 0)
            fail_msg("%s: %s", forms[i], error.message);
        assert_int_equal(sample.tags.count, 2);
        assert_string_equal(AQ_TEXT_ITEM(sample.tags, 0), "x:y");
        assert_string_equal(AQ_TEXT_ITEM(sample.tags, 1), "z:w");
    }
    aq_arena_free(&arena);
    assert_refused("tags", "a,,b", "tags[1] is empty");
    assert_refused("tags", "a,", "tags[1] is empty");
    assert_refused("tags", "[\"a\", 1]", "tags[1] must be a text");
    assert_refused("tags", "[a,b,c,d,e]", "tags has 5 items, more than 4");
}

static void bounds_hold_at_both_sides(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    const char *const taken[][2] = {{"count", "1"},     {"pause", "1d"},      {"cpu", "64"}, {"memory", "1TiB"},
                                    {"name", "ab"},     {"name", "abcdefgh"}, {"name", ""},  {"tags", "a,b,c,d"},
                                    {"note", "a\n\tb"}, {"first", NULL}};
    for (size_t i = 0; taken[i][1] != NULL; i++) {
        const struct aq_field *field = aq_record_field(&sample_record, taken[i][0]);
        if (aq_field_from_text(field, &sample, taken[i][1], field->name, &arena, &error) != 0)
            fail_msg("%s: %s", taken[i][1], error.message);
    }
    aq_arena_free(&arena);
    assert_refused("count", "0", "count is 0, less than 1");
    assert_refused("pause", "86401", "pause is 1d1s, more than 1d");
    assert_refused("cpu", "64.001", "cpu is 64.001, more than 64");
    assert_refused("memory", "1025GiB", "memory is 1025GiB, more than 1024GiB");
    assert_refused("name", "a", "name is 1 bytes long, less than 2");
    assert_refused("name", "abcdefghi", "name is 9 bytes long, more than 8");
    assert_refused("tags", "a,b,c,d,e", "tags has 5 items, more than 4");
    assert_refused("first", "x", "first is \"x\", but must be an object");
    assert_refused("rest", "x", "rest is \"x\", but must be a list");
}

static void texts_are_checked(void **state)
{
    (void)state;
    assert_refused("name", "a b",
                   "name is \"a b\", but a name has only letters, digits, '.', '_' and '-', and begins "
                   "with a letter or digit");
    assert_refused("note", "a\x01z", "note contains a control character");
    assert_refused("note", "a\rz", "note contains a control character");
    assert_refused("owner", "a\nz",
                   "owner is \"a\nz\", but a name has only letters, digits, '.', '_' and '-', and "
                   "begins with a letter or digit");
    assert_refused("token", "a\nz", "token contains a control character");
    assert_refused("note", "a\xC3", "note is not valid UTF-8");
    assert_refused("extra", "[]", "extra must be a JSON object");
}

static void names_are_plain(void **state)
{
    (void)state;
    const char *const good[] = {"a", "Z9", "0", "a.b_c-d", "9-"};
    const char *const bad[] = {".a", "_a", "-a", "a/b", "a b", "a\n", "\xC3\xA9", "a:"};
    for (size_t i = 0; i < AQ_LENGTH(good); i++)
        assert_true(aq_name_is_good(good[i], strlen(good[i])));
    for (size_t i = 0; i < AQ_LENGTH(bad); i++)
        assert_false(aq_name_is_good(bad[i], strlen(bad[i])));
    assert_false(aq_name_is_good("a\0b", 3));
}

static void utf8_is_rfc_3629(void **state)
{
    (void)state;
    const char *const good[] = {"",
                                "a\x7F",
                                "\xC2\x80",
                                "\xDF\xBF",
                                "\xE0\xA0\x80",
                                "\xED\x9F\xBF",
                                "\xEE\x80\x80",
                                "\xEF\xBF\xBF",
                                "\xF0\x90\x80\x80",
                                "\xF4\x8F\xBF\xBF"};
    const char *const bad[] = {"\x80",
                               "\xBF", /* continuation without a start */
                               "\xC0\x80",
                               "\xC1\xBF", /* overlong */
                               "\xE0\x9F\xBF",
                               "\xF0\x8F\xBF\xBF", /* overlong */
                               "\xED\xA0\x80",
                               "\xED\xBF\xBF", /* surrogates */
                               "\xF4\x90\x80\x80",
                               "\xF5\x80\x80\x80", /* above U+10FFFF */
                               "\xF8\x88\x80\x80",
                               "\xFE",
                               "\xFF",
                               "\xC2",
                               "\xE2\x82",
                               "\xF0\x9F\x98",
                               "\xC2z",
                               "\xE2z\xAC",
                               "\xE2\x82z",
                               "a\xF0\x9F\x98z"};
    for (size_t i = 0; i < AQ_LENGTH(good); i++)
        assert_true(aq_utf8_is_good(good[i], strlen(good[i])));
    for (size_t i = 0; i < AQ_LENGTH(bad); i++)
        if (aq_utf8_is_good(bad[i], strlen(bad[i])))
            fail_msg("row %zu was taken", i);
}

static void records_are_shown_a_leaf_a_line(void **state)
{
    (void)state;
    struct sample sample = sample_full();
    struct aq_buffer out = {0};
    aq_field_to_text(aq_record_field(&sample_record, "first"), &sample, &out);
    assert_string_equal(out.data, "name=frame\nweight=1000");
    aq_buffer_reset(&out);
    aq_field_to_text(aq_record_field(&sample_record, "tags"), &sample, &out);
    assert_string_equal(out.data, "two words\n\"quoted\"\n");
    aq_buffer_reset(&out);
    aq_field_to_text(aq_record_field(&sample_record, "rest"), &sample, &out);
    assert_string_equal(out.data, "{\"name\":\"wheel\",\"weight\":20}\n{\"name\":\"seat-2.b\",\"weight\":0}");
    aq_buffer_free(&out);
}

/* What every single-valued field writes, it reads. */
static void every_field_survives_its_own_text(void **state)
{
    (void)state;
    struct sample old = sample_full(), new = {0};
    struct aq_arena arena = {0};
    for (size_t i = 0; i < sample_record.count; i++) {
        const struct aq_field *field = &sample_record.fields[i];
        struct aq_buffer text = {0};
        struct aq_error error = {0};
        if (!aq_field_is_number(field) && !aq_field_is_text(field) && field->type != AQ_TYPE_ENUM)
            continue;
        aq_field_to_text(field, &old, &text);
        if (aq_field_from_text(field, &new, aq_buffer_string(&text), field->name, &arena, &error) != 0)
            fail_msg("%s", error.message);
        if (aq_field_is_text(field))
            assert_string_equal(aq_field_text(field, &new), aq_field_text(field, &old));
        else
            assert_int_equal(aq_field_number(field, &new), aq_field_number(field, &old));
        aq_buffer_free(&text);
    }
    aq_arena_free(&arena);
}

static void times_are_those_of_the_calendar(void **state)
{
    (void)state;
    for (uint64_t seconds = 0; seconds < 253402300800; seconds += 86399 * 31 + 7) { /* each month, to the year 9999 */
        char text[AQ_TIME_TEXT_SIZE], expected[AQ_TIME_TEXT_SIZE];
        time_t time = (time_t)seconds;
        struct tm utc;
        gmtime_r(&time, &utc);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.007Z", &utc);
        aq_time_to_text(seconds * 1000 + 7, text);
        assert_string_equal(text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_those_of_the_calendar),
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(numbers_are_read_in_all_their_forms),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(units_are_the_same_everywhere),
        cmocka_unit_test(lists_of_texts_have_two_forms),
        cmocka_unit_test(bounds_hold_at_both_sides),
        cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(utf8_is_rfc_3629),
        cmocka_unit_test(records_are_shown_a_leaf_a_line),
        cmocka_unit_test(every_field_survives_its_own_text),
    };
    return cmocka_run_group_tests_name("schema: text", tests, NULL, NULL);
}
