/* aq: what people get to see: tables, ages, and text that cannot harm a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/utf8.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "tools/aq/cell.h"
#include "tools/aq/columns.h"
#include "tools/aq/nouns.h"
#include "tools/aq/output.h"
#include "tools/aq/table.h"
#include "tools/aq/watch.h"
#include "tools/aq/wrap.h"

#include <string.h>

static void add(struct cli_table *table, const char *text)
{
    cli_table_add(table, text, strlen(text), CLI_PLAIN);
}

static void assert_table(const char *const *cells, unsigned columns, unsigned width, const char *expected)
{
    struct cli_table table;
    struct aq_buffer out = {0};
    cli_table_open(&table, columns);
    for (; *cells != NULL; cells++)
        add(&table, *cells);
    cli_table_print(&table, 0, width, &out);
    assert_string_equal(aq_buffer_string(&out), expected);
    cli_table_close(&table);
    aq_buffer_free(&out);
}

static void columns_are_as_wide_as_what_they_hold(void **state)
{
    (void)state;
    const char *cells[] = {"ID", "NAME", "7", "a", "1234", "bcd", NULL};
    assert_table(cells, 2, 0, "ID     NAME\n7      a\n1234   bcd\n");
}

static void width_is_that_of_the_terminal(void **state)
{
    (void)state;
    /* é: two bytes, one cell; 漢: three bytes, two cells; e with a combining accent: three bytes, one cell */
    const char *cells[] = {"\xC3\xA9", "x", "\xE6\xBC\xA2", "x", "ab", "x", "e\xCC\x81", "x", NULL};
    assert_table(cells, 2, 0, "\xC3\xA9    x\n\xE6\xBC\xA2   x\nab   x\ne\xCC\x81    x\n");
}

static void no_blanks_stand_at_the_end(void **state)
{
    (void)state;
    const char *cells[] = {"A", "LONG HEADER", "1", "", NULL};
    assert_table(cells, 2, 0, "A   LONG HEADER\n1\n");
}

static void the_widest_column_is_cut_first(void **state)
{
    (void)state;
    const char *cells[] = {"ID", "DESCRIPTION", "7", "a rather long text that does not fit", NULL};
    assert_table(cells, 2, 20, "ID   DESCRIPTION\n7    a rather long \xE2\x80\xA6\n");
    /* a wide character that would stick out goes whole */
    const char *wide[] = {"a", "\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2", NULL};
    assert_table(wide, 2, 10, "a   \xE6\xBC\xA2\xE6\xBC\xA2\xE2\x80\xA6\n");
}

/* Prints a table of these cells, a list that ends with NULL, for a screen of so many columns. */
static void expect_table(const struct cli_table_column *shapes, unsigned count, const char *const *cells,
                         unsigned width, const char *expected)
{
    struct cli_table table;
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    cli_table_open(&table, count);
    table.shapes = shapes;
    for (size_t c = 0; cells[c] != NULL; c++)
        add(&table, cells[c]);
    cli_table_print(&table, 0, width, &out);
    assert_string_equal(aq_buffer_string(&out), expected);
    cli_table_close(&table);
}

/* Gaps shrink, empty columns go, then the least important ones; texts are cut to a part that still says something. */
static void a_narrow_terminal_has_fewer_columns(void **state)
{
    (void)state;
    static const struct cli_table_column shapes[] = {
        {0, 0, false}, {1, 0, false}, {3, 0, false}, {2, 0, false}, {0, 20, false}};
    const char *cells[] = {"ID", "USER",  "DRIVER",  "IP", "TEXT",
                           "1",  "admin", "process", "-",  "a text that is rather long for what it says",
                           NULL};
    static const struct {
        unsigned width;
        const char *expected;
    } rows[] = {
        {100, "ID   USER    DRIVER    IP   TEXT\n"
              "1    admin   process   -    a text that is rather long for what it says\n"},
        {50, "ID   USER    DRIVER    IP   TEXT\n1    admin   process   -    a text that is rather\xE2\x80\xA6\n"},
        {42, "ID  USER   DRIVER   TEXT\n1   admin  process  a text that is rather\xE2\x80\xA6\n"},
        {34, "ID  USER   TEXT\n1   admin  a text that is rather \xE2\x80\xA6\n"},
        {26, "ID  TEXT\n1   a text that is rather\xE2\x80\xA6\n"},
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++)
        expect_table(shapes, AQ_LENGTH(shapes), cells, rows[i].width, rows[i].expected);
}

static const struct cli_table_column *shape_of(const struct cli_columns *columns, const char *name)
{
    for (unsigned i = 0; i < columns->count; i++)
        if (strcmp(columns->items[i].field->name, name) == 0)
            return &columns->shapes[i];
    fail_msg("there is no column %s", name);
    return NULL;
}

/* A description has what is left of the screen; elsewhere tables stay as they are. */
static void what_is_extra_needs_room(void **state)
{
    (void)state;
    static const struct cli_table_column shapes[] = {{0, 0, false}, {1, 0, false}, {2, 20, true}};
    const char *cells[] = {"ID", "USER", "WHY", "1", "admin", "a text that is rather long", "2", "bob", "-", NULL};
    static const struct {
        unsigned width;
        const char *expected;
    } rows[] = {
        {0, "ID   USER\n1    admin\n2    bob\n"},
        {80, "ID   USER    WHY\n1    admin   a text that is rather long\n2    bob     -\n"},
        {34, "ID   USER    WHY\n1    admin   a text that is rathe\xE2\x80\xA6\n2    bob     -\n"},
        {20, "ID  USER\n1   admin\n2   bob\n"},
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++)
        expect_table(shapes, AQ_LENGTH(shapes), cells, rows[i].width, rows[i].expected);
    struct cli_table none;
    AQ_CLEANUP_BUFFER struct aq_buffer head = {0};
    cli_table_open(&none, AQ_LENGTH(shapes));
    none.shapes = shapes;
    for (size_t c = 0; c < AQ_LENGTH(shapes); c++)
        add(&none, cells[c]);
    cli_table_print(&none, 0, 80, &head);
    assert_string_equal(aq_buffer_string(&head), "ID   USER\n"); /* nothing is said of no row */
    cli_table_close(&none);
    struct cli_columns columns;
    cli_columns_of(&aq_application_record, false, &columns);
    assert_string_equal(columns.items[columns.count - 1].field->name, "description");
    assert_true(columns.shapes[columns.count - 1].extra);
    cli_columns_of(&aq_application_record, true, &columns); /* there it is one of all */
    assert_false(shape_of(&columns, "description")->extra);
}

/* A long name of a label must not push out the columns that say how its application is. */
static void names_of_others_are_cut(void **state)
{
    (void)state;
    struct cli_columns columns;
    cli_columns_of(&aq_application_record, false, &columns);
    assert_int_equal(shape_of(&columns, "label")->least, 32);
    assert_int_equal(shape_of(&columns, "status")->least, 0);
    cli_columns_of(&aq_label_record, false, &columns);
    assert_int_equal(shape_of(&columns, "name")->least, 0);
}

static void used_and_capacity_are_one_column(void **state)
{
    (void)state;
    struct cli_columns columns;
    struct aq_buffer head = {0}, cell = {0};
    json_t *row =
        json_loads("{\"used\":{\"cpu\":0.65,\"ram\":\"0MiB\"},\"capacity\":{\"cpu\":2,\"ram\":\"8GiB\"}}", 0, NULL);
    cli_columns_of(&aq_node_record, false, &columns);
    for (unsigned i = 0; i < columns.count; i++)
        if (columns.items[i].used != NULL) {
            cli_column_header(&columns.items[i], &head);
            aq_buffer_char(&head, ' ');
            cli_column_cell(&columns.items[i], row, 0, &cell);
            aq_buffer_char(&cell, ' ');
        }
    assert_string_equal(aq_buffer_string(&head), "CPU RAM DISK SLOTS ");
    assert_string_equal(aq_buffer_string(&cell), "0.65/2 0/8GiB -/- -/- ");
    cli_columns_of(&aq_node_record, true, &columns);
    bool wide = false;
    for (unsigned i = 0; i < columns.count; i++) {
        wide = wide || strcmp(columns.items[i].field->name, "agent_version") == 0;
        assert_string_not_equal(columns.items[i].field->name, "instance"); /* which is secret */
    }
    assert_true(wide);
    json_decref(row);
    aq_buffer_free(&head);
    aq_buffer_free(&cell);
}

static void the_first_column_stays_whole(void **state)
{
    (void)state;
    const char *cells[] = {"a-rather-long-name", "a rather long text", "7", "x", NULL};
    assert_table(cells, 2, 27, "a-rather-long-name   a rat\xE2\x80\xA6\n7                    x\n");
    /* narrower than the narrowest: the rest of the row is left out */
    assert_table(cells, 2, 24, "a-rather-long-name   a \xE2\x80\xA6\n7                    x\n");
    assert_table(cells, 2, 20, "a-rather-long-name\n7\n");
    assert_table(cells, 2, 5, "a-ra\xE2\x80\xA6\n7\n");
}

static void help_fits_the_terminal(void **state)
{
    (void)state;
    static const struct {
        unsigned width;
        const char *text, *expected;
    } rows[] = {
        {20, "short\n\n  -q   short\n", "short\n\n  -q   short\n"},
        {20, "  -q   print the keys only\nend", "  -q   print the\n       keys only\nend"},
        {20, "  -q   print the keys, the keys only\n", "  -q   print the\n       keys, the\n       keys only\n"},
        {20, "  a sentence without a gap\n", "  a sentence without\n  a gap\n"},
        {20, "no indent here at all, ever\n", "no indent here at\nall, ever\n"},
        {20, "  --a-very-long-flag   text after it\n", "  --a-very-long-flag\n    text after it\n"},
        {10, "  averylongwordthatfitsnowhere x\n", "  averylongwordthatfitsnowhere\n  x\n"},
        {0, "  -q   print the keys only, however long\n", "  -q   print the keys only, however long\n"},
        {20, "", ""},
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
        cli_wrap(rows[i].text, rows[i].width, &out);
        assert_string_equal(aq_buffer_string(&out), rows[i].expected);
    }
}

static void cells_cannot_harm(void **state)
{
    (void)state;
    const char *cells[] = {"a\033[2Jb", "c\nd", "\x7F\xC2\x9B", "\xFFx", "\xE2\x80\xAE", "y", NULL};
    assert_table(cells, 2, 0,
                 "a\\x1b[2Jb    c\\nd\n"
                 "\\x7f\\u009b   \\xffx\n"
                 "\\u202e       y\n");
}

static void lines_may_stay_in_longer_texts(void **state)
{
    (void)state;
    struct aq_buffer out = {0};
    const char text[] = "one\n\ttwo\r\a";
    cli_clean(text, sizeof text - 1, true, &out);
    assert_string_equal(aq_buffer_string(&out), "one\n\ttwo\\x0d\\x07");
    aq_buffer_free(&out);
}

static void every_byte_is_harmless_or_shown(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            char text[2] = {(char)first, (char)second};
            struct aq_buffer out = {0};
            cli_clean(text, 2, false, &out);
            assert_true(aq_utf8_is_good(aq_buffer_string(&out), out.length));
            for (size_t i = 0; i < out.length; i++)
                assert_true((unsigned char)out.data[i] >= 0x20 && out.data[i] != 0x7F);
            aq_buffer_free(&out);
        }
    }
}

static void ages_have_one_unit(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } rows[] = {{0, "0s"},    {119, "119s"},   {120, "2m"},    {7199, "119m"},
                {7200, "2h"}, {172799, "47h"}, {172800, "2d"}, {31536000, "365d"}};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        struct aq_buffer out = {0};
        cli_age(rows[i].seconds * 1000, &out);
        assert_string_equal(out.data, rows[i].text);
        aq_buffer_free(&out);
    }
}

static void assert_cell(const char *field, const char *json, const char *expected)
{
    struct aq_buffer out = {0};
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    cli_cell(aq_record_field(&aq_node_record, field), value, 1795215433123, &out); /* 2026-11-20T22:57:13.123Z */
    assert_string_equal(aq_buffer_string(&out), expected);
    json_decref(value);
    aq_buffer_free(&out);
}

static void cells_follow_the_declaration(void **state)
{
    (void)state;
    assert_cell("name", "\"n1\"", "n1");
    assert_cell("name", "null", "-");
    assert_cell("address", "\"\"", "-");
    assert_cell("number", "3", "3");
    assert_cell("number", "0", "0");
    assert_cell("maintenance", "true", "true");
    assert_cell("drivers", "[\"process\",\"test\"]", "process,test");
    assert_cell("drivers", "[]", "-");
    assert_cell("capacity", "{\"cpu\":0.5,\"ram\":\"8GiB\",\"disk\":\"0MiB\",\"slots\":0}", "cpu=0.5 ram=8GiB");
    assert_cell("capacity", "{\"cpu\":0,\"ram\":\"0MiB\"}", "-");
    assert_cell("changed_at", "\"2026-11-20T22:52:13.123Z\"", "5m");
    assert_cell("changed_at", "\"2026-11-20T23:02:13.123Z\"", "in 5m");
    assert_cell("changed_at", "\"some day\"", "some day");
    assert_cell("not declared", "{\"a\":1}", "{\"a\":1}");
}

static void a_watch_tells_what_changed(void **state)
{
    (void)state;
    json_t *before = json_loads("[{\"name\":\"a\",\"number\":1},{\"name\":\"b\",\"number\":2}]", 0, NULL);
    json_t *now = json_loads("[{\"name\":\"b\",\"number\":3},{\"name\":\"c\",\"number\":4}]", 0, NULL);
    struct aq_buffer gone = {0};
    json_t *changed = cli_watch_changes(&aq_node_record, before, now, &gone);
    assert_true(json_equal(changed, now));
    assert_string_equal(gone.data, "a\n");
    json_decref(changed);
    aq_buffer_reset(&gone);
    changed = cli_watch_changes(&aq_node_record, now, now, &gone);
    assert_int_equal(json_array_size(changed), 0);
    assert_int_equal(gone.length, 0);
    json_decref(changed);
    json_decref(before);
    json_decref(now);
    aq_buffer_free(&gone);
}

static void assert_overlap(const char *before, const char *now, size_t expected)
{
    struct aq_buffer old = {0}, new = {0};
    aq_buffer_text(&old, before);
    aq_buffer_text(&new, now);
    assert_int_equal(cli_log_overlap(&old, &new), expected);
    aq_buffer_free(&old);
    aq_buffer_free(&new);
}

static void a_log_goes_on_where_it_was(void **state)
{
    (void)state;
    assert_overlap("", "abc", 0);
    assert_overlap("abc", "abc", 3);
    assert_overlap("abc", "abcdef", 3);
    assert_overlap("abcdef", "cdefgh", 4); /* the window has moved */
    assert_overlap("abc", "xyz", 0);       /* it was rotated away */
    assert_overlap("abc", "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_what_they_hold),
        cmocka_unit_test(width_is_that_of_the_terminal),
        cmocka_unit_test(no_blanks_stand_at_the_end),
        cmocka_unit_test(the_widest_column_is_cut_first),
        cmocka_unit_test(a_narrow_terminal_has_fewer_columns),
        cmocka_unit_test(names_of_others_are_cut),
        cmocka_unit_test(what_is_extra_needs_room),
        cmocka_unit_test(used_and_capacity_are_one_column),
        cmocka_unit_test(the_first_column_stays_whole),
        cmocka_unit_test(help_fits_the_terminal),
        cmocka_unit_test(cells_cannot_harm),
        cmocka_unit_test(lines_may_stay_in_longer_texts),
        cmocka_unit_test(every_byte_is_harmless_or_shown),
        cmocka_unit_test(ages_have_one_unit),
        cmocka_unit_test(cells_follow_the_declaration),
        cmocka_unit_test(a_watch_tells_what_changed),
        cmocka_unit_test(a_log_goes_on_where_it_was),
    };
    cli_say_open();
    return cmocka_run_group_tests_name("aq: tables", tests, NULL, NULL);
}
