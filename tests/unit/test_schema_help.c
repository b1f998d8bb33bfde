/* What help says about fields. */
#include "tests/lib/sample.h"

#include "schema/codec/help.h"
#include "schema/model/label.h"
#include "schema/model/user.h"

static void assert_told(const struct aq_record *record, const char *name, const char *words)
{
    struct aq_buffer text = {0};
    const struct aq_field *field = aq_record_field(record, name);
    assert_non_null(field);
    aq_help_field_type(field, &text);
    assert_string_equal(aq_buffer_string(&text), words);
    aq_buffer_free(&text);
}

static void each_type_has_words(void **state)
{
    (void)state;
    assert_told(&aq_user_create_record, "name", "a name, 1 to 64 bytes");
    assert_told(&aq_user_create_record, "role", "a name, up to 64 bytes");
    assert_told(&aq_user_create_record, "max_applications", "a whole number, 0 to 1000000000");
    assert_told(&aq_needs_record, "cpu", "cores such as 2 or 0.5, 0 to 65536 cores");
    assert_told(&aq_needs_record, "network", "a text, up to 64 bytes");
    assert_told(&aq_needs_record, "node_filter", "texts, separated by commas, 0 to 16");
    assert_told(&aq_label_create_record, "definitions", "a list of objects, 1 to 16");
    assert_told(&aq_label_create_record, "metadata", "a JSON object, up to 65536 bytes");
    assert_told(&aq_definition_record, "resources", "an object");
    assert_told(&sample_record, "ready", "true or false");
    assert_told(&sample_record, "seen_at", "a time such as 2026-11-20T22:57:13Z");
    assert_told(&sample_record, "count", "a whole number, 1 or more");
    assert_told(&sample_record, "result", "a whole number, or none, 0 to 255");
    assert_told(&sample_record, "pause", "a duration such as 90s or 1h30m, 0s to 1d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_type_has_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
