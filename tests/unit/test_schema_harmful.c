/* Characters that change what a reader sees: control characters of the second range, marks that change the direction of
 * text, line separators. They are refused in what is typed as a name or a text, and escaped wherever text is shown. */
#include "schema/base/journal.h"
#include "schema/base/utf8.h"
#include "schema/codec/json.h"
#include "schema/codec/json_string.h"
#include "schema/codec/json_value.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"
#include "tests/lib/sample.h"

#include <stdio.h>
#include <unistd.h>

/* One of each kind, and what stands for it when it is escaped. */
static const char *const harmful[][2] = {
    {"\xC2\x80", "\\u0080"},     {"\xC2\x9B", "\\u009b"},     {"\xC2\x9F", "\\u009f"},     {"\xD8\x9C", "\\u061c"},
    {"\xE2\x80\x8E", "\\u200e"}, {"\xE2\x80\x8F", "\\u200f"}, {"\xE2\x80\xA8", "\\u2028"}, {"\xE2\x80\xA9", "\\u2029"},
    {"\xE2\x80\xAA", "\\u202a"}, {"\xE2\x80\xAE", "\\u202e"}, {"\xE2\x81\xA6", "\\u2066"}, {"\xE2\x81\xA9", "\\u2069"},
    {"\xEF\xBB\xBF", "\\ufeff"},
};
static const char harmless[] = "\xC2\xA0\xC3\xA9\xD8\x9B\xD8\xA7\xE2\x80\x8D\xE2\x80\xA7\xE2\x81\xA5\xE2\x81\xAA"
                               "\xE2\x82\xAC\xE6\xBC\xA2\xEF\xBB\xBE\xF0\x9F\x90\xA0";

static void the_others_stay(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    char wanted[sizeof harmless + 2];
    (void)state;
    assert_true(aq_utf8_is_good(harmless, sizeof harmless - 1));
    assert_false(aq_utf8_has_harmful(harmless, sizeof harmless - 1));
    aq_json_string(harmless, sizeof harmless - 1, &out);
    snprintf(wanted, sizeof wanted, "\"%s\"", harmless);
    assert_string_equal(aq_buffer_string(&out), wanted);
}

/* ---- refused ------------------------------------------------------------------------------------------------ */

static void they_are_refused_in_what_is_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(harmful); i++) {
        AQ_CLEANUP_ARENA struct aq_arena arena = {0};
        struct aq_error error = {0};
        struct sample sample;
        char json[200];
        snprintf(json, sizeof json, "{\"count\":1,\"note\":\"a%sz\"}", harmful[i][0]);
        AQ_CLEANUP_JSON json_t *note = aq_json_parse(json, strlen(json), &error);
        assert_int_equal(aq_record_from_json(&sample_record, &sample, note, NULL, &arena, &error), -1);
        assert_string_equal(error.message,
                            "note contains a control character, or one that changes the direction of text");
        snprintf(json, sizeof json, "{\"count\":1,\"tags\":[\"a\",\"a%sz\"]}", harmful[i][0]);
        AQ_CLEANUP_JSON json_t *tags = aq_json_parse(json, strlen(json), &error);
        assert_int_equal(aq_record_from_json(&sample_record, &sample, tags, NULL, &arena, &error), -1);
        assert_non_null(strstr(error.message, "tags contains a control character, or one that "));
        const struct aq_field *field = aq_record_field(&sample_record, "note");
        char text[16];
        snprintf(text, sizeof text, "a%sz", harmful[i][0]);
        assert_int_equal(aq_field_from_text(field, &sample, text, "note", &arena, &error), -1);
        aq_fail(&error, AQ_E_INVALID, "no %s, no", text);
        assert_string_equal(error.message, "no a?z, no");
    }
}

/* ---- shown -------------------------------------------------------------------------------------------------- */

/* A row of an earlier build, which has the character in a text, in a list and in a document. */
static struct sample sample_with(const char *character, char note[32], char extra[64], char tag[32])
{
    struct sample sample = sample_full();
    static const char *tags[1];
    snprintf(note, 32, "%sz", character);
    snprintf(extra, 64, "{\"a%s\":\"%sb\"}", character, character);
    snprintf(tag, 32, "a%s", character);
    tags[0] = tag;
    sample.note = note;
    sample.extra = extra;
    sample.tags = (struct aq_list){.items = tags, .count = 1};
    return sample;
}

/* Neither is there, and the escaped one is, at least `least` times. */
static void assert_escaped(const char *shown, size_t kind, unsigned least)
{
    unsigned count = 0;
    for (const char *at = shown; (at = strstr(at, harmful[kind][1])) != NULL; at++)
        count++;
    if (strstr(shown, harmful[kind][0]) != NULL || count < least)
        print_message("%s: %s\n", harmful[kind][1], shown);
    assert_null(strstr(shown, harmful[kind][0]));
    assert_true(count >= least);
}

static void they_are_escaped_in_json_and_yaml_and_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(harmful); i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer json = {0}, packed = {0}, row = {0}, text = {0};
        char note[32], extra[64], tag[32];
        struct aq_error error = {0};
        struct sample sample = sample_with(harmful[i][0], note, extra, tag);
        aq_record_to_json(&sample_record, &sample, &json);
        assert_escaped(aq_buffer_string(&json), i, 4);
        aq_record_pack(&sample_record, &sample, &packed);
        assert_int_equal(aq_packed_to_json(&sample_record, packed.data, packed.length, &row, &error), 0);
        assert_string_equal(aq_buffer_string(&row), aq_buffer_string(&json));
        static const char *const shown[] = {"note", "extra", "tags"};
        for (size_t f = 0; f < AQ_LENGTH(shown); f++) {
            aq_buffer_reset(&text);
            aq_field_to_text(aq_record_field(&sample_record, shown[f]), &sample, &text);
            assert_escaped(aq_buffer_string(&text), i, 1);
        }
        AQ_CLEANUP_JSON json_t *again = aq_json_parse(json.data, json.length, &error);
        assert_string_equal(json_string_value(json_object_get(again, "note")), note);
        aq_buffer_reset(&text);
        aq_yaml_print(again, &text); /* with escapes of its own, such as "\L" */
        assert_null(strstr(aq_buffer_string(&text), harmful[i][0]));
    }
}

static void they_are_escaped_in_the_journal(void **state)
{
    int ends[2];
    char line[512];
    (void)state;
    aq_journal_open("test", AQ_INFO);
    for (size_t i = 0; i < AQ_LENGTH(harmful); i++) {
        char value[16];
        snprintf(value, sizeof value, "a%sz\033", harmful[i][0]);
        assert_int_equal(pipe(ends), 0);
        int kept = dup(STDERR_FILENO);
        dup2(ends[1], STDERR_FILENO);
        aq_journal(AQ_WARN, "told", "what", value, NULL);
        dup2(kept, STDERR_FILENO);
        ssize_t length = read(ends[0], line, sizeof line - 1);
        assert_true(length > 0);
        line[length] = '\0';
        assert_escaped(line, i, 1);
        assert_null(strchr(line, '\033'));
        close(kept);
        close(ends[0]);
        close(ends[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_others_stay),
        cmocka_unit_test(they_are_refused_in_what_is_typed),
        cmocka_unit_test(they_are_escaped_in_json_and_yaml_and_files),
        cmocka_unit_test(they_are_escaped_in_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
