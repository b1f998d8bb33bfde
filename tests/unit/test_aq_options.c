/* aq: the command line taken apart, and what a write sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/codec/json.h"
#include "schema/model/key.h"
#include "tools/aq/body.h"
#include "tools/aq/complete.h"
#include "tools/aq/fingers.h"
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

/* Parsed, resolved and its flags checked, as aq does before it sends anything. -1: refused. */
static int check(struct cli_options *options, const char *line, struct aq_error *error)
{
    struct cli_action action;
    AQ_CLEANUP_BUFFER struct aq_buffer name = {0};
    if (parse(options, line, error) != 0)
        return -1;
    if (options->word_count == 0)
        return cli_options_check(options, UINT64_MAX, NULL, "aq", error);
    if (cli_action_find(&action, options->words, options->word_count, &options->arena, error) != 0)
        return -1;
    cli_action_name(&action, &name);
    return cli_options_check(options, cli_action_flags(&action), cli_action_filters(&action), aq_buffer_string(&name),
                             error);
}

static void assert_refused(const char *line, const char *expected)
{
    struct cli_options options;
    struct aq_error error = {0};
    if (check(&options, line, &error) == 0)
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
    assert_refused("nodes --no-heders", "there is no flag --no-heders; did you mean --no-headers?");
    assert_refused("applications --lable=x", "there is no flag --lable; did you mean --label?");
    assert_refused("nodes --token=aq_secret", "there is no flag --token; did you mean --token-file?");
    assert_refused("-x", "there is no flag -x; see aq --help");
    assert_refused("nodes -x", "there is no flag -x; see aq nodes list --help");
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
    assert_helps((const char *[]){"exec", "7"}, 2, "aq cannot run something in a workload");
    assert_helps((const char *[]){"get"}, 1, "get what? aq get application KEY");
}

/* Every flag works with a verb or is refused: no verb takes all, and each flag is taken by some. */
static void a_flag_works_or_is_refused(void **state)
{
    (void)state;
    assert_refused("version --watch", "aq version takes no --watch; see aq version --help");
    assert_refused("version --server http://h:1", "aq version takes no --server; see aq version --help");
    assert_refused("doctor --timeout 5", "aq doctor takes no --timeout; see aq doctor --help");
    assert_refused("context use lab --json", "aq context use takes no --json; see aq context use --help");
    assert_refused("nodes get n1 --count 3", "aq nodes get takes no --count; see aq nodes get --help");
    assert_refused("labels create x --reverse", "aq labels create takes no --reverse; see aq labels create --help");
    assert_refused("application 7 status -w", "aq application KEY status takes no -w; see aq application KEY status "
                                              "--help");
    assert_refused("application 7 why -n 3", "aq applications why takes no -n; see aq applications why --help");
    assert_refused("log verify --status=NEW",
                   "aq log verify takes no --status: that is a filter, for lists; see aq log verify --help");
    assert_refused("nodes delete n1 -o wide", "aq nodes delete takes no --wide; see aq nodes delete --help");
    assert_refused("nodes -o json --yaml", "--yaml and --output=json cannot be used together");
    assert_refused("nodes --output=jsn", "--output is \"jsn\", but must be one of table, wide, name, json, yaml");
    assert_refused("get nodes --namespace=x", "there is no flag --namespace: there are no namespaces: every user sees "
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
        if (check(&options, lines[i], &error) != 0)
            fail_msg("%s: %s", lines[i], error.message);
        cli_options_close(&options);
    }
}

static void outputs_are_one_flag_each(void **state)
{
    (void)state;
    struct cli_options options;
    parsed(&options, "nodes -o name -l node=n1 --status!=LOST -ojson");
    assert_true(options.flags.json);
    assert_int_equal(options.filter_count, 2);
    assert_string_equal(options.filters[0].field, "node");
    assert_true(options.filters[1].negated);
    cli_options_close(&options);
    parsed(&options, "nodes --output=name");
    assert_true(options.flags.quiet);
    cli_options_close(&options);
}

/* ---- words ---------------------------------------------------------------------------------------------- */

static void assert_means(const char *line, const char *name, const char *words)
{
    struct cli_options options;
    struct aq_error error = {0};
    struct cli_action action;
    AQ_CLEANUP_BUFFER struct aq_buffer said = {0}, rest = {0};
    parsed(&options, line);
    if (cli_action_find(&action, options.words, options.word_count, &options.arena, &error) != 0)
        fail_msg("%s: %s", line, error.message);
    cli_action_name(&action, &said);
    for (unsigned i = 0; i < action.count; i++)
        aq_buffer_format(&rest, "%s%s", i > 0 ? " " : "", action.words[i]);
    assert_string_equal(aq_buffer_string(&said), name);
    assert_string_equal(aq_buffer_string(&rest), words);
    cli_options_close(&options);
}

static void what_fingers_know_works(void **state)
{
    (void)state;
    assert_means("get nodes", "aq nodes list", "");
    assert_means("get node n1", "aq nodes get", "n1");
    assert_means("get node/n1", "aq nodes get", "n1");
    assert_means("node/n1 free", "aq node KEY free", "n1");
    assert_means("ps", "aq applications list", "");
    assert_means("rm 12", "aq applications deallocate", "12");
    assert_means("rm node n1", "aq nodes delete", "n1");
    assert_means("delete application 12", "aq applications deallocate", "12");
    assert_means("application 12 rm", "aq applications deallocate", "12");
    assert_means("deallocate 12 13", "aq applications deallocate", "12 13");
    assert_means("scancel 12 13", "aq applications deallocate", "12 13");
    assert_means("why 7", "aq applications why", "7");
    assert_means("describe application 12", "aq applications describe", "12");
    assert_means("describe n1", "aq describe", "n1");
    assert_means("describe 12", "aq applications describe", "12");
    assert_means("inspect last", "aq applications describe", "last");
    assert_means("applications last", "aq applications get", "last");
    assert_means("application last why", "aq applications why", "last");
    assert_means("cordon n1", "aq nodes maintenance", "n1 true");
    assert_means("uncordon n1 n2", "aq nodes maintenance", "n1 n2 false");
    assert_means("node ls", "aq nodes list", "");
    assert_means("squeue", "aq applications list", "");
    assert_means("application 7 watch", "aq applications get", "7");
    assert_means("watch nodes", "aq nodes watch", "");
    assert_means("edit label mac", "aq labels edit", "mac");
    assert_means("node n1 maintenance", "aq node KEY maintenance", "n1");
    assert_means("node n1 maintenance true", "aq nodes maintenance", "n1 true");
    assert_means("get 5", "aq applications get", "5");
    assert_means("get events", "aq events", "");
    assert_means("get events node", "aq events", "node");
    assert_means("inspect application 7", "aq applications describe", "7");
    assert_means("job status", "aq applications list", "");
    assert_means("job status 7", "aq applications get", "7");
    assert_means("job stop 7 8", "aq applications deallocate", "7 8");
    assert_means("alloc logs 7", "aq resources log", "7");
    assert_means("node status n1", "aq nodes get", "n1");
    assert_means("node n1 status", "aq node KEY status", "n1");
    assert_means("image ls", "aq labels list", "");
    assert_means("context ls", "aq context list", "");
    assert_means("context rm lab", "aq context delete", "lab");
    assert_means("get apps", "aq applications list", "");
    assert_means("ps --filter status=ERROR", "aq applications list", "");
    assert_means("ps --field-selector=status=ERROR --format json --no-trunc", "aq applications list", "");
    assert_refused("job run x.yml", "there is no \"job run\": labels say what runs, and are kept in the cluster: aq "
                                    "labels apply FILE && aq run LABEL");
    assert_refused("diff",
                   "there is no \"diff\": apply makes a version only when something has changed: aq labels apply "
                   "FILE --dry-run");
    assert_refused("describe pod 7", "there is no \"pod\": a workload is a resource: aq resources");
    assert_means("describe pod", "aq describe", "pod"); /* it may be a name */
    assert_refused("get pods", "there is no \"pods\": a workload is a resource: aq resources");
    assert_refused("delete 5",
                   "delete what? aq delete application KEY, aq delete node KEY, aq delete label KEY, aq delete "
                   "user KEY");
    assert_refused("edit node n1", "nodes have no verb or field \"edit\"; see aq nodes --help");
    assert_refused("node drain n1",
                   "nodes have no verb \"drain\": a node in maintenance takes no new work, and keeps what "
                   "it has: aq nodes maintenance NODE true");
    assert_refused("run x -d", "there is no flag -d: aq run does not stay attached, unless --attach says so");
    assert_refused("sbatch", "there is no \"sbatch\": labels say what runs, and are kept in the cluster: aq labels "
                             "create -f FILE && aq run LABEL");
}

/* ---- no answer suggests something that does not work ------------------------------------------------------ */

/* Is the line accepted, with words in place of those in capitals? */
static bool works(const char *line)
{
    static const struct {
        const char *capitals, *word;
    } places[] = {{"APPLICATION", "7"}, {"LABEL", "mac"},    {"NODE", "n1"},  {"KEY", "7"},
                  {"FILE", "x.yml"},    {"ADDRESS", "http"}, {"USER", "bob"}, {"field=value...", "a=1"},
                  {"N", "3"},           {"NAME", "lab"}};
    struct aq_buffer made = {0};
    struct cli_options options;
    struct aq_error error = {0};
    for (const char *at = line; *at != '\0';) {
        size_t p = 0;
        while (p < AQ_LENGTH(places) && strncmp(at, places[p].capitals, strlen(places[p].capitals)) != 0)
            p++;
        if (p < AQ_LENGTH(places))
            aq_buffer_text(&made, places[p].word);
        else
            aq_buffer_char(&made, *at);
        at += p < AQ_LENGTH(places) ? strlen(places[p].capitals) : 1;
    }
    bool good = check(&options, aq_buffer_string(&made), &error) == 0 || strstr(error.message, "needs a value") != NULL;
    if (!good)
        print_message("%s: %s\n", aq_buffer_string(&made), error.message);
    cli_options_close(&options);
    aq_buffer_free(&made);
    return good;
}

/* "aq run mac && aq rm 7", "aq get node KEY, aq get user KEY": each of them. */
static void assert_all_work(const char *said, const char *from)
{
    for (const char *at = strstr(from, "aq "); at != NULL; at = strstr(at, "aq ")) {
        char one[256];
        size_t length = strcspn(at, ",;&");
        while (length > 0 && at[length - 1] == ' ')
            length--;
        snprintf(one, sizeof one, "%.*s", (int)length - 3, at + 3);
        if (strcmp(one, "--help") != 0 && !works(one))
            fail_msg("\"%s\" suggests what does not work: %s", said, one);
        at += length;
    }
}

/* Checks the suggestion of the refusal of `line`, in which `wrong`, at `place`, is the word that is at fault. */
static void assert_suggests_what_works(const char *line, size_t place, const char *wrong, unsigned *suggestions)
{
    struct cli_options options;
    struct aq_error error = {0};
    char meant[64], mended[256];
    bool refused = check(&options, line, &error) != 0;
    cli_options_close(&options);
    if (!refused)
        return;
    const char *mean = strstr(error.message, "did you mean ");
    if (mean == NULL) {
        assert_all_work(error.message, error.message);
        return;
    }
    snprintf(meant, sizeof meant, "%.*s", (int)strcspn(mean + 13, "?"), mean + 13);
    if (strcmp(meant, wrong) == 0)
        fail_msg("%s: it contradicts itself: %s", line, error.message);
    if (strncmp(meant, "--", 2) == 0)
        memmove(meant, meant + 2, strlen(meant) - 1);
    snprintf(mended, sizeof mended, "%.*s%s%s", (int)place, line, meant, line + place + strlen(wrong));
    size_t length = strlen(mended);
    snprintf(mended + length, sizeof mended - length, " 7"); /* a verb may need a key */
    if (!works(mended) && (mended[length] = '\0', !works(mended)))
        fail_msg("%s: %s, which does not work", line, error.message);
    (*suggestions)++;
}

/* The word without each of its letters, in a line. */
static void mistype(const char *before, const char *word, const char *after, unsigned *suggestions)
{
    char wrong[80], line[256];
    for (size_t i = 0; i < strlen(word) && i < 64; i++) {
        snprintf(wrong, sizeof wrong, "%.*s%s", (int)i, word, word + i + 1);
        if (wrong[0] == '\0')
            continue;
        snprintf(line, sizeof line, "%s%s%s", before, wrong, after);
        assert_suggests_what_works(line, strlen(before), wrong, suggestions);
    }
}

static void suggestions_work(void **state)
{
    (void)state;
    static const char *const verbs[] = {"list", "get 7", "create x", "deallocate 7", "delete 7", "why 7", "edit 7"};
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct cli_topic *topic;
    const struct cli_finger *finger;
    char before[128];
    unsigned suggestions = 0;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        mistype("", entity->plural, "", &suggestions);
        for (size_t f = 0; f < entity->record->count; f++) {
            snprintf(before, sizeof before, "%s 7 ", entity->name);
            mistype(before, entity->record->fields[f].name, "", &suggestions);
            snprintf(before, sizeof before, "%s ", entity->plural);
            mistype(before, entity->record->fields[f].name, "", &suggestions);
            snprintf(before, sizeof before, "%s --", entity->plural);
            mistype(before, entity->record->fields[f].name, "=x", &suggestions);
            if (aq_entity_is_named(entity)) /* the field's name may be that of a row */
                continue;
            snprintf(before, sizeof before, "%s %s more words", entity->plural, entity->record->fields[f].name);
            assert_suggests_what_works(before, strlen(entity->plural) + 1, entity->record->fields[f].name,
                                       &suggestions);
            snprintf(before, sizeof before, "%s 7 %s more words", entity->name, entity->record->fields[f].name);
            assert_suggests_what_works(before, strlen(entity->name) + 3, entity->record->fields[f].name, &suggestions);
        }
        for (size_t v = 0; v < AQ_LENGTH(verbs); v++)
            for (size_t f = 0; f < cli_flags_record.count; f++) {
                char spelled[64];
                snprintf(before, sizeof before, "%s %s --", entity->plural, verbs[v]);
                mistype(before, cli_flag_spelling(&cli_flags_record.fields[f], spelled) + 2, "", &suggestions);
            }
    }
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        snprintf(before, sizeof before, "%s ", command->entity->plural);
        mistype(before, command->verb, "", &suggestions);
        snprintf(before, sizeof before, "%s 7 ", command->entity->plural);
        mistype(before, command->verb, "", &suggestions);
        snprintf(before, sizeof before, "%s 7 %s", command->entity->plural, command->verb);
        assert_suggests_what_works(before, strlen(command->entity->plural) + 3, command->verb, &suggestions);
        assert_suggests_what_works(command->verb, 0, command->verb, &suggestions);
    }
    for (size_t i = 0; (topic = cli_topic_at(i)) != NULL; i++) {
        mistype("", topic->name, "", &suggestions);
        for (const struct cli_topic *verb = topic->verbs; verb != NULL && verb->name != NULL; verb++) {
            snprintf(before, sizeof before, "%s ", topic->name);
            mistype(before, verb->name, "", &suggestions);
        }
    }
    for (size_t i = 0; (finger = cli_finger_at(i)) != NULL; i++) {
        mistype("", finger->word, "", &suggestions);
        if (finger->type != NULL)
            assert_all_work(finger->word, finger->type);
        else
            assert_true(works(finger->word) || strcmp(finger->word, "inspect") == 0);
    }
    assert_true(suggestions > 200);
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
        cmocka_unit_test(a_flag_works_or_is_refused),
        cmocka_unit_test(outputs_are_one_flag_each),
        cmocka_unit_test(what_fingers_know_works),
        cmocka_unit_test(suggestions_work),
    };
    cli_say_open();
    return cmocka_run_group_tests_name("aq: command line", tests, NULL, NULL);
}
