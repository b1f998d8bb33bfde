/* aq: the command line taken apart, and what a write sends. */
#include "schema/codec/json.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/command_line.h"
#include "tools/aq/body.h"
#include "tools/aq/complete.h"
#include "tools/aq/help.h"
#include "tools/aq/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void words_and_flags_may_be_mixed(void **state)
{
    (void)state;
    struct cli_options options;
    command_line_parsed(&options, "--json applications -q list --limit 5 --no-headers");
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
    command_line_parsed(&options, "log tail -n5 --timeout=1h30m --server http://h:1");
    assert_int_equal(options.flags.lines, 5);
    assert_int_equal(options.flags.timeout, 5400);
    assert_string_equal(options.flags.server, "http://h:1");
    cli_options_close(&options);
    command_line_parsed(&options, "log tail -qn 7 -- -f --json");
    assert_int_equal(options.flags.lines, 7);
    assert_true(options.flags.quiet);
    assert_int_equal(options.word_count, 4); /* behind --, all are words */
    assert_string_equal(options.words[2], "-f");
    assert_false(options.flags.json);
    cli_options_close(&options);
}

static void what_stands_behind_the_key_of_exec_is_its_command(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned tail, count;
        bool terminal;
    } rows[] = {
        {"exec 12 ls -la --json", 2, 5, false}, {"exec -it 12 sh -c -i", 2, 5, true},
        {"exec 12 -t sh", 2, 3, true},          {"exec --interactive --tty 12 -- sh -l", 2, 4, true},
        {"exec resource 9 id -u", 3, 5, false}, {"exec resource/9 sh -- -x", 2, 5, false},
        {"exec 12 --json", 2, 2, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cli_options options;
        command_line_parsed(&options, rows[i].line);
        assert_string_equal(options.unknown, "");
        assert_int_equal(options.word_tail, rows[i].tail);
        assert_int_equal(options.word_count, rows[i].count);
        assert_int_equal(options.flags.terminal, rows[i].terminal);
        assert_int_equal(options.flags.json, i == 6);
        cli_options_close(&options);
    }
    struct cli_options options;
    command_line_parsed(&options, "run -it mac"); /* which has neither */
    assert_string_equal(options.unknown, "-i");
    cli_options_close(&options);
}

static void f_is_file_or_follow_as_the_verb_wants(void **state)
{
    (void)state;
    struct cli_options options;
    command_line_parsed(&options, "log tail -f");
    assert_true(options.flags.follow);
    assert_int_equal(options.file_count, 0);
    cli_options_close(&options);
    command_line_parsed(&options, "labels -f a.yml create --file=b.yml -f -");
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
    command_line_parsed(&options, "applications --status=NEW --label m*");
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
    command_line_refused("--jsn", "there is no flag --jsn; did you mean --json?");
    command_line_refused("nodes --no-heders", "there is no flag --no-heders; did you mean --no-headers?");
    command_line_refused("applications --lable=x", "there is no flag --lable; did you mean --label?");
    command_line_refused("nodes --token=aq_secret", "there is no flag --token; did you mean --token-file?");
    command_line_refused("-x", "there is no flag -x; see aq --help");
    command_line_refused("nodes -x", "there is no flag -x; see aq nodes list --help");
    command_line_refused("--limit", "--limit needs a value");
    command_line_refused("--limit 0", "--limit is 0 rows, less than 1 rows");
    command_line_refused("--limit=many", "--limit is \"many\", but must be a whole number");
    command_line_refused("--user=a/b",
                         "--user is \"a/b\", but a name has only letters, digits, '.', '_' and '-', and begins "
                         "with a letter or digit");
    command_line_refused("--json --yaml", "--json and --yaml cannot be used together");
    command_line_refused("a\xFF", "word 1 is not valid UTF-8");
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
    assert_completes((const char *[]){"users", "create", ""}, 3, "\nhash=\n", false);
    assert_completes((const char *[]){"nodes", "delete", "--dr"}, 3, "\n--dry-run\n", true);
    assert_completes((const char *[]){"nodes", "--dr"}, 2, "\n--dry-run\n", false); /* a list takes none */
    assert_completes((const char *[]){"nodes", "list", "--status="}, 3, "\n--status=LOST\n", true);
    assert_completes((const char *[]){"nodes", "list", "sta"}, 3, "\nstatus=\n", true);
    assert_completes((const char *[]){"node", "n1", "fr"}, 3, "\nfree\n", true);
    assert_completes((const char *[]){"nodes", "--output", "w"}, 3, "\nwide\n", true);
    assert_completes((const char *[]){"nodes", "-o", "y"}, 3, "\nyaml\n", true);
    assert_completes((const char *[]){"nodes", "--sort="}, 2, "\n--sort=name\n", true);
    assert_completes((const char *[]){"nodes", "--sort="}, 2, "\n--sort=capacity\n", false);
    assert_completes((const char *[]){"wait", "7", "--for", "A"}, 4, "\nALLOCATED\n", true);
    assert_completes((const char *[]){"get", ""}, 2, "\nnode\n", true);
    assert_completes((const char *[]){"edit", ""}, 2, "\nlabel\n", true);
    assert_completes((const char *[]){"edit", ""}, 2, "\nnode\n", false);
    assert_completes((const char *[]){"context", ""}, 2, "\ncreate\n", true);
    assert_completes((const char *[]){"nodes", "--limit", "5", "--rev"}, 4, "\n--reverse\n", true);
    assert_completes((const char *[]){"nodes", "-"}, 2, "\n--output=\n", true);
    assert_completes((const char *[]){"nodes", "--output="}, 2, "\n--output=wide\n", true);
    assert_completes((const char *[]){"nodes", "--mai"}, 2, "\n--maintenance=\n", true);
    assert_completes((const char *[]){"log", "t"}, 2, "\ntail\n", true);
    assert_completes((const char *[]){"run", "met"}, 2, "\nmetadata=\n", true);
    assert_completes((const char *[]){"no such thing", ""}, 2, "\n", true);
}

static void assert_helps(const char *const *words, unsigned count, const char *expected)
{
    struct aq_buffer out = {0};
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    if (cli_help(words, count, &arena, &out, &error) != 0)
        aq_buffer_text(&out, error.message);
    if (strstr(aq_buffer_string(&out), expected) == NULL)
        fail_msg("no \"%s\" in: %s", expected, aq_buffer_string(&out));
    aq_buffer_free(&out);
    aq_arena_free(&arena);
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
    assert_helps((const char *[]){"labels", "create"}, 2, "aq labels create [field=value...] [FILE...] [FLAGS]\n");
    assert_helps((const char *[]){"labels", "create"}, 2, "  --count=VALUE");
    assert_helps((const char *[]){"applications", "deallocate"}, 2, "aq applications deallocate KEY... [FLAGS]\n");
    assert_helps((const char *[]){"applications", "deallocate"}, 2, "  --wait  ");
    assert_helps((const char *[]){"nodes", "list"}, 2, "aq nodes list [field=pattern...] [FLAGS]\n");
    assert_helps((const char *[]){"nodes", "list"}, 2, "  --reverse  ");
    assert_helps((const char *[]){"nodes", "get"}, 2, "aq nodes get KEY... [FLAGS]\n");
    assert_helps((const char *[]){"rm"}, 1, "aq applications deallocate KEY... [FLAGS]\n"); /* as it is meant */
    assert_helps((const char *[]){"log", "tail"}, 2, "  -n, --lines=VALUE");
    assert_helps((const char *[]){"nonsense"}, 1, "there is no \"nonsense\"; see aq --help");
    assert_helps((const char *[]){"aplications"}, 1, "did you mean applications?");
    assert_helps((const char *[]){"attach", "7"}, 2, "output as it comes");
    assert_helps((const char *[]){"get"}, 1, "get what? aq get application KEY");
}

/* Every flag works with a verb or is refused: no verb takes all, and each flag is taken by some. */
static void a_flag_works_or_is_refused(void **state)
{
    (void)state;
    command_line_refused("version --watch", "aq version takes no --watch; see aq version --help");
    command_line_refused("version --server http://h:1", "aq version takes no --server; see aq version --help");
    command_line_refused("doctor --timeout 5", "aq doctor takes no --timeout; see aq doctor --help");
    command_line_refused("context use lab --json", "aq context use takes no --json; see aq context use --help");
    command_line_refused("nodes get n1 --count 3", "aq nodes get takes no --count; see aq nodes get --help");
    command_line_refused("labels create x --reverse",
                         "aq labels create takes no --reverse; see aq labels create --help");
    command_line_refused("application 7 status -w",
                         "aq application KEY status takes no -w; see aq application KEY status "
                         "--help");
    command_line_refused("application 7 why -n 3", "aq applications why takes no -n; see aq applications why --help");
    command_line_refused("log verify --status=NEW",
                         "aq log verify takes no --status: that is a filter, for lists; see aq log verify --help");
    command_line_refused("nodes delete n1 -o wide", "aq nodes delete takes no --wide; see aq nodes delete --help");
    command_line_refused("nodes -o json --yaml", "--yaml and --output=json cannot be used together");
    command_line_refused("nodes --output=jsn", "--output is \"jsn\", but must be one of table, wide, name, json, yaml");
    command_line_refused("get nodes --namespace=x",
                         "there is no flag --namespace: there are no namespaces: every user sees "
                         "their own applications");
    static const char *const lines[] = {"events -n 3 -f",
                                        "status --watch",
                                        "version --json",
                                        "nodes -o json -n 2",
                                        "resource 7 log -n 2",
                                        "applications -a --sort=id",
                                        "log tail --tail 5",
                                        "nodes get n1 -w",
                                        "application 7 status -o yaml",
                                        "applications -l mac",
                                        "help",
                                        "applications create x --wait",
                                        "applications --status!=ERROR --since 5m"};
    for (size_t i = 0; i < AQ_LENGTH(lines); i++) {
        struct cli_options options;
        struct aq_error error = {0};
        if (command_line_check(&options, lines[i], &error) != 0)
            fail_msg("%s: %s", lines[i], error.message);
        cli_options_close(&options);
    }
}

static void outputs_are_one_flag_each(void **state)
{
    (void)state;
    struct cli_options options;
    command_line_parsed(&options, "nodes -o name -l node=n1 --status!=LOST -ojson");
    assert_true(options.flags.json);
    assert_int_equal(options.filter_count, 2);
    assert_string_equal(options.filters[0].field, "node");
    assert_true(options.filters[1].negated);
    cli_options_close(&options);
    command_line_parsed(&options, "nodes --output=name");
    assert_true(options.flags.quiet);
    cli_options_close(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_flags_may_be_mixed),
        cmocka_unit_test(values_follow_or_are_joined),
        cmocka_unit_test(what_stands_behind_the_key_of_exec_is_its_command),
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
        cmocka_unit_test(a_flag_works_or_is_refused),
        cmocka_unit_test(outputs_are_one_flag_each),
    };
    cli_say_open();
    return cmocka_run_group_tests_name("aq: command line", tests, NULL, NULL);
}
