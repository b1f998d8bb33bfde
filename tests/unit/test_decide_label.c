/* Labels: versions count up and are never reused; a version in use cannot be deleted. */
#include "schema/drivers/driver.h"
#include "tests/lib/decide_case.h"

static struct aq_definition definition = {.driver = "test", .options = "{}"};

static void the_first_version_is_1(void **context)
{
    (void)context;
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1}, .metadata = "{\"a\":1}");
    THEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {&definition, 1}, .metadata = "{\"a\":1}");
    DONE();
    assert_string_equal(spec.decide.id, "1");
}

static void the_same_name_gets_the_next_version(void **context)
{
    (void)context;
    given_label(1, "mac", 1);
    given_label(2, "linux", 1);
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1});
    THEN(label_created, .id = 3, .name = "mac", .version = 2, .definitions = {&definition, 1});
    DONE();
    assert_string_equal(spec.decide.id, "3");
    WHEN(label_create, .name = "mac", .version = 3, .definitions = {&definition, 1});
    THEN(label_created, .id = 4, .name = "mac", .version = 3, .definitions = {&definition, 1});
    DONE();
}

static void a_given_version_must_be_the_next_one(void **context)
{
    (void)context;
    given_label(1, "mac", 1);
    given_label(2, "mac", 2);
    WHEN(label_create, .name = "mac", .version = 2, .definitions = {&definition, 1});
    REFUSED(AQ_E_EXISTS, "version is 2, but label mac already had that version; the next one is 3");
    WHEN(label_create, .name = "mac", .version = 4, .definitions = {&definition, 1});
    REFUSED(AQ_E_INVALID, "version is 4, but the next version of label mac is 3");
    WHEN(label_create, .name = "linux", .version = 2, .definitions = {&definition, 1});
    REFUSED(AQ_E_INVALID, "version is 2, but the next version of label linux is 1");
}

static void a_deleted_version_is_never_reused(void **context)
{
    (void)context;
    given_label(1, "mac", 1);
    given_label(2, "mac", 2);
    DO(label_delete, .id = 2);
    DO(label_delete, .id = 1);
    WHEN(label_create, .name = "mac", .version = 2, .definitions = {&definition, 1});
    REFUSED(AQ_E_EXISTS, "version is 2, but label mac already had that version; the next one is 3");
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1});
    THEN(label_created, .id = 3, .name = "mac", .version = 3, .definitions = {&definition, 1});
    DONE();
}

static void definitions_keep_their_order(void **context)
{
    (void)context;
    struct aq_definition both[] = {
        {.driver = "container", .options = "{\"image\":\"a\"}", .resources = {.cpu = 500, .lifetime = 60}},
        {.driver = "test", .options = "{}", .resources = {.disks = ITEMS(struct aq_disk, {"a", 5}, {"b", 6})}},
    };
    WHEN(label_create, .name = "mac", .definitions = {both, 2});
    THEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {both, 2});
    DONE();
}

static void a_version_in_use_stays(void **context)
{
    (void)context;
    given_cluster();
    given_label(2, "mac", 2);
    DO(application_create, .label = "mac", .version = 1);
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_STATE, "label mac, version 1, has 1 open application: deallocate it first");
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac", .version = 1);
    spec_as("admin", AQ_ROLE_ADMIN);
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_STATE, "label mac, version 1, has 2 open applications: deallocate them first");
    WHEN(label_delete, .id = 2); /* this one is not in use */
    THEN(label_deleted, .id = 2, .name = "mac", .version = 2);
    DONE();
    assert_string_equal(spec.decide.id, "2");
    DO(application_deallocate, .id = 1);
    DO(application_deallocate, .id = 2);
    WHEN(label_delete, .id = 1);
    THEN(label_deleted, .id = 1, .name = "mac", .version = 1);
    DONE();
}

static void names_are_not_numbers(void **context)
{
    (void)context;
    static const char *const digits[] = {"1", "007", "20261127"};
    for (size_t i = 0; i < AQ_LENGTH(digits); i++) {
        char message[100];
        snprintf(message, sizeof message, "name is \"%s\", which reads as a number: use a letter as well", digits[i]);
        WHEN(label_create, .name = digits[i], .definitions = {&definition, 1});
        REFUSED(AQ_E_INVALID, message);
    }
    DO(label_create, .name = "22.04", .definitions = {&definition, 1});
}

static void metadata_may_not_be_one_variable_twice(void **context)
{
    (void)context;
    WHEN(label_create, .name = "mac", .definitions = {&definition, 1}, .metadata = "{\"a\":{\"b\":1},\"a b\":2}");
    REFUSED(AQ_E_INVALID, "metadata: \"a b\" and \"a.b\" would both be the variable AQ_META_A_B");
}

static void a_missing_label_cannot_be_deleted(void **context)
{
    (void)context;
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no label 1");
    given_label(1, "mac", 1);
    DO(label_delete, .id = 1);
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no label 1");
}

/* ---- options of drivers ------------------------------------------------------------------------------------ */

static void create_with(const char *driver, const char *options)
{
    struct aq_definition both[] = {{.driver = "test", .options = "{}"}, {.driver = driver, .options = options}};
    WHEN(label_create, .name = "mac", .definitions = {both, 2});
}

/* As the driver itself would, without any node. */
static void options_are_checked_as_their_driver_would(void **context)
{
    (void)context;
    create_with("process", "{}");
    REFUSED(AQ_E_INVALID,
            "definitions[1].options (driver process): option \"command\" is missing: give a list of texts, or "
            "one text (program and arguments; one text is run by /bin/sh -c)");
    create_with("process", "{\"command\":\"x\",\"log_size\":\"64kb\"}");
    REFUSED(AQ_E_INVALID,
            "definitions[1].options (driver process): option \"log_size\" is \"64kb\", but must be a size such "
            "as 64KiB, or a number of bytes, from 4096 to 1073741824");
    create_with("process", "{\"command\":\"x\",\"stop_grace\":\"2h\"}");
    REFUSED(AQ_E_INVALID,
            "definitions[1].options (driver process): option \"stop_grace\" is \"2h\", but must be a duration "
            "such as 90s or 1h30m, or a number of seconds, from 0 to 3600");
    create_with("test", "{\"comand\":\"x\"}");
    REFUSED(AQ_E_INVALID,
            "definitions[1].options (driver test): option \"comand\" is unknown to driver test, which knows: "
            "start_delay_ms, stop_delay_ms, run_ms, exit_status, fail, fail_rate, seed, fail_reason, "
            "ip_addr, task_ms, task_fail");
    create_with("process", "{\"command\":[\"sleep\",5],\"environment\":{\"PORT\":18080},\"stop_grace\":4.5}");
    assert_int_equal(spec.status, 0);
    assert_null(spec.decide.warnings);
    /* as every agent reads it, those that know no units too */
    struct aq_label label;
    spec_happens();
    assert_true(state_label(spec.txn, 1, &label, &spec.arena));
    assert_string_equal(AQ_ITEM(label.definitions, struct aq_definition, 1)->options,
                        "{\"command\":[\"sleep\",\"5\"],\"environment\":{\"PORT\":\"18080\"},\"stop_grace\":5}");
}

static void an_unknown_driver_is_warned_about(void **context)
{
    (void)context;
    create_with("docker", "{\"image\":\"x\"}");
    assert_int_equal(spec.status, 0);
    assert_string_equal(spec.decide.warnings,
                        "definitions[1].driver is \"docker\", which no node has: its options were not "
                        "checked, and it cannot run yet\n");
    spec_happens();
    create_with("proces", "{}");
    assert_non_null(strstr(spec.decide.warnings, "; did you mean process?\n"));
    spec_happens();
    GIVEN(node_joined, .name = "node-1", .number = 1, .instance = 7, .address = "10.0.0.1", .agent_version = "1",
          .drivers = ITEMS(const char *, "test", "docker"));
    create_with("docker", "{\"image\":\"x\"}"); /* some node has it */
    assert_int_equal(spec.status, 0);
    assert_null(spec.decide.warnings);
    spec_happens();
}

/* As soon as there are nodes that could have it. */
static void a_driver_that_no_node_has_is_warned_about(void **context)
{
    (void)context;
    create_with("process", "{\"command\":\"true\"}");
    assert_null(spec.decide.warnings);
    spec_happens();
    GIVEN(node_joined, .name = "node-1", .number = 1, .instance = 7, .address = "10.0.0.1", .agent_version = "1",
          .drivers = ITEMS(const char *, "test"));
    create_with("process", "{\"command\":\"true\"}");
    assert_string_equal(spec.decide.warnings,
                        "definitions[1].driver is \"process\", which no node has: it cannot run yet\n");
    spec_happens();
}

/* ---- upkeep ---------------------------------------------------------------------------------------------- */

static void keep_up(struct aq_definition kept)
{
    kept.driver = "test";
    kept.options = "{}";
    WHEN(label_create, .name = "kept", .definitions = {&kept, 1});
}

static void upkeep_that_makes_no_sense_is_refused(void **context)
{
    (void)context;
    keep_up((struct aq_definition){.restart_limit = 3});
    REFUSED(AQ_E_INVALID, "definitions[0].restart_limit is 3, but its restart is never: give restart as on-failure or "
                          "always");
    keep_up((struct aq_definition){.restart = AQ_RESTART_ALWAYS, .restart_wait = 10, .restart_wait_most = 5});
    REFUSED(AQ_E_INVALID, "definitions[0].restart_wait_most is 5 s, less than restart_wait, which is 10 s");
    keep_up((struct aq_definition){.health = {.tcp = 80, .http = "80/"}});
    REFUSED(AQ_E_INVALID, "definitions[0].health has several of command, tcp and http: give one");
    keep_up((struct aq_definition){.health.interval = 5});
    REFUSED(AQ_E_INVALID, "definitions[0].health has none of command, tcp and http: give one");
    keep_up((struct aq_definition){.health.command = ITEMS(const char *, "", "x")});
    REFUSED(AQ_E_INVALID, "definitions[0].health.command[0] is empty: it must be a program");
    keep_up((struct aq_definition){.health.command = ITEMS(const char *, "test -e ready")});
    assert_non_null(strstr(spec.decide.warnings,
                           "definitions[0].health.command runs the program \"test -e ready\": write arguments as "));
    spec.open = false;
    static const char *const wrong[] = {"/x",     "80",        "0/",   "65536/",
                                        "80/a b", "http://x/", "80x/", "999999999999999999999/"};
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        char message[256];
        snprintf(
            message, sizeof message,
            "definitions[0].health.http is \"%s\", but must be a port from 1 to 65535 and a path without blanks, such "
            "as 8080/ready",
            wrong[i]);
        keep_up((struct aq_definition){.health.http = wrong[i]});
        REFUSED(AQ_E_INVALID, message);
    }
}

/* A driver whose workloads have neither ports nor commands. */
#define aq_mute_options_fields(S, T) S(T, words, U64(0, 0), "0", 0, "how many it has")
AQ_DECLARE_SETTINGS(aq_mute_options)
AQ_DEFINE_SETTINGS(aq_mute_options, "mute", "options of the driver mute")
AQ_DRIVER(mute, "Says nothing.", NULL, NULL, .reach = NULL);

static void a_lease_needs_a_driver_that_keeps_it(void **context)
{
    (void)context;
    struct aq_definition leased = {.driver = "mute", .options = "{}", .resources.lease = 60};
    WHEN(label_create, .name = "web", .definitions = {&leased, 1});
    REFUSED(AQ_E_INVALID, "definitions[0].resources.lease is 60s, but driver mute keeps no leases");
    leased.driver = "magic"; /* its node knows */
    WHEN(label_create, .name = "web", .definitions = {&leased, 1});
    assert_int_equal(spec.status, 0);
}

/* An agent connects to nothing that the workload itself cannot reach. */
static void health_must_be_within_reach(void **context)
{
    (void)context;
    static const struct {
        const char *driver, *options;
        bool by_port, by_command;
    } cases[] = {
        {"process", "{\"command\":\"x\"}", true, true},
        {"process", "{\"command\":\"x\",\"network\":\"none\"}", false, true},
        {"test", "{\"ip_addr\":\"10.0.0.1\"}", false, true}, /* it says what it is told to */
        {"container", "{\"image\":\"oci:a\"}", true, true},
        {"container", "{\"image\":\"oci:a\",\"network\":\"host\"}", true, true},
        {"container", "{\"image\":\"oci:a\",\"network\":\"none\"}", false, true},
        {"mute", "{}", false, false},
        {"magic", "{}", true, true}, /* nobody knows */
    };
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        struct aq_definition kept = {.driver = cases[i].driver, .options = cases[i].options, .health.http = "80/"};
        WHEN(label_create, .name = "kept", .definitions = {&kept, 1});
        assert_int_equal(spec.status, cases[i].by_port ? 0 : -1);
        if (!cases[i].by_port)
            REFUSED(AQ_E_INVALID, "definitions[0].health: its ports cannot be reached, as it has neither an address of "
                                  "its own nor the network of the host: give command");
        else
            spec_happens();
        kept.health = (struct aq_check){.command = ITEMS(const char *, "x")};
        WHEN(label_create, .name = "kept", .definitions = {&kept, 1});
        assert_int_equal(spec.status, cases[i].by_command ? 0 : -1);
        if (!cases[i].by_command)
            REFUSED(AQ_E_INVALID, "definitions[0].health.command: workloads of driver mute take no commands: give "
                                  "tcp or http");
        else
            spec_happens();
    }
}

static void upkeep_is_stored_with_its_presets(void **context)
{
    (void)context;
    struct aq_definition given = {.driver = "test",
                                  .options = "{}",
                                  .restart = AQ_RESTART_ON_FAILURE,
                                  .health = {.command = ITEMS(const char *, "say", "x", "0"), .retries = 7}};
    struct aq_definition stored = given;
    stored.restart_wait = 1;
    stored.restart_wait_most = 300;
    stored.health.interval = 30;
    stored.health.timeout = 10;
    WHEN(label_create, .name = "kept", .definitions = {&given, 1});
    THEN(label_created, .id = 1, .name = "kept", .version = 1, .definitions = {&stored, 1});
    DONE();
    given.restart_wait = 1; /* what is left out equals its preset */
    WHEN(label_apply, .name = "kept", .definitions = {&given, 1});
    DONE();
    given.restart_wait = 600; /* longer than the preset of the longest */
    stored.restart_wait = stored.restart_wait_most = 600;
    WHEN(label_apply, .name = "kept", .definitions = {&given, 1});
    THEN(label_created, .id = 2, .name = "kept", .version = 2, .definitions = {&stored, 1});
    DONE();
}

/* ---- apply ----------------------------------------------------------------------------------------------- */

#define APPLY(text, ...)                                                                                               \
    do {                                                                                                               \
        struct aq_definition applied = {.driver = "process", .options = (text)};                                       \
        WHEN(label_apply, .name = "job", .definitions = {&applied, 1}, __VA_ARGS__);                                   \
    } while (0)

static void assert_unchanged(const char *id)
{
    if (spec.status != 0)
        fail_msg("%s", spec.error.message);
    assert_int_equal(spec.decide.count, 0);
    assert_string_equal(spec.decide.id, id);
    spec_happens();
}

static void assert_new_version(const char *id)
{
    if (spec.status != 0)
        fail_msg("%s", spec.error.message);
    assert_int_equal(spec.decide.count, 1);
    assert_string_equal(spec.decide.id, id);
    spec_happens();
}

/* Values count, not texts: units, numbers as texts, and presets that are written out. */
static void applying_the_same_makes_no_version(void **context)
{
    (void)context;
    APPLY("{\"command\":\"x\"}", .metadata = "{\"a\":1}", .description = "d");
    assert_new_version("1");
    APPLY("{\"command\":\"x\"}", .metadata = "{\"a\":1}", .description = "d");
    assert_unchanged("1");
    APPLY("{\"command\":\"x\",\"log_size\":1048576,\"stop_grace\":\"10s\"}", .metadata = "{\"a\":1}",
          .description = "d");
    assert_unchanged("1");
    APPLY("{\"command\":[\"/bin/sh\",\"-c\",\"x\"]}", .metadata = "{\"a\":1}", .description = "d", .version = 1);
    assert_unchanged("1");
    APPLY("{\"command\":\"x\",\"stop_grace\":11}", .metadata = "{\"a\":1}", .description = "d");
    assert_new_version("2");
    APPLY("{\"command\":\"x\",\"stop_grace\":11}", .metadata = "{\"a\":2}", .description = "d");
    assert_new_version("3");
    APPLY("{\"command\":\"x\",\"stop_grace\":11}", .metadata = "{\"a\":2}");
    assert_new_version("4");
    APPLY("{\"command\":\"x\",\"stop_grace\":\"11s\"}", .metadata = "{\"a\":2}");
    assert_unchanged("4");
    APPLY("{\"command\":\"x\"}"); /* as an older version was: the latest counts */
    assert_new_version("5");
    APPLY("{\"comand\":\"x\"}");
    assert_int_equal(spec.status, -1);
    spec.open = false;
    APPLY("{\"command\":\"x\"}", .version = 4);
    REFUSED(AQ_E_EXISTS, "version is 4, but label job already had that version; the next one is 6");
    DO(label_delete, .id = 5);
    APPLY("{\"command\":\"x\",\"stop_grace\":11}", .metadata = "{\"a\":2}"); /* as the latest that is left */
    assert_unchanged("4");
    static const char *locked[] = {"a"};
    APPLY("{\"command\":\"x\",\"stop_grace\":11}", .metadata = "{\"a\":2}", .locked = {locked, 1});
    assert_new_version("6");
    APPLY("{\"command\":\"x\",\"stop_grace\":11}", .metadata = "{\"a\":2}", .locked = {locked, 1});
    assert_unchanged("6");
}

static void what_no_driver_reads_is_compared_as_it_is(void **context)
{
    (void)context;
    struct aq_definition one = {.driver = "docker", .options = "{\"a\":1}"},
                         other = {.driver = "docker", .options = "{}"};
    WHEN(label_apply, .name = "job", .definitions = {&one, 1});
    assert_new_version("1");
    WHEN(label_apply, .name = "job", .definitions = {&one, 1});
    assert_unchanged("1");
    WHEN(label_apply, .name = "job", .definitions = {&other, 1});
    assert_new_version("2");
    other.resources.cpu = 1;
    WHEN(label_apply, .name = "job", .definitions = {&other, 1});
    assert_new_version("3");
}

static void a_description_is_kept(void **context)
{
    (void)context;
    struct aq_label label;
    DO(label_create, .name = "mac", .definitions = {&definition, 1}, .description = "what it\nis for");
    assert_true(state_label(spec.txn, 1, &label, &spec.arena));
    assert_string_equal(label.description, "what it\nis for");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(the_first_version_is_1),
        SPEC_TEST(the_same_name_gets_the_next_version),
        SPEC_TEST(a_given_version_must_be_the_next_one),
        SPEC_TEST(a_deleted_version_is_never_reused),
        SPEC_TEST(definitions_keep_their_order),
        SPEC_TEST(a_version_in_use_stays),
        SPEC_TEST(names_are_not_numbers),
        SPEC_TEST(metadata_may_not_be_one_variable_twice),
        SPEC_TEST(a_missing_label_cannot_be_deleted),
        SPEC_TEST(options_are_checked_as_their_driver_would),
        SPEC_TEST(an_unknown_driver_is_warned_about),
        SPEC_TEST(a_driver_that_no_node_has_is_warned_about),
        SPEC_TEST(upkeep_that_makes_no_sense_is_refused),
        SPEC_TEST(a_lease_needs_a_driver_that_keeps_it),
        SPEC_TEST(health_must_be_within_reach),
        SPEC_TEST(upkeep_is_stored_with_its_presets),
        SPEC_TEST(applying_the_same_makes_no_version),
        SPEC_TEST(what_no_driver_reads_is_compared_as_it_is),
        SPEC_TEST(a_description_is_kept),
    };
    return cmocka_run_group_tests_name("decide label", tests, NULL, NULL);
}
