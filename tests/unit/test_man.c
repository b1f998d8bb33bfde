/* Manual pages: what roff would take for its own is escaped, and what is declared is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/settings/settings.h"
#include "tools/man/pages.h"
#include "tools/man/roff.h"

#include <string.h>

static void assert_has(const struct aq_buffer *page, const char *part)
{
    if (strstr(aq_buffer_string(page), part) == NULL)
        fail_msg("there is no \"%s\" in:\n%s", part, aq_buffer_string(page));
}

static void text_is_escaped(void **state)
{
    struct aq_buffer page = {0};
    (void)state;
    roff_text(&page, ".TH 'a' \"b\" C:\\ --x ~ ^ é");
    assert_string_equal(aq_buffer_string(&page), "\\&.TH \\(aqa\\(aq \\(dqb\\(dq C:\\e \\-\\-x \\(ti \\(ha \\[u00E9]");
    aq_buffer_reset(&page);
    roff_text(&page, "say `aq log`, `open");
    assert_string_equal(aq_buffer_string(&page), "say \\fBaq log\\fR, \\fBopen\\fR");
    aq_buffer_reset(&page);
    roff_lines(&page, "a: 1\n.b\n'c'\n");
    assert_has(&page, "\n.nf\na: 1\n\\&.b\n\\(aqc\\(aq\n.fi\n");
    aq_buffer_free(&page);
}

static void a_daemon_page_has_options_and_settings_have_bounds(void **state)
{
    struct aq_buffer page = {0};
    (void)state;
    page_daemon(&page, &aq_controller_program, "Words.");
    assert_has(&page, ".TH \"AQ-CONTROLLER\" \"8\"");
    assert_has(&page, ".TP\n\\fB\\-\\-rebuild\\fR\n");
    assert_has(&page, ".TP\n\\fB\\-\\-salvage DIRECTORY\\fR\n");
    aq_buffer_reset(&page);
    page_settings(&page);
    assert_has(&page, ".TP\n\\fBapi.port\\fR\n");
    assert_has(&page, "a whole number, 0 to 65535; preset 8001)");
    assert_has(&page, "\\fBcapacity.cpu\\fR\n");
    aq_buffer_free(&page);
}

static void options_of_drivers_come_from_the_tables(void **state)
{
    static const char labels[] =
        "# Labels\n\n| no | | x |\n|---|---|---|\n| `this` | not | y |\n\n"
        "## Driver `process`\n\nRuns\na program.\n\nNot this.\n\n"
        "| option | | preset |\n|---|---|---|\n| `command` | a list; or a text for `/bin/sh` | must be given |\n\n"
        "## Driver `test`\n\nPretends.\n\n"
        "| option | | preset |\n|---|---|---|\n| `a`, `b` | two | 0 |\n| `c` | three | |\nlast words\n\n"
        "## Next\n\n| nor | | |\n|---|---|---|\n| `that` | x | |\n";
    struct aq_buffer page = {0};
    struct aq_error error = {0};
    (void)state;
    assert_int_equal(page_labels(&page, labels, "name: mac\n", &error), 0);
    assert_has(&page, ".SS \"process\"\n.PP\nRuns a program.\n.TP\n\\fBcommand\\fR\n"
                      "a list; or a text for \\fB/bin/sh\\fR; must be given\n.SS");
    assert_has(&page, ".SS \"test\"\n.PP\nPretends.\n.TP\n\\fBa, b\\fR\ntwo; preset: 0\n.TP\n\\fBc\\fR\nthree\n.SH");
    assert_has(&page, "\\fBdefinitions[].resources.node_filter\\fR");
    assert_null(strstr(aq_buffer_string(&page), "\\fBthis"));
    assert_null(strstr(aq_buffer_string(&page), "\\fBthat"));
    aq_buffer_reset(&page);
    assert_int_equal(page_labels(&page, "# Labels\n\nnothing\n", "", &error), -1);
    assert_int_equal(page_labels(&page, "\n## Driver `x`\n\nnothing\n", "", &error), -1);
    aq_buffer_free(&page);
}

static void aq_page_has_every_noun_and_word(void **state)
{
    struct aq_buffer page = {0};
    (void)state;
    page_aq(&page);
    assert_has(&page, ".SS \"applications\"\n");
    assert_has(&page, "\\fBdoctor [DIRECTORY]");
    assert_has(&page, "\\fB\\-n, \\-\\-lines=VALUE\\fR");
    assert_has(&page, "\\fBAQ_TOKEN_FILE\\fR");
    assert_null(strstr(aq_buffer_string(&page), "hash")); /* what is secret is nowhere */
    aq_buffer_free(&page);
}

static void usage_is_told_in_columns(void **state)
{
    static const char *const forms[] = {"[-a]", NULL}, *const notes[] = {"It ends.", NULL};
    static const struct aq_program program = {.name = "x",
                                              .purpose = "does x",
                                              .forms = forms,
                                              .notes = notes,
                                              .options = {{"-a", "one"}, {"--bcd E", "two"}}};
    struct aq_buffer out = {0};
    (void)state;
    aq_program_print(&program, &out);
    assert_string_equal(aq_buffer_string(&out),
                        "x: does x\n\n  x [-a]\n\n  -a       one\n  --bcd E  two\n\nIt ends.\n");
    aq_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(a_daemon_page_has_options_and_settings_have_bounds),
        cmocka_unit_test(options_of_drivers_come_from_the_tables),
        cmocka_unit_test(aq_page_has_every_noun_and_word),
        cmocka_unit_test(usage_is_told_in_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
