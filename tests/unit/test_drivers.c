/* The list of drivers, their options, and the `test` driver. The `process` driver is tested in test_drivers_process.c,
 * control groups in test_drivers_cgroup.c. */
#include "schema/drivers/process.h"
#include "schema/drivers/test.h"
#include "tests/lib/driver_rig.h"

#include "drivers/roster.h"
#include "drivers/schedule.h"

#include <unistd.h>

static int setup_test(void **state)
{
    return rig_setup(state, "test");
}

/* ---- the table ---------------------------------------------------------------------------------------- */

static void test_types_are_in_order_and_found(void **state)
{
    (void)state;
    for (size_t i = 0; driver_types[i] != NULL; i++) {
        assert_ptr_equal(driver_find(driver_types[i]->declared->name), driver_types[i]);
        assert_true(i == 0 || strcmp(driver_types[i - 1]->declared->name, driver_types[i]->declared->name) < 0);
        struct aq_error error;
        assert_int_equal(driver_types[i]->probe(&error), 0);
    }
    assert_null(driver_find("no-such-driver"));
    assert_null(driver_find(""));
    for (size_t i = 0; aq_driver_at(i) != NULL; i++) { /* what labels may name can be run */
        const char *name = aq_driver_at(i)->name;
        assert_true(driver_find(name) != NULL || strcmp(name, "libvirt") == 0); /* which is a program of its own */
    }
}

struct wrong_options {
    const char *driver;
    const char *options;
    const char *message; /* a part of it */
};

static const struct wrong_options wrong[] = {
    {"process", "{}", "option \"command\" is missing"},
    {"process", "[]", "must be an object"},
    {"process", "{'command':''}", "must not be empty"},
    {"process", "{'command':[]}", "must not be empty"},
    {"process", "{'command':['']}", "the program's name is empty"},
    {"process", "{'command':['a',null]}", "argument 1 must be a text or a number"},
    {"process", "{'command':'a\\u0000b'}", "option \"command\""},
    {"process", "{'command':'a','comand':'b'}",
     "option \"comand\" is unknown to driver process, which knows: command,"},
    {"process", "{'command':'a','stop_grace':3601}", "option \"stop_grace\" is 3601, but must be"},
    {"process", "{'command':'a','stop_grace':'1x'}",
     "option \"stop_grace\" is \"1x\", but must be a duration such as 90s or 1h30m, or a number of seconds, from 0 to "
     "3600"},
    {"process", "{'command':'a','stop_grace':'2h'}", "option \"stop_grace\" is \"2h\", but must be"},
    {"process", "{'command':'a','log_size':'64kb'}",
     "option \"log_size\" is \"64kb\", but must be a size such as 64KiB, or a number of bytes, from 4096 to "
     "1073741824"},
    {"process", "{'command':'a','log_size':'2GiB'}", "option \"log_size\" is \"2GiB\", but must be"},
    {"process", "{'command':'a','pids':'many'}", "option \"pids\" is \"many\", but must be a whole number from 1 to"},
    {"process", "{'command':'a','pids':1.5}", "option \"pids\" is 1.5, but must be"},
    {"process", "{'command':'a','pids':0}", "from 1 to 4194304"},
    {"process", "{'command':'a','log_size':4095}", "from 4096 to 1073741824"},
    {"process", "{'command':'a','log_files':11}", "from 1 to 10"},
    {"process", "{'command':'a','directory':'x'}", "must be an absolute path"},
    {"process", "{'command':'a','directory':null}", "option \"directory\" is null, but must be a text"},
    {"process", "{'command':'a','root':'srv'}", "option \"root\" is \"srv\", but must be an absolute path"},
    {"process", "{'command':'a','network':'bridge'}",
     "option \"network\" is \"bridge\", but must be one of: host, none"},
    {"process", "{'command':'a','network':1}", "option \"network\" is 1, but must be one of: host, none"},
    {"process", "{'command':'a','mounts':'/a:/b'}", "option \"mounts\" is \"/a:/b\", but must be a list of texts"},
    {"process", "{'command':'a','mounts':['/srv']}",
     "option \"mounts\" has \"/srv\", but must have texts such as /srv/data:/data or /srv/data:/data:rw: its target is "
     "no "
     "absolute path below /"},
    {"process", "{'command':'a','mounts':['/:/b']}",
     "option \"mounts\" has \"/:/b\", but must have texts such as /srv/data:/data or /srv/data:/data:rw: its source is "
     "no "
     "absolute path below /"},
    {"process", "{'command':'a','mounts':['/a:/b/../c']}",
     "option \"mounts\" has \"/a:/b/../c\", but must have texts such as /srv/data:/data or /srv/data:/data:rw: its "
     "target "
     "is no absolute path below /"},
    {"process", "{'command':'a','mounts':['/a:/b:w']}",
     "option \"mounts\" has \"/a:/b:w\", but must have texts such as /srv/data:/data or /srv/data:/data:rw: what "
     "follows "
     "the target is not ro or rw"},
    {"process",
     "{'command':'a','mounts':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
     "1,"
     "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}",
     "option \"mounts\" has 65 items, but may have at most 64"},
    {"process", "{'command':'a','mounts':['/a:/b'],'isolate':false}",
     "option \"mounts\" is only for workloads that are isolated, not with isolate: false"},
    {"process", "{'command':'a','root':'/a','isolate':false}",
     "option \"root\" is only for workloads that are isolated, not with isolate: false"},
    {"process", "{'command':'a','network':'none','isolate':false}",
     "option \"network\" is only for workloads that are isolated, not with isolate: false"},
    {"process", "{'command':'a','user':''}", "option \"user\""},
    {"process", "{'command':'a','user':-1}", "option \"user\" is -1, but must be a user's name, or a number from 0 to"},
    {"process", "{'command':'a','user':4294967295}", "option \"user\""},
    {"process", "{'command':'a','environment':[]}", "option \"environment\" is [], but must be an object of texts"},
    {"process", "{'command':'a','environment':{'A':null}}", "the value of \"A\" must be a text, a number, true or"},
    {"process", "{'command':'a','environment':{'AQ_META_X':'1'}}", "begin with AQ_META_ are set by Aquarium"},
    {"process", "{'command':'a','environment':{'A=B':'1'}}", "\"A=B\" cannot be a variable's name"},
    {"process", "{'command':'a','environment':{'':'1'}}", "cannot be a variable's name"},
    {"process", "{'command':'a','environment':{'AQUARIUM_X':'1'}}", "are set by Aquarium"},
    {"test", "{'run_ms':3600001}", "option \"run_ms\" is 3600001, but must be"},
    {"test", "{'fail':'often'}", "option \"fail\" is \"often\", but must be one of: never, always, first"},
    {"test", "{'fail':true}", "option \"fail\" is true, but must be one of: never, always, first"},
    {"test", "{'fail_rate':1001}", "from 0 to 1000"},
    {"test", "{'exit_status':256}", "from 0 to 255"},
    {"test", "{'ip_addr':'a\\nb'}", "option \"ip_addr\" has several lines, but must be one of at most 127 bytes"},
    {"test", "{'command':'a'}", "option \"command\" is unknown to driver test"},
};

static json_t *json_of(const char *text)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(copy, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    return json;
}

static int read_options(const char *driver, const json_t *options, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const void *ignored;
    return aq_options_read(aq_driver_find(driver), options, &ignored, &arena, error);
}

static void test_wrong_options_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        struct aq_error error = {.message = ""};
        json_t *options = json_of(wrong[i].options);
        assert_int_equal(read_options(wrong[i].driver, options, &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
        if (strstr(error.message, wrong[i].message) == NULL)
            fail_msg("%s: %s", wrong[i].options, error.message);
        json_decref(options);
    }
}

static void test_good_options_pass(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"process", "{'command':'exit 3'}"},
        {"process", "{'command':['a',''],'environment':{'A':''},'directory':'/','user':0,'stop_grace':0,'pids':1,"
                    "'log_size':4096,'log_files':1}"},
        {"process", "{'command':['a'],'user':'nobody','stop_grace':3600,'log_size':1073741824,'log_files':10}"},
        {"test", "{}"},
        {"test", "{'fail':'first','fail_rate':1000,'seed':7,'exit_status':255,'fail_reason':'no','ip_addr':'10.0.0.1',"
                 "'start_delay_ms':1,'run_ms':3600000,'stop_delay_ms':0}"},
    };
    for (size_t i = 0; i < AQ_LENGTH(good); i++) {
        struct aq_error error = {.message = ""};
        json_t *options = json_of(good[i][1]);
        if (read_options(good[i][0], options, &error) != 0)
            fail_msg("%s: %s", good[i][1], error.message);
        json_decref(options);
    }
}

/* What each option may be, and all together may not. Labels of earlier builds may say it. */
static void test_new_labels_say_nothing_that_cannot_be(void **state)
{
    (void)state;
    static const struct wrong_options together[] = {
        {"process", "{'command':'a','mounts':['/a:/x','/b:/y','/c://x/']}",
         "\"/a:/x\" and \"/c://x/\", but only one directory can be there"},
        {"process", "{'command':'a','mounts':['/a:/proc']}", "files of its own in /proc"},
        {"process", "{'command':'a','mounts':['/a:/dev/x']}", "files of its own in /dev"},
        {"process", "{'command':'a','mounts':['/a:/run/aquarium/secrets']}", "files of its own in /run/aquarium"},
        {"process", "{'command':'a','mounts':['/a:/work/.cache']}", "files of its own in /work: choose another target"},
        {"process", "{'command':'a','mounts':['/a:/dev/shm','/b:/works','/c:/x/proc','/d:/run']}", NULL},
        {"container", "{'image':'oci:a','mounts':['/a:/sys/fs']}", "files of its own in /sys"},
        {"container", "{'image':'oci:a','mounts':['/a:/work','/b:/work/b','/c:/w']}", NULL},
        {"container", "{'image':'oci:a','ports':['80:80','81:80','80:81']}",
         "\"80:80\" and \"80:81\", but a port of the node leads to one port"},
        {"container", "{'image':'oci:a','ports':['80:80','80:80/udp']}", NULL},
        {"container", "{'image':'oci:a','ports':['80:80'],'network':'none'}",
         "option \"ports\" needs the network bridge, but \"network\" is none"},
        {"container", "{'image':'oci:a','entrypoint':['']}", "option \"entrypoint\": the program's name is empty"},
    };
    for (size_t i = 0; i < AQ_LENGTH(together); i++) {
        AQ_CLEANUP_ARENA struct aq_arena arena = {0};
        const struct aq_driver *driver = aq_driver_find(together[i].driver);
        struct aq_error error = {.message = ""};
        json_t *options = json_of(together[i].options);
        const void *read;
        assert_int_equal(aq_options_read(driver, options, &read, &arena, &error), 0);
        assert_int_equal(driver->check(read, &error), together[i].message != NULL ? -1 : 0);
        if (together[i].message != NULL && strstr(error.message, together[i].message) == NULL)
            fail_msg("%s: %s", together[i].options, error.message);
        json_decref(options);
    }
}

/* Sizes and durations have the units that they have everywhere, and scalars are texts for a program. */
static void test_options_have_units(void **state)
{
    (void)state;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const void *read;
    struct aq_error error = {.message = ""};
    json_t *options = json_of("{'command':['sleep',60,1.5,true],'environment':{'PORT':18080,'ON':false},"
                              "'stop_grace':'1m5s','log_size':'64KiB','pids':'8'}");
    assert_int_equal(aq_options_read(&aq_driver_process, options, &read, &arena, &error), 0);
    const struct aq_process_options *process = read;
    static const char *const words[] = {"sleep", "60", "1.5", "true"};
    assert_int_equal(process->command.count, AQ_LENGTH(words));
    for (uint32_t i = 0; i < AQ_LENGTH(words); i++)
        assert_string_equal(AQ_TEXT_ITEM(process->command, i), words[i]);
    assert_string_equal(AQ_TEXT_ITEM(process->environment, 0), "PORT=18080");
    assert_string_equal(AQ_TEXT_ITEM(process->environment, 1), "ON=false");
    assert_int_equal(process->stop_grace, 65);
    assert_int_equal(process->log_size, 65536);
    assert_int_equal(process->pids, 8);
    json_decref(options);
    options = json_of("{'start_delay_ms':'5s','run_ms':'250ms'}");
    assert_int_equal(aq_options_read(&aq_driver_test, options, &read, &arena, &error), 0);
    assert_int_equal(((const struct aq_test_options *)read)->start_delay_ms, 5000);
    assert_int_equal(((const struct aq_test_options *)read)->run_ms, 250);
    json_decref(options);
}

/* ---- roster and schedule ------------------------------------------------------------------------------ */

static void test_roster_finds_in_any_order(void **state)
{
    (void)state;
    struct roster roster = {0};
    int values[200];
    for (uint64_t i = 0; i < 200; i++)
        roster_add(&roster, i * 7919 % 200 * 3, &values[i]);
    for (uint64_t i = 0; i < 200; i++)
        assert_ptr_equal(roster_find(&roster, i * 7919 % 200 * 3), &values[i]);
    assert_null(roster_find(&roster, 1));
    assert_null(roster_find(&roster, UINT64_MAX));
    for (uint64_t i = 0; i < 200; i += 2)
        roster_remove(&roster, i * 7919 % 200 * 3);
    for (uint64_t i = 0; i < 200; i++)
        assert_ptr_equal(roster_find(&roster, i * 7919 % 200 * 3), i % 2 ? &values[i] : NULL);
    roster_free(&roster);
}

static void test_schedule_gives_the_soonest(void **state)
{
    (void)state;
    struct schedule schedule = {0};
    struct schedule_entry entry;
    assert_int_equal(schedule_next_ms(&schedule), UINT64_MAX);
    for (uint64_t i = 0; i < 500; i++)
        schedule_add(&schedule, i * 7919 % 500, i);
    assert_int_equal(schedule_next_ms(&schedule), 0);
    for (uint64_t i = 0; i < 500; i++) {
        assert_false(i > 0 && schedule_take(&schedule, i - 1, &entry));
        assert_true(schedule_take(&schedule, i, &entry));
        assert_int_equal(entry.due_ms, i);
    }
    schedule_add(&schedule, 900, 1);
    assert_int_equal(schedule_next_ms(&schedule), 900);
    schedule_free(&schedule);
}

/* ---- the test driver ---------------------------------------------------------------------------------- */

static void test_runs_and_ends(void **state)
{
    struct rig_workload *seen = rig_run(*state, "{'run_ms':20,'exit_status':3,'ip_addr':'10.1.2.3'}");
    assert_int_equal(seen->exit_status, 3);
    assert_string_equal(seen->reason, "exit status 3");
    assert_string_equal(seen->identifier, "test 1");
    assert_string_equal(seen->ip_addr, "10.1.2.3");
}

static void test_runs_until_stopped(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(rig, "{'start_delay_ms':20,'stop_delay_ms':20}", &resource);
    rig_turn(rig, 50);
    assert_int_equal(seen->ended, 0);
    rig->type->stop(rig->driver, resource);
    rig->type->stop(rig->driver, resource);
    rig->type->stop(rig->driver, 1000);
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 143);
    rig_turn(rig, 10);
    assert_int_equal(seen->ended, 1);
    assert_int_equal(rig->type->deadline_ms(rig->driver), UINT64_MAX);
}

static void test_stopped_before_it_started(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = rig_start(rig, "{'start_delay_ms':3600000}");
    rig->type->stop(rig->driver, resource);
    assert_int_equal(rig->seen[resource].failed, 1);
    assert_string_equal(rig->seen[resource].reason, "stopped before it started");
}

static void test_same_resource_twice_is_refused(void **state)
{
    struct rig *rig = *state;
    struct aq_error error;
    rig_start(rig, "{}");
    rig->used--;
    assert_int_equal(rig_try_start(rig, "{}", (struct driver_spec){0}, &error), 0);
    assert_int_equal(error.code, AQ_E_EXISTS);
}

static void test_fails_as_told(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 2; i++) {
        struct rig_workload *always = &rig->seen[rig_start(rig, "{'fail':'always','fail_reason':'no luck today'}")];
        rig_await(rig, &always->failed);
        assert_string_equal(always->reason, "no luck today");
        assert_int_equal(always->started, 0);
    }
    struct rig_workload *first = &rig->seen[rig_start(rig, "{'fail':'first','run_ms':1}")];
    rig_await(rig, &first->failed);
    rig_run(rig, "{'fail':'first','run_ms':1}");
}

static int failures_of(struct rig *rig, const char *options, char pattern[101])
{
    int failed = 0;
    uint64_t first = rig->used + 1;
    for (int i = 0; i < 100; i++)
        rig_start(rig, options);
    for (int i = 0; i < 100; i++) {
        struct rig_workload *seen = &rig->seen[first + (uint64_t)i];
        while (seen->failed + seen->started == 0)
            rig_turn(rig, 100);
        failed += seen->failed;
        pattern[i] = seen->failed ? 'x' : '.';
    }
    pattern[100] = '\0';
    return failed;
}

static void test_fails_at_a_rate_that_repeats(void **state)
{
    struct rig *rig = *state;
    char once[101];
    char again[101];
    char other[101];
    assert_in_range(failures_of(rig, "{'fail_rate':300,'seed':1}", once), 10, 60);
    rig_close(rig);
    rig_open(rig);
    rig->used = 0;
    memset(rig->seen, 0, sizeof rig->seen);
    failures_of(rig, "{'fail_rate':300,'seed':1}", again);
    assert_string_equal(once, again);
    rig_close(rig);
    rig_open(rig);
    rig->used = 0;
    memset(rig->seen, 0, sizeof rig->seen);
    failures_of(rig, "{'fail_rate':300,'seed':2}", other);
    assert_string_not_equal(once, other);
}

static void test_goes_on_after_the_agent_restarts(void **state)
{
    struct rig *rig = *state;
    uint64_t running;
    uint64_t ending;
    rig_start_running(rig, "{'ip_addr':'10.0.0.9'}", &running);
    rig_start_running(rig, "{'run_ms':30,'exit_status':4}", &ending);
    uint64_t starting = rig_start(rig, "{'start_delay_ms':1000,'run_ms':1}");
    rig_close(rig);
    memset(rig->seen, 0, sizeof rig->seen);
    rig_open(rig);
    usleep(40000);
    rig_adopt(rig, running);
    rig_adopt(rig, ending);
    rig_adopt(rig, starting);
    rig_await(rig, &rig->seen[running].started);
    assert_string_equal(rig->seen[running].ip_addr, "10.0.0.9");
    rig_await(rig, &rig->seen[ending].ended);
    assert_int_equal(rig->seen[ending].exit_status, 4);
    assert_int_equal(rig->seen[ending].started, 0);
    rig_await(rig, &rig->seen[starting].ended);
    assert_int_equal(rig->seen[starting].started, 1);
    rig->type->stop(rig->driver, running);
    rig_await(rig, &rig->seen[running].ended);
}

enum { TWO_HOURS_MS = 7200000 };

/* Works as if the host's clock had been set back by hours. */
static void await_set_back(struct rig *rig, const int *counter)
{
    for (int i = 0; i < RIG_PATIENCE_MS && *counter == 0; i++) {
        rig->now = aq_clocks_read();
        rig->now.wall_ms -= TWO_HOURS_MS;
        rig->type->work(rig->driver);
        usleep(1000);
    }
    assert_int_not_equal(*counter, 0);
}

static void test_a_clock_that_is_set_back_holds_nothing_up(void **state)
{
    struct rig *rig = *state;
    uint64_t stopped;
    struct aq_error error;
    rig_start_running(rig, "{}", &stopped);
    uint64_t ending = rig_start(rig, "{'start_delay_ms':20,'run_ms':30}");
    await_set_back(rig, &rig->seen[ending].started);
    rig->type->stop(rig->driver, stopped);
    await_set_back(rig, &rig->seen[stopped].ended);
    rig_close(rig);
    memset(rig->seen, 0, sizeof rig->seen);
    rig_open(rig);
    rig->now = aq_clocks_read();
    rig->now.wall_ms -= TWO_HOURS_MS;
    assert_int_equal(rig->type->adopt(rig->driver, ending, rig_directory(rig, ending), &error), 0);
    assert_int_equal(rig->type->adopt(rig->driver, stopped, rig_directory(rig, stopped), &error), 0);
    await_set_back(rig, &rig->seen[ending].ended);
    await_set_back(rig, &rig->seen[stopped].ended);
    assert_int_equal(rig->seen[stopped].started, 0);
}

static void test_what_was_never_begun_has_failed(void **state)
{
    struct rig *rig = *state;
    struct aq_error error;
    assert_int_equal(rig->type->adopt(rig->driver, 1, rig->base, &error), 0);
    rig_await(rig, &rig->seen[1].failed);
    assert_string_equal(rig->seen[1].reason, "the agent ended before it started the workload");
    char path[96];
    snprintf(path, sizeof path, "%s/test", rig->base);
    FILE *file = fopen(path, "w");
    fputs("aquarium-test 1\nstarts_at_ms 5\nends_", file);
    fclose(file);
    assert_int_equal(rig->type->adopt(rig->driver, 1, rig->base, &error), -1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
}

static void test_a_thousand(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 1000; i++)
        rig_start(rig, i % 2 ? "{'start_delay_ms':10,'run_ms':20}" : "{}");
    for (uint64_t i = 1; i <= 1000; i++)
        rig_await(rig, &rig->seen[i].started);
    for (uint64_t i = 1; i <= 1000; i++)
        rig->type->stop(rig->driver, i);
    for (uint64_t i = 1; i <= 1000; i++)
        rig_await(rig, &rig->seen[i].ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_are_in_order_and_found),
        cmocka_unit_test(test_wrong_options_are_named),
        cmocka_unit_test(test_good_options_pass),
        cmocka_unit_test(test_new_labels_say_nothing_that_cannot_be),
        cmocka_unit_test(test_options_have_units),
        cmocka_unit_test(test_roster_finds_in_any_order),
        cmocka_unit_test(test_schedule_gives_the_soonest),
        cmocka_unit_test_setup_teardown(test_runs_and_ends, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_runs_until_stopped, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_stopped_before_it_started, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_same_resource_twice_is_refused, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_fails_as_told, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_fails_at_a_rate_that_repeats, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_goes_on_after_the_agent_restarts, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_back_holds_nothing_up, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_what_was_never_begun_has_failed, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_thousand, setup_test, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
