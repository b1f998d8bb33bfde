/* aq: the command line taken apart, and what a write sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/codec/json.h"
#include "tools/aq/body.h"
#include "tools/aq/complete.h"
#include "tools/aq/help.h"
#include "tools/aq/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64 };

/* Cuts `line` at blanks, as the simplest of shells would. */
static int parse(struct cli_options *options, const char *line, struct aq_error *error)
{
    static char copy[4096];
    char *argv[ARGUMENTS_MAX] = {"aq"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    return cli_options_parse(options, argc, argv, error);
}

static void parsed(struct cli_options *options, const char *line)
{
    struct aq_error error = {0};
    if (parse(options, line, &error) != 0)
        fail_msg("%s: %s", line, error.message);
}

static void assert_refused(const char *line, const char *expected)
{
    struct cli_options options;
    struct aq_error error = {0};
    if (parse(&options, line, &error) == 0)
        fail_msg("%s was taken", line);
    assert_string_equal(error.message, expected);
    cli_options_close(&options);
}

static void words_and_flags_may_be_mixed(void **state)
{
    (void)state;
    struct cli_options options;
    parsed(&options, "--json applications -q list --limit 5 --no-headers");
    assert_int_equal(options.word_count, 2);
    assert_string_equal(options.words[0], "applications");
    assert_string_equal(options.words[1], "list");
    assert_true(options.flags.json && options.flags.quiet && options.flags.no_headers);
    assert_int_equal(options.flags.limit, 5);
    assert_true(cli_options_gave(&options, "limit"));
    assert_false(cli_options_gave(&options, "since"));
    cli_options_close(&options);
}

static void values_follow_or_are_joined(void **state)
{
    (void)state;
    struct cli_options options;
    parsed(&options, "log tail -n5 --timeout=1h30m --server http://h:1");
    assert_int_equal(options.flags.lines, 5);
    assert_int_equal(options.flags.timeout, 5400);
    assert_string_equal(options.flags.server, "http://h:1");
    cli_options_close(&options);
    parsed(&options, "log tail -qn 7 -- -f --json");
    assert_int_equal(options.flags.lines, 7);
    assert_true(options.flags.quiet);
    assert_int_equal(options.word_count, 4); /* behind --, all are words */
    assert_string_equal(options.words[2], "-f");
    assert_false(options.flags.json);
    cli_options_close(&options);
}

static void f_is_file_or_follow_as_the_verb_wants(void **state)
{
    (void)state;
    struct cli_options options;
    parsed(&options, "log tail -f");
    assert_true(options.flags.follow);
    assert_int_equal(options.file_count, 0);
    cli_options_close(&options);
    parsed(&options, "labels -f a.yml create --file=b.yml -f -");
    assert_false(options.flags.follow);
    assert_int_equal(options.file_count, 3);
    assert_string_equal(options.files[0], "a.yml");
    assert_string_equal(options.files[2], "-");
    cli_options_close(&options);
}

static void fields_are_filters(void **state)
{
    (void)state;
    struct cli_options options;
    parsed(&options, "applications --status=NEW --label m*");
    assert_int_equal(options.filter_count, 2);
    assert_string_equal(options.filters[0].field, "status");
    assert_string_equal(options.filters[0].pattern, "NEW");
    assert_string_equal(options.filters[1].field, "label");
    assert_string_equal(options.filters[1].pattern, "m*");
    cli_options_close(&options);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    assert_refused("--jsn", "there is no flag --jsn; did you mean --json?");
    assert_refused("--no-heders", "there is no flag --no-heders; did you mean --no-headers?");
    assert_refused("--lable=x", "there is no flag --lable; did you mean --label?");
    assert_refused("--token=aq_secret", "there is no flag --token; did you mean --token-file?");
    assert_refused("-x", "there is no flag -x; see aq --help");
    assert_refused("--limit", "--limit needs a value");
    assert_refused("--limit 0", "--limit is 0 rows, less than 1 rows");
    assert_refused("--limit=many", "--limit is \"many\", but must be a whole number");
    assert_refused("--user=a/b", "--user is \"a/b\", but a name has only letters, digits, '.', '_' and '-', and begins "
                                 "with a letter or digit");
    assert_refused("--json --yaml", "--json and --yaml cannot be used together");
    assert_refused("a\xFF", "word 1 is not valid UTF-8");
}

static void words_are_bounded(void **state)
{
    (void)state;
    static char *argv[CLI_WORDS_MAX + 2];
    struct cli_options options;
    struct aq_error error = {0};
    for (size_t i = 0; i < AQ_LENGTH(argv); i++)
        argv[i] = "x";
    assert_int_equal(cli_options_parse(&options, CLI_WORDS_MAX + 1, argv, &error), 0);
    cli_options_close(&options);
    assert_int_equal(cli_options_parse(&options, CLI_WORDS_MAX + 2, argv, &error), -1);
    assert_string_equal(error.message, "more than 1024 words");
    cli_options_close(&options);
}

static void assert_body(const char *const *words, unsigned count, const char *expected)
{
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    json_t *body = cli_body_words(words, count, &error);
    if (body == NULL)
        fail_msg("%s", error.message);
    assert_string_equal(aq_json_compact(body, &arena), expected);
    json_decref(body);
    aq_arena_free(&arena);
}

static void words_become_an_object(void **state)
{
    (void)state;
    /* what the shell has cut stays in one piece, whatever stands in it */
    const char *words[] = {"label=mac", "metadata={\"a\": \"it's\"}", "note=two words = \\ \"three\"", "a.b=1", "a.c="};
    assert_body(words, 5,
                "{\"a\":{\"b\":\"1\",\"c\":\"\"},\"label\":\"mac\",\"metadata\":\"{\\\"a\\\": \\\"it's\\\"}\","
                "\"note\":\"two words = \\\\ \\\"three\\\"\"}");
    assert_body(NULL, 0, "{}");
    struct aq_error error = {0};
    const char *twice[] = {"a=1", "a=2"};
    assert_null(cli_body_words(twice, 2, &error));
    assert_string_equal(error.message, "\"a\" is given twice");
}

static const char *file_path(char *path, const char *text)
{
    strcpy(path, "/tmp/aq-options-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void assert_file_refused(const char *text, const char *expected)
{
    char path[32];
    struct cli_options options = {.files = {file_path(path, text)}, .file_count = 1};
    struct cli_body body;
    struct aq_error error = {0};
    assert_int_equal(cli_body_read(&body, &options, NULL, &error), -1);
    unlink(path);
    assert_ptr_equal(strstr(error.message, path), error.message); /* the file's name comes first */
    assert_string_equal(error.message + strlen(path), expected);
    cli_body_close(&body);
}

static void files_hold_objects(void **state)
{
    (void)state;
    char path[32], other[32];
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    struct cli_body body;
    struct cli_options options = {
        .files = {file_path(path, "- {name: a, version: 1}\n- name: b\n"), file_path(other, "{\"name\": \"c\"}")},
        .file_count = 2};
    json_t *over = json_loads("{\"version\": \"2\"}", 0, NULL);
    assert_int_equal(cli_body_read(&body, &options, over, &error), 0);
    assert_string_equal(aq_json_compact(body.items, &arena),
                        "[{\"name\":\"a\",\"version\":\"2\"},{\"name\":\"b\",\"version\":\"2\"},"
                        "{\"name\":\"c\",\"version\":\"2\"}]");
    cli_body_close(&body);
    unlink(path);
    unlink(other);
    assert_int_equal(cli_body_read(&body, &options, over, &error), -1);
    assert_non_null(strstr(error.message, "No such file"));
    cli_body_close(&body);
    json_decref(over);
    aq_arena_free(&arena);

    assert_file_refused("just words\n", " holds neither an object nor a list of objects");
    assert_file_refused("- 7\n", ": item 1 of the list is not an object");
    assert_file_refused("a: [1\n", ":2:1: did not find expected ',' or ']' while parsing a flow sequence");
}

static void an_error_is_found_in_its_file(void **state)
{
    (void)state;
    char path[32];
    struct aq_error error = {0};
    struct aq_buffer out = {0};
    struct cli_body body;
    struct cli_options options = {.files = {file_path(path, "- {name: a, role: user}\n- name: b\n  role: king\n")},
                                  .file_count = 1};
    const struct aq_record *record = aq_command_of(aq_entity_find("user"), "create")->record;
    assert_int_equal(cli_body_read(&body, &options, NULL, &error), 0);
    unlink(path);
    assert_true(cli_body_place(&body, record, "item 2: role is \"king\", but must be one of user, admin", 0, &out));
    assert_ptr_equal(strstr(out.data, path), out.data);
    assert_string_equal(out.data + strlen(path), ":3:9: role is \"king\", but must be one of user, admin");
    assert_false(cli_body_place(&body, record, "the server speaks of something else", 0, &out));
    cli_body_close(&body);
    aq_buffer_free(&out);
}

static const char *suggested(const char *word)
{
    struct cli_suggest suggest = {.word = word};
    const char *known[] = {"applications", "application", "nodes", "get"};
    for (size_t i = 0; i < AQ_LENGTH(known); i++)
        cli_suggest_try(&suggest, known[i]);
    return suggest.best;
}

static void the_nearest_word_is_meant(void **state)
{
    (void)state;
    assert_string_equal(suggested("aplications"), "applications");
    assert_string_equal(suggested("app"), "applications");
    assert_string_equal(suggested("noeds"), "nodes");
    assert_string_equal(suggested("gte") ? suggested("gte") : "none", "none"); /* two letters off, of three */
    assert_null(suggested("frobnicate"));
}

/* One candidate per line, for what is typed. */
static void assert_completes(const char *const *words, unsigned count, const char *candidate, bool expected)
{
    struct cli cli = {0};
    struct aq_buffer out = {0};
    aq_buffer_char(&out, '\n');
    cli_complete(&cli, words, count, &out);
    if ((strstr(out.data, candidate) != NULL) != expected)
        fail_msg("%s: %s", candidate, out.data);
    aq_buffer_free(&out);
}

static void completion_follows_the_registry(void **state)
{
    (void)state;
    assert_completes((const char *[]){""}, 1, "\nnodes\n", true);
    assert_completes((const char *[]){"app"}, 1, "\napplications\n", true);
    assert_completes((const char *[]){"app"}, 1, "\nnodes\n", false);
    assert_completes((const char *[]){"applications", ""}, 2, "\ndeallocate\n", true);
    assert_completes((const char *[]){"applications", ""}, 2, "\nplace\n", false); /* internal */
    assert_completes((const char *[]){"application", "7", ""}, 3, "\nwhy\n", true);
    assert_completes((const char *[]){"application", "7", ""}, 3, "\ncreate\n", false);
    assert_completes((const char *[]){"applications", "create", "la"}, 3, "\nlabel=\n", true);
    assert_completes((const char *[]){"users", "create", "role="}, 3, "\nrole=admin\n", true);
    assert_completes((const char *[]){"users", "create", ""}, 3, "\nhash=\n", false);
    assert_completes((const char *[]){"nodes", "--dr"}, 2, "\n--dry-run\n", true);
    assert_completes((const char *[]){"nodes", "--mai"}, 2, "\n--maintenance=\n", true);
    assert_completes((const char *[]){"log", "t"}, 2, "\ntail\n", true);
    assert_completes((const char *[]){"run", "met"}, 2, "\nmetadata=\n", true);
    assert_completes((const char *[]){"no such thing", ""}, 2, "\n", true);
}

static void assert_helps(const char *const *words, unsigned count, const char *expected)
{
    struct aq_buffer out = {0};
    cli_help(words, count, &out);
    if (strstr(aq_buffer_string(&out), expected) == NULL)
        fail_msg("no \"%s\" in: %s", expected, aq_buffer_string(&out));
    aq_buffer_free(&out);
}

static void help_is_everywhere(void **state)
{
    (void)state;
    assert_helps(NULL, 0, "Exit status:");
    assert_helps((const char *[]){"applications"}, 1, "deallocate");
    assert_helps((const char *[]){"applications", "create"}, 2, "label that is wanted (number, name, or name:version)");
    assert_helps((const char *[]){"labels", "create"}, 2, "definitions[].resources.ram");
    assert_helps((const char *[]){"application", "7", "why"}, 3, "which nodes were considered");
    assert_helps((const char *[]){"log"}, 1, "verify");
    assert_helps((const char *[]){"labels", "create"}, 2, "[field=value...] [FILE...] [--count N] [--dry-run]\n");
    assert_helps((const char *[]){"applications", "create"}, 2, "[-f FILE] [--count N] [--wait] [--dry-run]\n");
    assert_helps((const char *[]){"applications", "deallocate"}, 2, " KEY... [--wait] [--dry-run]\n");
    assert_helps((const char *[]){"nodes", "list"}, 2,
                 " [field=pattern...] [--limit N | --all] [--reverse] [--watch]\n");
    assert_helps((const char *[]){"nodes", "get"}, 2, "aq nodes get KEY... [--watch]\n");
    assert_helps((const char *[]){"nonsense"}, 1, "Nouns:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_flags_may_be_mixed),
        cmocka_unit_test(values_follow_or_are_joined),
        cmocka_unit_test(f_is_file_or_follow_as_the_verb_wants),
        cmocka_unit_test(fields_are_filters),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(words_are_bounded),
        cmocka_unit_test(words_become_an_object),
        cmocka_unit_test(files_hold_objects),
        cmocka_unit_test(an_error_is_found_in_its_file),
        cmocka_unit_test(the_nearest_word_is_meant),
        cmocka_unit_test(completion_follows_the_registry),
        cmocka_unit_test(help_is_everywhere),
    };
    cli_say_open();
    return cmocka_run_group_tests_name("aq: command line", tests, NULL, NULL);
}
