/* Drivers that are programs (drivers/program/): how they begin, what they say, and what they are told. */
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "tests/lib/program_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- hello -------------------------------------------------------------------------------------------------- */

static void test_a_wrong_hello(void **state)
{
    static const struct {
        const char *line, *why;
    } wrong[] = {
        {"nonsense", "not valid JSON"},
        {"[]", "no JSON object"},
        {"{}", "a number \"hello\""},
        {"{\"hello\":2}", "it speaks protocol 2, but this agent speaks 1"},
        {"{\"hello\":1,\"colour\":\"red\"}", "member \"colour\" is unknown"},
        {"{\"hello\":1,\"form\":\"xml\"}", "form must be one of: json, sh"},
        {"{\"hello\":1,\"reach\":\"far\"}", "reach must be one of: none, host, address"},
        {"{\"hello\":1,\"options\":7}", "options must be a list"},
        {"{\"hello\":1,\"options\":[{\"name\":\"A\",\"type\":\"text\"}]}", "options[0]: name must be"},
        {"{\"hello\":1,\"options\":[{\"name\":\"a\",\"type\":\"thing\"}]}",
         "type must be one of: number, duration, bool"},
        {"{\"hello\":1,\"options\":[{\"name\":\"a\",\"type\":\"bool\"},{\"name\":\"a\",\"type\":\"bool\"}]}",
         "options[1]: there are two of the name a"},
        {"{\"hello\":1,\"options\":[{\"name\":\"a\",\"type\":\"number\",\"most\":5,\"preset\":6}]}",
         "preset: option \"a\" is 6, but must be a whole number from 0 to 5"},
        {"{\"hello\":1,\"options\":[{\"name\":\"a\",\"type\":\"word\"}]}", "words must be a list"},
        {"{\"hello\":1,\"options\":[{\"name\":\"a\",\"type\":\"text\",\"required\":true,\"preset\":\"x\"}]}",
         "it is required"},
        {"{\"hello\":1,\"workloads\":[\"a\"]}", "workloads must be a list of numbers"},
        {"{\"hello\":1,\"unusable\":\"there is no hypervisor\"}", "there is no hypervisor"},
    };
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer script = {0};
        aq_buffer_format(&script, "echo '%s'; exec sleep 1000", wrong[i].line);
        struct rig *rig = program_rig_open(state, aq_buffer_string(&script));
        if (strstr(program_rig_refusal(rig), wrong[i].why) == NULL)
            fail_msg("%s: \"%s\" instead of \"%s\"", wrong[i].line, program_rig_refusal(rig), wrong[i].why);
        struct aq_error error;
        assert_int_equal(rig_try_start(rig, "{}", (struct driver_spec){.metadata_json = "{}"}, &error), 0);
        assert_non_null(strstr(error.message, wrong[i].why));
        rig_teardown(state);
        *state = NULL;
    }
}

static void test_no_hello(void **state)
{
    static struct rig rig = {.node = "rig-silent"};
    (void)state;
    program_rig_write("exec sleep 1000");
    rig.now = aq_clocks_read();
    rig.driver = program_driver_open("hostile", program_rig_path, "", rig.node, &rig.now, rig_report, &rig);
    rig.type = program_driver_type(rig.driver);
    rig.type->work(rig.driver);
    const pid_t pid = rig.driver->channel.pid;
    program_rig_pass(&rig, PROGRAM_GREET_MS - 1);
    assert_false(rig.type->life->is_settled(rig.driver));
    program_rig_pass(&rig, 1);
    assert_true(rig.type->life->is_settled(rig.driver));
    assert_string_equal(program_rig_refusal(&rig), "it has not said hello within 10 s");
    for (int i = 0; i < 1000 && rig_is_alive(pid); i++)
        usleep(1000);
    assert_false(rig_is_alive(pid));
    rig.type->close(rig.driver);
}

static void test_rests_grow(void **state)
{
    struct rig *rig = program_rig_open(state, "exit 7");
    for (uint64_t rest_ms = PROGRAM_REST_MS; rest_ms < PROGRAM_REST_MOST_MS; rest_ms *= 2) {
        program_rig_await_refusal(rig, "it ended with status 7");
        assert_int_equal(rig->driver->phase, PROGRAM_RESTS);
        assert_int_equal(rig->driver->next_ms - rig->driver->since_ms, rest_ms);
        program_rig_pass(rig, rest_ms);
        program_rig_await_phase(rig, PROGRAM_RESTS);
    }
    assert_int_equal(rig->driver->next_ms - rig->driver->since_ms, PROGRAM_REST_MOST_MS);
    rig->type->life->retry(rig->driver);
    program_rig_pass(rig, 0);
    assert_int_equal(rig->driver->phase, PROGRAM_GREETS);
}

static void test_a_new_file_is_started(void **state)
{
    struct rig *rig = program_rig_open(state, HELLO CALLS OK "\ndone");
    const pid_t pid = rig->driver->channel.pid;
    rig->type->life->retry(rig->driver);
    rig_turn(rig, 0);
    assert_int_equal(rig->driver->channel.pid, pid); /* it is the same */
    unlink(program_rig_path);
    program_rig_write("echo '{\"hello\":1,\"commands\":true}'\nexec sleep 1000");
    rig->type->life->retry(rig->driver);
    rig_turn(rig, 0);
    program_rig_await_phase(rig, PROGRAM_READY);
    assert_int_not_equal(rig->driver->channel.pid, pid);
    assert_int_equal(rig->driver->failures, 0);
    assert_string_equal(program_rig_refusal(rig), "");
}

static void test_one_whose_file_is_gone_takes_no_starts(void **state)
{
    struct rig *rig = program_rig_open(state, HELLO CALLS OK "\ndone");
    const pid_t pid = rig->driver->channel.pid;
    const unsigned changes = rig->type->life->changes(rig->driver);
    rig->type->life->withdraw(rig->driver, "its file is not there any more");
    assert_string_equal(program_rig_refusal(rig), "its file is not there any more");
    assert_int_not_equal(rig->type->life->changes(rig->driver), changes);
    rig_turn(rig, 0);
    assert_int_equal(rig->driver->channel.pid, pid); /* what runs there goes on */
    kill(pid, SIGKILL);
    program_rig_await_phase(rig, PROGRAM_RESTS);
    program_rig_pass(rig, PROGRAM_REST_MOST_MS);
    assert_int_equal(rig->driver->phase, PROGRAM_RESTS);
    rig->now = aq_clocks_read();
    rig->type->life->retry(rig->driver);
    program_rig_await_phase(rig, PROGRAM_READY);
    assert_string_equal(program_rig_refusal(rig), "");
}

/* ---- what it says of itself ------------------------------------------------------------------------------------- */

static void test_a_program_says_whether_it_can_be_used(void **state)
{
    struct rig *rig =
        program_rig_open(state, HELLO "echo '{\"report\":\"unusable\",\"reason\":\"no connection\"}'\n" CALLS OK "\n"
                                      "[ $call != ping ] || echo '{\"report\":\"usable\"}'\ndone");
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (program_rig_refusal(rig)[0] == '\0' && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    assert_string_equal(program_rig_refusal(rig), "no connection");
    const unsigned changes = rig->type->life->changes(rig->driver);
    while (rig->driver->first_call < rig->driver->call_count && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    program_rig_pass(rig, PROGRAM_PING_MS);
    while (program_rig_refusal(rig)[0] != '\0' && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    assert_string_equal(program_rig_refusal(rig), "");
    assert_int_equal(rig->type->life->changes(rig->driver), changes + 1);
    assert_int_equal(rig->driver->faults, 0);
}

static void test_a_program_says_what_is_used(void **state)
{
    struct rig *rig =
        program_rig_open(state, HELLO CALLS OK "\n[ $call = start ] || continue\n"
                                               "echo '{\"report\":\"started\",\"resource\":1,\"identifier\":\"x\"}'\n"
                                               "echo '{\"report\":\"used\",\"resource\":1,\"cpu_us\":5,\"memory\":0}'\n"
                                               "echo '{\"report\":\"used\",\"resource\":1,\"cpu_us\":-5}'\ndone");
    struct aq_sample sample = {.at_ms = 7};
    assert_false(rig->type->sample(rig->driver, 1, &sample));
    rig_start(rig, "{}");
    program_rig_await_faults(rig, 1);
    assert_true(rig->type->sample(rig->driver, 1, &sample));
    assert_int_equal(aq_number_or(sample.cpu_us, 99), 5);
    assert_int_equal(aq_number_or(sample.memory, 99), 0);
    assert_int_equal(aq_number_or(sample.sent, 99), 99);
    assert_in_range(sample.at_ms, 8, rig->now.steady_ms); /* when it was said */
}

static void test_an_address_may_come_at_once_but_not_change_all_the_time(void **state)
{
    struct rig *rig = program_rig_open(state, HELLO CALLS OK
                                       "\n[ $call = start ] || continue\n"
                                       "for i in '' .1 .2 .3 .4 .5 .6; do\n"
                                       "echo \"{\\\"report\\\":\\\"started\\\",\\\"resource\\\":1,"
                                       "\\\"identifier\\\":\\\"x\\\",\\\"ip_addr\\\":\\\"${i:+10.0.0$i}\\\"}\"\n"
                                       "done\ndone");
    rig_start(rig, "{}");
    program_rig_await_faults(rig, 2);
    assert_int_equal(rig->seen[1].started, 1);
    assert_int_equal(rig->seen[1].readdressed, 4);
    assert_string_equal(rig->seen[1].ip_addr, "10.0.0.4");
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void test_a_start_has_all_that_the_agent_says(void **state)
{
    struct rig *rig = program_rig_open(
        state,
        "echo '{\"hello\":1,\"form\":\"sh\",\"options\":[{\"name\":\"grace\",\"type\":\"duration\",\"preset\":\"1m\"},"
        "{\"name\":\"none\",\"type\":\"texts\"},{\"name\":\"run\",\"type\":\"command\"}]}'\n" CALLS OK "\n"
        "[ $call = start ] || continue\n"
        "eval \"set -- $arguments\"\n"
        "printf '{\"report\":\"failed\",\"resource\":1,\"reason\":\"%s\"}\\n' "
        "\"$(echo \"$resource,$option_grace,$option_none,$option_run,$cpu_milli,$ram_mib,$disk_mib,$slots,$#,$2,"
        "${directory##*/},$secrets,$metadata,$secret_values\" | tr '\"' _)\"\ndone");
    const char *words[] = {"a", "b c"};
    struct aq_secret secret = {"registry.password", "it's secret"};
    const struct driver_spec spec = {.cpu_milli = 1500,
                                     .ram_mib = 64,
                                     .disk_mib = 7,
                                     .slots = 2,
                                     .metadata_json = "{\"k\":{\"l\":[1]}}",
                                     .arguments = {words, 2},
                                     .secrets = "/run/x",
                                     .secret_values = {&secret, 1}};
    rig_start_spec(rig, "{'run':'exit 3'}", spec);
    rig_await(rig, &rig->seen[1].failed);
    assert_string_equal(rig->seen[1].reason,
                        "1,60,,'/bin/sh' '-c' 'exit 3',1500,64,7,2,2,b c,r1,/run/x,{_k_:{_l_:[1]}},"
                        "{_registry.password_:_it's secret_}");
}

/* The example that docs/driver-programs.md begins with. */
static void test_the_smallest_driver(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer page = {0};
    struct aq_error error;
    assert_int_equal(aq_file_read(AT_FDCWD, "docs/driver-programs.md", 1 << 20, &page, &error), 0);
    char *text = strstr(page.data, "```sh\n");
    assert_non_null(text);
    text += strlen("```sh\n");
    *strstr(text, "```") = '\0';
    struct rig *rig = program_rig_open(state, text);
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(rig, "{'greeting':'good \\\"day\\\"'}", &resource);
    assert_string_equal(seen->identifier, "greeting 1");
    rig_await_log(rig, resource, "good \"day\", 1\n");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->ended);
    assert_string_equal(seen->reason, "told to stop");
    assert_int_equal(rig->driver->faults, 0);
}

static struct {
    int ended;
    char reason[128], result[128];
} tasks[5];

static void note_task(struct rig *rig, const struct driver_report *report)
{
    (void)rig;
    if (report->kind != DRIVER_TASK_ENDED)
        return;
    assert_in_range(report->task, 1, AQ_LENGTH(tasks) - 1);
    tasks[report->task].ended++;
    snprintf(tasks[report->task].reason, sizeof tasks[0].reason, "%s", report->reason);
    snprintf(tasks[report->task].result, sizeof tasks[0].result, "%s", report->result != NULL ? report->result : "");
}

static void test_tasks(void **state)
{
    struct rig *rig = program_rig_open(
        state,
        "echo '{\"hello\":1,\"form\":\"sh\",\"tasks\":true,\"leases\":true}'\n" CALLS "case $call$name in\n"
        "taskbad) echo \"{\\\"id\\\":$id,\\\"error\\\":\\\"no room\\\"}\"; continue ;;\n"
        "taskdeadly) exit 1 ;;\nesac\n" OK "\n"
        "[ $call != start ] || echo "
        "\"{\\\"report\\\":\\\"started\\\",\\\"resource\\\":$resource,\\\"identifier\\\":\\\"x\\\"}\"\n"
        "[ $call$name != taskgood ] || echo "
        "\"{\\\"report\\\":\\\"task_ended\\\",\\\"task\\\":$task,\\\"result\\\":{\\\"$kind\\\":\\\"$name:1\\\"}}\"\n"
        "name=\ndone");
    static const char *const names[] = {"", "good", "bad", "slow", "deadly"};
    uint64_t resource;
    struct aq_error error;
    memset(tasks, 0, sizeof tasks);
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_list lines = {aq_arena_alloc(&arena, 2 * sizeof(char *)), 0};
    rig->type->life->describe(rig->driver, &lines, 2, &arena);
    assert_int_equal(lines.count, 1);
    assert_string_equal(AQ_TEXT_ITEM(lines, 0), "hostile: keeps leases, makes snapshots and images");
    assert_true(rig->type->keeps_leases && rig->type->task != NULL && rig->type->end_task != NULL);
    rig_start_running(rig, "{}", &resource);
    rig->on_report = note_task;
    for (uint64_t i = 1; i < AQ_LENGTH(names); i++) {
        const struct driver_task task = {i, resource, DRIVER_TASK_IMAGE, names[i]};
        assert_int_equal(rig->type->task(rig->driver, &task, &error), 0);
    }
    for (size_t i = 1; i < AQ_LENGTH(names); i++)
        rig_await(rig, &tasks[i].ended);
    for (size_t i = 1; i < AQ_LENGTH(names); i++)
        assert_int_equal(tasks[i].ended, 1);
    assert_string_equal(tasks[1].result, "{\"image\":\"good:1\"}");
    assert_string_equal(tasks[1].reason, "");
    assert_string_equal(tasks[2].reason, "no room");
    assert_string_equal(tasks[3].reason, "the program of its driver has ended");
    assert_string_equal(tasks[4].reason, "the program of its driver has ended");
    assert_int_equal(rig->driver->faults, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, program_rig_begin, program_rig_end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_wrong_hello),
        TEST(test_no_hello),
        TEST(test_rests_grow),
        TEST(test_a_new_file_is_started),
        TEST(test_one_whose_file_is_gone_takes_no_starts),
        TEST(test_a_program_says_whether_it_can_be_used),
        TEST(test_a_program_says_what_is_used),
        TEST(test_an_address_may_come_at_once_but_not_change_all_the_time),
        TEST(test_a_start_has_all_that_the_agent_says),
        TEST(test_the_smallest_driver),
        TEST(test_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
