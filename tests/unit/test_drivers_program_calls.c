/* How calls are written for driver programs, and which programs are found (drivers/program/). */
#include "drivers/program/call.h"
#include "drivers/program/find.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64]; /* a directory for the files of a test */
static char path[128];

static int begin(void **state)
{
    (void)state;
    test_make_directory(place, sizeof place, "/tmp", "aq-program");
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_remove_tree(place);
    return 0;
}

/* ---- forms of calls ------------------------------------------------------------------------------------------------
 */

/* Whatever a text contains, a shell reads that text and does nothing else. */
static void test_a_shell_reads_what_was_meant(void **state)
{
    static const char *const texts[] = {
        "",        "plain", "it's", "a\nb\n\nc", "$HOME `id` $(id) \\ \"x\" ;|&<>*?[a]{b,c}~#!",
        "'\n'\"'", "\\'",   "-n",   "a\tb\rc",   "=\xc3\xa4="};
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0}, script = {0}, expected = {0};
    (void)state;
    json_t *list = json_array();
    for (size_t i = 0; i < AQ_LENGTH(texts); i++) {
        json_array_append_new(list, json_string(texts[i]));
        aq_buffer_format(&expected, "<%s>", texts[i]);
    }
    for (size_t i = 0; i < AQ_LENGTH(texts); i++) {
        json_t *call = json_pack("{sO s{ss sO}}", "arguments", list, "options", "one", texts[i], "list", list);
        aq_buffer_reset(&line);
        call_write(HELLO_SH, call, &line);
        json_decref(call);
        assert_ptr_equal(strchr(line.data, '\n'), line.data + line.length - 1); /* it is one line */
        snprintf(path, sizeof path, "%s/line", place);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(line.data, 1, line.length, file), line.length);
        assert_int_equal(fclose(file), 0);
        aq_buffer_reset(&script);
        aq_buffer_format(
            &script,
            "AQUARIUM_NL='\n'; IFS= read -r line <%s/line; eval \"$line\"; printf '<%%s>' \"$option_one\"\n"
            "eval \"set -- $arguments\"; printf '<%%s>' \"$@\"\n"
            "eval \"set -- $option_list\"; printf '<%%s>' \"$@\"\n",
            place);
        FILE *out;
        char command_line[256];
        snprintf(command_line, sizeof command_line, "%s/script", place);
        file = fopen(command_line, "w");
        assert_non_null(file);
        fputs(aq_buffer_string(&script), file);
        assert_int_equal(fclose(file), 0);
        snprintf(command_line, sizeof command_line, "sh %s/script", place);
        out = popen(command_line, "r");
        char got[4096], wanted[4096];
        size_t length = fread(got, 1, sizeof got - 1, out);
        got[length] = '\0';
        assert_int_equal(pclose(out), 0);
        snprintf(wanted, sizeof wanted, "<%s>%s%s", texts[i], aq_buffer_string(&expected), aq_buffer_string(&expected));
        assert_string_equal(got, wanted);
    }
    json_decref(list);
}

/* ---- finding
 * --------------------------------------------------------------------------------------------------------- */

static char found[1024];

static void note_found(void *context, const char *name, const char *where, const char *why)
{
    (void)context, (void)where;
    snprintf(found + strlen(found), sizeof found - strlen(found), "%s: %.24s\n", name, why != NULL ? why : "good");
}

static void add_file(const char *name, mode_t mode, uid_t owner)
{
    char file[128];
    snprintf(file, sizeof file, "%s/%s", place, name);
    FILE *made = fopen(file, "w");
    assert_non_null(made);
    fclose(made);
    assert_int_equal(chmod(file, mode), 0);
    if (owner != 0 && geteuid() == 0)
        assert_int_equal(chown(file, owner, 0), 0);
}

static void test_which_programs_are_found(void **state)
{
    struct aq_error error = {0};
    char link[128];
    (void)state;
    add_file("aq-driver-good", 0755, 0);
    add_file("aq-driver-Bad", 0755, 0);
    add_file("aq-driver-old~", 0755, 0);
    add_file("aq-driver-group", 0775, 0);
    add_file("aq-driver-not-executable", 0644, 0);
    add_file("aq-driver-test", 0755, 0);
    add_file("other", 0755, 0);
    if (geteuid() == 0)
        add_file("aq-driver-theirs", 0755, 1000);
    snprintf(link, sizeof link, "%s/aq-driver-link", place);
    assert_int_equal(symlink("aq-driver-good", link), 0);
    found[0] = '\0';
    assert_int_equal(program_find_all(place, note_found, NULL, &error), 0);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "Bad: a driver's name must be \n"
             "good: good\n"
             "group: others than its owner ma\n"
             "link: it is not a regular file\n"
             "not-executable: it is not executable (mo\n"
             "old~: a driver's name must be \n"
             "test: the agent has a driver o\n%s",
             geteuid() == 0 ? "theirs: its owner is user 1000,\n" : "");
    assert_memory_equal(found, expected, 20);
    for (char *line = strtok(expected, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strstr(found, line) == NULL)
            fail_msg("%s is missing in:\n%s", line, found);
    assert_int_equal(chmod(place, 0777), 0);
    assert_int_equal(program_find_all(place, note_found, NULL, &error), -1);
    assert_non_null(strstr(error.message, "others than its owner may write to it"));
    assert_int_equal(program_find_all("/no/such/place", note_found, NULL, &error), -1);
    assert_int_equal(program_find_all("relative", note_found, NULL, &error), -1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_shell_reads_what_was_meant),
        TEST(test_which_programs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
