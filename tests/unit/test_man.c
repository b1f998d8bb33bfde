/* Manual pages: what roff would take for its own is escaped, and what is declared is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/settings/settings.h"
#include "schema/base/files.h"
#include "schema/drivers/driver.h"
#include "tools/man/pages.h"
#include "tools/man/roff.h"

#include <stdio.h>
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

static void options_of_drivers_come_from_their_declarations(void **state)
{
    struct aq_buffer page = {0};
    (void)state;
    page_labels(&page, "name: mac\n");
    assert_has(&page, ".SS \"process\"\n.PP\nRuns a program on the agent\\(aqs host");
    assert_has(&page,
               ".TP\n\\fBcommand\\fR\nprogram and arguments; one text is run by /bin/sh \\-c (a list of texts, or one "
               "text; must be given)\n.TP\n");
    assert_has(&page, ".SS \"test\"\n.PP\nOnly pretends");
    assert_has(
        &page,
        ".TP\n\\fBstop_grace\\fR\ntime between SIGTERM and SIGKILL (a duration such as 90s or 1h30m, or a number "
        "of seconds, from 0 to 3600; preset 10s)\n");
    assert_has(&page, "\\fBdefinitions[].resources.node_filter\\fR");
    aq_buffer_free(&page);
}

/* Of docs/labels.md, from `heading` to the next one; empty where there is none. */
static void read_section(const char *heading, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error error = {0};
    if (aq_file_read(AT_FDCWD, "docs/labels.md", 1 << 20, &text, &error) != 0)
        fail_msg("%s", error.message);
    const char *from = strstr(aq_buffer_string(&text), heading);
    const char *to = from != NULL ? strstr(from + strlen(heading), "\n## ") : NULL;
    if (from != NULL)
        aq_buffer_add(out, from, to != NULL ? (size_t)(to - from) : strlen(from));
}

static void the_documented_options_are_the_declared_ones(void **state)
{
    (void)state;
    const struct aq_driver *driver;
    for (size_t i = 0; (driver = aq_driver_at(i)) != NULL; i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer heading = {0}, section = {0}, table = {0};
        aq_buffer_format(&heading, "\n## Driver `%s`\n", driver->name);
        read_section(aq_buffer_string(&heading), &section);
        page_options_table(&table, driver);
        if (strstr(aq_buffer_string(&section), aq_buffer_string(&table)) == NULL) {
            fprintf(stderr, "docs/labels.md must have this table:\n%s\n", aq_buffer_string(&table));
            fail_msg("the options of driver %s in docs/labels.md are not those declared", driver->name);
        }
        if (strstr(aq_buffer_string(&section), driver->help) == NULL)
            fail_msg("docs/labels.md must say of driver %s: %s", driver->name, driver->help);
    }
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
        cmocka_unit_test(options_of_drivers_come_from_their_declarations),
        cmocka_unit_test(the_documented_options_are_the_declared_ones),
        cmocka_unit_test(aq_page_has_every_noun_and_word),
        cmocka_unit_test(usage_is_told_in_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
