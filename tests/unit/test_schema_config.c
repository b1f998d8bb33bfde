/* Settings: from a file, from the command line, and the file that describes them. */
#include "schema/codec/config.h"
#include "schema/codec/reload.h"
#include "tests/lib/sample.h"

#include <stdio.h>
#include <unistd.h>

/* clang-format off */
#define test_api_fields(S, T)                                                                                          \
    S(T, host,  TEXT(1, 64),   "127.0.0.1", 0,         "where it listens")                                             \
    S(T, port,  U64(1, 65535), "8001",      AQ_LIVE,   "TCP port")                                                     \
    S(T, token, NAME(1, 32),   NULL,        AQ_SECRET, "what clients must know")
AQ_DECLARE_SETTINGS(test_api)
AQ_DEFINE_SETTINGS(test_api, "api", "the REST API")

#define test_peer_fields(S, T)                                                                                         \
    S(T, name,   NAME(1, 16), NULL, AQ_REQUIRED, "its name")                                                           \
    S(T, weight, U64(0, 9),   "1",  0,           "how much it counts")                                                 \
    S(T, note,   TEXT(0, 16), NULL, 0,           "some words")
AQ_DECLARE_SETTINGS(test_peer)
AQ_DEFINE_SETTINGS(test_peer, "peer", "another controller")

#define test_settings_fields(S, T)                                                                                     \
    S(T, name,      NAME(2, 8),              NULL,         AQ_REQUIRED, "name of this machine")                        \
    S(T, id,        U64(1, 9),               NULL,         AQ_REQUIRED, "number of this machine")                      \
    S(T, api,       RECORD(test_api),        NULL,         0,           "where the API is")                            \
    S(T, heartbeat, U64(10, 60000, "ms"),    "500",        AQ_LIVE,     "time between signs of life")                  \
    S(T, keep,      DURATION(0, UINT64_MAX), "1h30m",      0,           "how long old things stay")                    \
    S(T, cpu,       CPU(0, 64000),           "0.5",        0,           "cores to use")                                \
    S(T, memory,    SIZE(1, UINT64_MAX),     "512MiB",     0,           "memory to use")                               \
    S(T, colour,    ENUM(sample_colour),     "GREEN",      AQ_LIVE,     "its colour")                                  \
    S(T, debug,     BOOL,                    "false",      AQ_LIVE,     "whether it talks much")                       \
    S(T, motto,     TEXT(0, 64),             "yes: no",    0,           "to be quoted")                                \
    S(T, extra,     DOCUMENT(64),            "{\"a\": 1}", 0,           "whatever")                                    \
    S(T, labels,    TEXTS(0, 4),             "a,b",        0,           "what it has")                                 \
    S(T, peers,     LIST(test_peer, 0, 3),   NULL,         0,           "the other controllers")                       \
    S(T, voters,    LIST(test_peer, 1, 3),   NULL,         AQ_REQUIRED, "who votes")                                   \
    S(T, since,     TIME,                    NULL,         AQ_REQUIRED, "since when")                                  \
    S(T, started,   U64(0, UINT64_MAX),      NULL,         AQ_INTERNAL, "filled by the program")
AQ_DECLARE_SETTINGS(test_settings)
/* clang-format on */
AQ_DEFINE_SETTINGS(test_settings, "test", "settings of a test")

static char path[64]; /* of the file of the running test */
static struct aq_arena arena;

static int make_file(void **state)
{
    (void)state;
    strcpy(path, "/tmp/aq-test-config-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    aq_arena_free(&arena);
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char minimal[] = "name: alpha\nid: 1\nsince: 0\nvoters: [{name: beta}]\n";

static struct test_settings load(const char *text)
{
    struct test_settings settings;
    struct aq_error error = {0};
    write_file(text);
    if (aq_config_load(&test_settings_record, &settings, path, &arena, &error) != 0)
        fail_msg("%s", error.message);
    return settings;
}

/* `expected` comes behind the file's name. */
static void assert_refused(const char *text, const char *expected)
{
    struct test_settings settings;
    struct aq_error error = {0};
    char message[AQ_ERROR_MESSAGE_SIZE];
    write_file(text);
    assert_int_equal(aq_config_load(&test_settings_record, &settings, path, &arena, &error), -1);
    snprintf(message, sizeof message, "%s:%s", path, expected);
    assert_string_equal(error.message, message);
}

static void presets_hold_where_the_file_is_silent(void **state)
{
    (void)state;
    struct test_settings settings = load(minimal);
    assert_string_equal(settings.name, "alpha");
    assert_int_equal(settings.id, 1);
    assert_string_equal(settings.api.host, "127.0.0.1");
    assert_int_equal(settings.api.port, 8001);
    assert_string_equal(settings.api.token, "");
    assert_int_equal(settings.heartbeat, 500);
    assert_int_equal(settings.keep, 5400);
    assert_int_equal(settings.cpu, 500);
    assert_int_equal(settings.memory, 512);
    assert_int_equal(settings.colour, SAMPLE_GREEN);
    assert_false(settings.debug);
    assert_string_equal(settings.motto, "yes: no");
    assert_string_equal(settings.extra, "{\"a\":1}");
    assert_int_equal(settings.labels.count, 2);
    assert_int_equal(settings.peers.count, 0);
    assert_int_equal(AQ_ITEM(settings.voters, struct test_peer, 0)->weight, 1);
}

static void the_file_decides(void **state)
{
    (void)state;
    struct test_settings settings =
        load("name: beta # a comment\n"
             "id: 2\nsince: 2026-11-20T22:57:13Z\nvoters:\n  - {name: x, weight: 3}\n  - name: y\n"
             "api:\n  port: 65535\n  token: sesame\nkeep: 2d\ncpu: 1.5\nmemory: 4\ncolour: BLUE\ndebug: true\n"
             "labels: [one, 'two words']\nextra: {b: [1, x]}\nmotto: |\n");
    assert_string_equal(settings.name, "beta");
    assert_int_equal(settings.since, 1795215433000);
    assert_int_equal(settings.voters.count, 2);
    assert_int_equal(AQ_ITEM(settings.voters, struct test_peer, 0)->weight, 3);
    assert_int_equal(settings.api.port, 65535);
    assert_string_equal(settings.api.token, "sesame");
    assert_int_equal(settings.keep, 172800);
    assert_int_equal(settings.cpu, 1500);
    assert_int_equal(settings.memory, 4096);
    assert_int_equal(settings.colour, SAMPLE_BLUE);
    assert_true(settings.debug);
    assert_string_equal(AQ_TEXT_ITEM(settings.labels, 1), "two words");
    assert_string_equal(settings.extra, "{\"b\":[1,\"x\"]}");
    assert_string_equal(settings.motto, "");
}

static void errors_name_file_line_and_column(void **state)
{
    (void)state;
    assert_refused("name: alpha\napi:\n  port: 70000\n", "3:9: api.port is 70000, more than 65535");
    assert_refused("heartbeat: 9\n", "1:12: heartbeat is 9 ms, less than 10 ms");
    assert_refused("api:\n  prot: 1\n", "2:9: api.prot is not known; did you mean port?");
    assert_refused("colour: PINK\n", "1:9: colour is \"PINK\", but must be one of RED, GREEN, BLUE");
    assert_refused("voters:\n  - name: a\n  - name: b/c\n",
                   "3:11: voters[1].name is \"b/c\", but a name has only letters, digits, '.', '_' and '-', and begins "
                   "with a letter or digit");
    assert_refused("voters:\n  - weight: 1\n", "2:5: voters[0].name is missing: its name");
    assert_refused("labels: [a, 5]\n", "1:9: labels[1] is a number, but must be a text without NUL");
    assert_refused("debug: yes\n", "1:8: debug is \"yes\", but must be true or false");
    assert_refused("started: 1\n", "1:10: started is not known; known fields: name, id, api, heartbeat, keep, cpu, "
                                   "memory, colour, debug, motto, extra, labels, peers, voters, since");
    assert_refused("name: a\nname: b\n", "2:1: \"name\" is given twice, first on line 1");
    assert_refused("name: [a\n", "2:1: did not find expected ',' or ']' while parsing a flow sequence");
    assert_refused("name: \xFF\n", "1:7: not valid UTF-8");
}

static void errors_without_a_place_name_the_file(void **state)
{
    (void)state;
    struct test_settings settings;
    struct aq_error error = {0};
    assert_refused("id: 1\n", " name is missing: name of this machine");
    assert_refused("", " name is missing: name of this machine");
    assert_refused("- a\n", " test is a list, but must be an object");
    assert_int_equal(aq_config_load(&test_settings_record, &settings, "/nonexistent/a.yaml", &arena, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    assert_string_equal(error.message, "cannot open /nonexistent/a.yaml: No such file or directory");
    assert_int_equal(aq_config_load(&test_settings_record, &settings, "/tmp", &arena, &error), -1);
    assert_string_equal(error.message, "cannot read /tmp: Is a directory");
    assert_int_equal(aq_config_load(&test_settings_record, &settings, "/dev/zero", &arena, &error), -1);
    assert_int_equal(error.code, AQ_E_TOO_LARGE); /* read no further than the bound */
}

static void secrets_are_not_in_errors(void **state)
{
    (void)state;
    assert_refused("api: {token: 'open sesame'}\n",
                   "1:14: api.token has characters other than letters, digits, '.', '_' and '-'");
}

/* ---- overrides ---------------------------------------------------------------------------------------- */

static void one_setting_is_set(void **state)
{
    (void)state;
    struct test_settings settings = load(minimal);
    struct aq_error error = {0};
    const char *const assignments[] = {"name=gamma",   "api.port=8002", "api.host=a=b",    "keep=15m",
                                       "cpu=2",        "memory=1GiB",   "colour=RED",      "debug=true",
                                       "labels=x,y,z", "motto=",        "extra={\"c\": 2}"};
    for (size_t i = 0; i < AQ_LENGTH(assignments); i++)
        if (aq_config_set(&test_settings_record, &settings, assignments[i], &arena, &error) != 0)
            fail_msg("%s: %s", assignments[i], error.message);
    assert_string_equal(settings.name, "gamma");
    assert_int_equal(settings.api.port, 8002);
    assert_string_equal(settings.api.host, "a=b");
    assert_int_equal(settings.keep, 900);
    assert_int_equal(settings.cpu, 2000);
    assert_int_equal(settings.memory, 1024);
    assert_int_equal(settings.colour, SAMPLE_RED);
    assert_true(settings.debug);
    assert_int_equal(settings.labels.count, 3);
    assert_string_equal(settings.motto, "");
    assert_string_equal(settings.extra, "{\"c\":2}");
    assert_int_equal(settings.heartbeat, 500); /* all else stays */
}

static void a_list_is_set_in_either_form(void **state)
{
    (void)state;
    static const char *const forms[] = {"labels=x:y,z:w", "labels=x:y, z:w", "labels=[\"x:y\",\"z:w\"]",
                                        "labels=[x:y, z:w]"};
    for (size_t i = 0; i < AQ_LENGTH(forms); i++) {
        struct test_settings settings = load(minimal);
        struct aq_error error = {0};
        if (aq_config_set(&test_settings_record, &settings, forms[i], &arena, &error) != 0)
            fail_msg("%s: %s", forms[i], error.message);
        assert_int_equal(settings.labels.count, 2);
        assert_string_equal(AQ_TEXT_ITEM(settings.labels, 0), "x:y");
        assert_string_equal(AQ_TEXT_ITEM(settings.labels, 1), "z:w");
    }
}

static void a_document_may_begin_with_a_marker(void **state)
{
    (void)state;
    static const char *const heads[] = {"---\n", "# why\n---\n", "--- # why\n", "%YAML 1.1\n---\n", "\n---\n"};
    for (size_t i = 0; i < AQ_LENGTH(heads); i++) {
        char text[200];
        snprintf(text, sizeof text, "%s%s", heads[i], minimal);
        assert_string_equal(load(text).name, "alpha");
    }
}

static void a_command_line_goes_over_the_file_which_goes_over_presets(void **state)
{
    (void)state;
    const char *assignments[] = {"keep=15m", "name=delta", "keep=16m"};
    struct aq_arguments arguments = {.settings_file = path, .assignments = assignments, .assignment_count = 3};
    struct test_settings settings;
    struct aq_error error = {0};
    write_file(minimal);
    assert_int_equal(aq_config_read(&test_settings_record, &settings, &arguments, &arena, &error), 0);
    assert_string_equal(settings.name, "delta");
    assert_int_equal(settings.id, 1);
    assert_int_equal(settings.keep, 960);
    assignments[1] = "nothing=1";
    assert_int_equal(aq_config_read(&test_settings_record, &settings, &arguments, &arena, &error), -1);
    arguments.settings_file = "/nonexistent/a.yaml";
    assert_int_equal(aq_config_read(&test_settings_record, &settings, &arguments, &arena, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    arguments = (struct aq_arguments){0};
    assert_int_equal(aq_config_read(&test_settings_record, &settings, &arguments, &arena, &error), 0);
    assert_string_equal(settings.name, "");
}

/* ---- read again --------------------------------------------------------------------------------------- */

static void only_live_settings_change(void **state)
{
    (void)state;
    AQ_CLEANUP_BUFFER struct aq_buffer taken = {0}, left = {0};
    const char *assignments[] = {"api.port=9000", "api.host=::1", "heartbeat=5s", "cpu=2", "colour=BLUE", "debug=true"};
    struct aq_arguments arguments = {.settings_file = path, .assignments = assignments};
    struct test_settings running, fresh, before;
    struct aq_error error = {0};
    write_file(minimal);
    assert_int_equal(aq_config_read(&test_settings_record, &running, &arguments, &arena, &error), 0);
    before = running;
    aq_config_take_live(&test_settings_record, &running, &running, &taken, &left);
    assert_string_equal(aq_buffer_string(&taken), "");
    assert_string_equal(aq_buffer_string(&left), "");
    arguments.assignment_count = AQ_LENGTH(assignments);
    assert_int_equal(aq_config_read(&test_settings_record, &fresh, &arguments, &arena, &error), 0);
    aq_config_take_live(&test_settings_record, &running, &fresh, &taken, &left);
    assert_string_equal(aq_buffer_string(&taken), "api.port=9000 heartbeat=5000 colour=BLUE debug=true");
    assert_string_equal(aq_buffer_string(&left), "api.host cpu");
    assert_int_equal(running.api.port, 9000);
    assert_int_equal(running.heartbeat, 5000);
    assert_int_equal(running.colour, fresh.colour);
    assert_true(running.debug);
    assert_string_equal(running.api.host, before.api.host);
    assert_int_equal(running.cpu, before.cpu);
}

static void what_cannot_be_set_leaves_all_as_it_was(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"api.port", "\"api.port\" is not key=value"},
        {"", "\"\" is not key=value"},
        {"=5", "\"=5\" does not begin with the name of a setting"},
        {"name=[\"alpha\"]", "name is [\"alpha\"], a list, but must be one text"},
        {"motto=[\"a\", \"b\"]", "motto is [\"a\", \"b\"], a list, but must be one text"},
        {"labels=[\"a\"", "labels is \"[\"a\"\", but must be a list such as a,b or [\"a\", \"b\"]"},
        {"labels={\"a\": 1}", "labels is \"{\"a\": 1}\", but must be a list such as a,b or [\"a\", \"b\"]"},
        {"labels=[a] b", "labels is \"[a] b\", but must be a list such as a,b or [\"a\", \"b\"]"},
        {"api.port=70000", "api.port is 70000, more than 65535"},
        {"api.port=x", "api.port is \"x\", but must be a whole number"},
        {"api.prot=1", "api.prot is not known; did you mean port?"},
        {"colr=RED", "colr is not known; did you mean colour?"},
        {"api=x", "api is \"x\", but must be an object"},
        {"api.port.x=1", "api.port.x is not known: api.port has no parts"},
        {"extra.x=1", "extra.x is not known: extra has no parts"},
        {"api.=1", "api. is not known; known fields: host, port, token"},
        {"name=a", "name is 1 bytes long, less than 2"},
        {"peers=x", "peers is \"x\", but must be a list"},
        {"started=1", "started is not known; known fields: name, id, api, heartbeat, keep, cpu, memory, colour, debug, "
                      "motto, extra, labels, peers, voters, since"}};
    struct test_settings settings = load(minimal), before = settings;
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        struct aq_error error = {0};
        assert_int_equal(aq_config_set(&test_settings_record, &settings, rows[i][0], &arena, &error), -1);
        assert_string_equal(error.message, rows[i][1]);
        assert_memory_equal(&settings, &before, sizeof settings);
    }
}

/* ---- the file that describes them --------------------------------------------------------------------- */

static void the_description_has_everything(void **state)
{
    (void)state;
    struct aq_buffer out = {0};
    aq_config_print(&test_settings_record, &out);
    const char *const parts[] = {
        "# test: settings of a test\n\n# name of this machine\n# (must be given; a name; 2 to 8 bytes)\nname: "
        "example\n",
        "# number of this machine\n# (must be given; a number; 1 to 9)\nid: 1\n",
        "# where the API is\napi:\n  # where it listens\n  # (a text; 1 to 64 bytes)\n  host: 127.0.0.1\n"
        "  # TCP port\n  # (a number; 1 to 65535; SIGHUP applies a change)\n  port: 8001\n",
        "#  token:\n",
        "# (ms, or such as 5s; 10 to 60000; SIGHUP applies a change)\nheartbeat: 500\n",
        "# (seconds, or such as 1h30m)\nkeep: 1h30m\n",
        "# (cores such as 2 or 0.5; at most 64)\ncpu: 0.5\n",
        "# (GiB, or such as 512MiB; at least 1MiB)\nmemory: 512MiB\n",
        "# (one of RED, GREEN, BLUE; SIGHUP applies a change)\n#   RED: like blood\n#   GREEN: like grass\n#   BLUE: "
        "like the sea\n"
        "colour: GREEN\n",
        "debug: false\n",
        "motto: \"yes: no\"\n",
        "# (a list of texts; at most 4 items)\nlabels: [\"a\", \"b\"]\n",
        "extra: {\"a\": 1}\n",
        "#peers:\n#  -\n#    # its name\n#    # (must be given; a name; 1 to 16 bytes)\n#    name: example\n",
        "# (must be given; a list; 1 to 3 items)\nvoters:\n  -\n    # its name\n",
        "since: 0\n",
    };
    for (size_t i = 0; i < AQ_LENGTH(parts); i++)
        if (strstr(out.data, parts[i]) == NULL)
            fail_msg("no\n%sin\n%s", parts[i], out.data);
    assert_null(strstr(out.data, "started"));
    aq_buffer_free(&out);
}

static void the_description_loads(void **state)
{
    (void)state;
    struct aq_buffer out = {0};
    struct aq_error error = {0};
    aq_config_print(&test_settings_record, &out);
    struct test_settings settings = load(out.data), silent = load(minimal);
    assert_string_equal(settings.api.host, silent.api.host);
    assert_int_equal(settings.keep, silent.keep);
    assert_int_equal(settings.memory, silent.memory);
    assert_string_equal(settings.motto, silent.motto);
    assert_string_equal(settings.extra, silent.extra);
    assert_int_equal(settings.labels.count, silent.labels.count);
    assert_int_equal(settings.peers.count, 0);
    assert_int_equal(settings.voters.count, 1);
    /* Switched on by deleting the '#', what is commented out loads, too. */
    char *peers = strstr(out.data, "#peers:");
    for (char *line = peers; line[0] == '#' && line[1] != ' '; line = strchr(line, '\n') + 1)
        line[0] = ' ';
    for (char *line = peers; line[0] == ' '; line = strchr(line, '\n') + 1)
        memmove(line, line + 1, strlen(line));
    write_file(out.data);
    if (aq_config_load(&test_settings_record, &settings, path, &arena, &error) != 0)
        fail_msg("%s", error.message);
    aq_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(presets_hold_where_the_file_is_silent, make_file, remove_file),
        cmocka_unit_test_setup_teardown(the_file_decides, make_file, remove_file),
        cmocka_unit_test_setup_teardown(errors_name_file_line_and_column, make_file, remove_file),
        cmocka_unit_test_setup_teardown(errors_without_a_place_name_the_file, make_file, remove_file),
        cmocka_unit_test_setup_teardown(secrets_are_not_in_errors, make_file, remove_file),
        cmocka_unit_test_setup_teardown(one_setting_is_set, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_list_is_set_in_either_form, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_document_may_begin_with_a_marker, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_command_line_goes_over_the_file_which_goes_over_presets, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(what_cannot_be_set_leaves_all_as_it_was, make_file, remove_file),
        cmocka_unit_test_setup_teardown(only_live_settings_change, make_file, remove_file),
        cmocka_unit_test_setup_teardown(the_description_has_everything, make_file, remove_file),
        cmocka_unit_test_setup_teardown(the_description_loads, make_file, remove_file),
    };
    return cmocka_run_group_tests_name("schema: configuration", tests, NULL, NULL);
}
