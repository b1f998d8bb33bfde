/* Drivers that are programs (drivers/program/) and misbehave: what they can do, and cannot do, to the agent. */
#include "drivers/output.h"
#include "drivers/program/channel.h"
#include "drivers/program/program.h"
#include "drivers/program/state.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/codec/json.h"
#include "tests/lib/directory.h"
#include "tests/lib/driver_rig.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64]; /* a directory for the programs of a test */
static char path[128];

#define HELLO "echo '{\"hello\":1,\"form\":\"sh\",\"commands\":true}'\n"
#define CALLS "while IFS= read -r line; do eval \"$line\"; "
#define OK    "echo \"{\\\"id\\\":$id}\""

static void write_program(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static int begin(void **state)
{
    (void)state;
    test_make_directory(place, sizeof place, "/tmp", "aq-program");
    snprintf(path, sizeof path, "%s/aq-driver-hostile", place);
    return 0;
}

static int end(void **state)
{
    if (*state != NULL)
        rig_teardown(state);
    test_remove_tree(place);
    return 0;
}

static struct rig *open_program(void **state, const char *text)
{
    write_program(text);
    assert_int_equal(rig_setup_program(state, "hostile", path), 0);
    return *state;
}

/* As if so much time had passed. The driver sees it, the program does not. */
static void pass(struct rig *rig, uint64_t ms)
{
    rig->now.steady_ms += ms;
    rig->type->work(rig->driver);
}

static const char *refusal(const struct rig *rig)
{
    const char *text = rig->type->life->refusal(rig->driver);
    return text != NULL ? text : "";
}

static void await_refusal(struct rig *rig, const char *text)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (strstr(rig->driver->why, text) == NULL) {
        if (aq_clock_boot_ms() > until_ms)
            fail_msg("it says \"%s\" instead of \"%s\"", rig->driver->why, text);
        rig_turn(rig, 20);
    }
}

static void await_phase(struct rig *rig, enum program_phase phase)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (rig->driver->phase != phase) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 20);
    }
}

static void await_faults(struct rig *rig, unsigned faults)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (rig->driver->faults < faults) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 20);
    }
    assert_int_equal(rig->driver->faults, faults);
}

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
        struct rig *rig = open_program(state, aq_buffer_string(&script));
        if (strstr(refusal(rig), wrong[i].why) == NULL)
            fail_msg("%s: \"%s\" instead of \"%s\"", wrong[i].line, refusal(rig), wrong[i].why);
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
    write_program("exec sleep 1000");
    rig.now = aq_clocks_read();
    rig.driver = program_driver_open("hostile", path, "", rig.node, &rig.now, rig_report, &rig);
    rig.type = program_driver_type(rig.driver);
    rig.type->work(rig.driver);
    const pid_t pid = rig.driver->channel.pid;
    pass(&rig, PROGRAM_GREET_MS - 1);
    assert_false(rig.type->life->is_settled(rig.driver));
    pass(&rig, 1);
    assert_true(rig.type->life->is_settled(rig.driver));
    assert_string_equal(refusal(&rig), "it has not said hello within 10 s");
    for (int i = 0; i < 1000 && rig_is_alive(pid); i++)
        usleep(1000);
    assert_false(rig_is_alive(pid));
    rig.type->close(rig.driver);
}

static void test_rests_grow(void **state)
{
    struct rig *rig = open_program(state, "exit 7");
    for (uint64_t rest_ms = PROGRAM_REST_MS; rest_ms < PROGRAM_REST_MOST_MS; rest_ms *= 2) {
        await_refusal(rig, "it ended with status 7");
        assert_int_equal(rig->driver->phase, PROGRAM_RESTS);
        assert_int_equal(rig->driver->next_ms - rig->driver->since_ms, rest_ms);
        pass(rig, rest_ms);
        await_phase(rig, PROGRAM_RESTS);
    }
    assert_int_equal(rig->driver->next_ms - rig->driver->since_ms, PROGRAM_REST_MOST_MS);
    rig->type->life->retry(rig->driver);
    pass(rig, 0);
    assert_int_equal(rig->driver->phase, PROGRAM_GREETS);
}

static void test_a_new_file_is_started(void **state)
{
    struct rig *rig = open_program(state, HELLO CALLS OK "\ndone");
    const pid_t pid = rig->driver->channel.pid;
    rig->type->life->retry(rig->driver);
    rig_turn(rig, 0);
    assert_int_equal(rig->driver->channel.pid, pid); /* it is the same */
    unlink(path);
    write_program("echo '{\"hello\":1,\"commands\":true}'\nexec sleep 1000");
    rig->type->life->retry(rig->driver);
    rig_turn(rig, 0);
    await_phase(rig, PROGRAM_READY);
    assert_int_not_equal(rig->driver->channel.pid, pid);
    assert_int_equal(rig->driver->failures, 0);
    assert_string_equal(refusal(rig), "");
}

static void test_one_whose_file_is_gone_takes_no_starts(void **state)
{
    struct rig *rig = open_program(state, HELLO CALLS OK "\ndone");
    const pid_t pid = rig->driver->channel.pid;
    const unsigned changes = rig->type->life->changes(rig->driver);
    rig->type->life->withdraw(rig->driver, "its file is not there any more");
    assert_string_equal(refusal(rig), "its file is not there any more");
    assert_int_not_equal(rig->type->life->changes(rig->driver), changes);
    rig_turn(rig, 0);
    assert_int_equal(rig->driver->channel.pid, pid); /* what runs there goes on */
    kill(pid, SIGKILL);
    await_phase(rig, PROGRAM_RESTS);
    pass(rig, PROGRAM_REST_MOST_MS);
    assert_int_equal(rig->driver->phase, PROGRAM_RESTS);
    rig->now = aq_clocks_read();
    rig->type->life->retry(rig->driver);
    await_phase(rig, PROGRAM_READY);
    assert_string_equal(refusal(rig), "");
}

/* ---- hanging and dying ------------------------------------------------------------------------------------------ */

/* The first run hangs at a start, the second finds the workload again. */
static void test_one_that_hangs_is_ended_and_its_workload_adopted(void **state)
{
    struct rig *rig = open_program(
        state, HELLO
        "mark=$0.second\n" CALLS "if [ $call = start ] && [ ! -e $mark ]; then touch $mark; sleep 1000; fi\n" OK "\n"
        "[ $call != adopt ] || echo "
        "\"{\\\"report\\\":\\\"started\\\",\\\"resource\\\":$resource,\\\"identifier\\\":\\\"x\\\"}\"\n"
        "[ $call != stop ] || echo "
        "\"{\\\"report\\\":\\\"ended\\\",\\\"resource\\\":$resource,\\\"status\\\":4,\\\"reason\\\":\\\"y\\\"}\"\n"
        "done");
    uint64_t resource = rig_start(rig, "{}");
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    char mark[160];
    snprintf(mark, sizeof mark, "%s.second", path);
    while (access(mark, F_OK) != 0 && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    pass(rig, PROGRAM_ANSWER_MS);
    assert_string_equal(rig->driver->why, "it has not answered for 10 s");
    assert_string_equal(refusal(rig), ""); /* it is back soon */
    uint64_t other = rig_start(rig, "{}"); /* waits for that */
    rig->now = aq_clocks_read();
    rig->type->life->retry(rig->driver);
    rig_await(rig, &rig->seen[resource].started);
    assert_int_equal(rig->seen[resource].failed, 0);
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 4);
    assert_int_equal(rig->seen[other].started + rig->seen[other].failed, 0); /* this program never says more of it */
    rig->type->stop(rig->driver, other);
}

static void test_a_start_does_not_wait_for_ever(void **state)
{
    struct rig *rig = open_program(state, "[ ! -e $0.dead ] || exit 1\ntouch $0.dead\n" HELLO "read -r line; exit 1");
    await_phase(rig, PROGRAM_RESTS);
    uint64_t resource = rig_start(rig, "{}");
    assert_int_equal(rig->seen[resource].failed, 0);
    pass(rig, PROGRAM_HOLD_MS);
    assert_int_equal(rig->seen[resource].failed, 1);
    assert_non_null(
        strstr(rig->seen[resource].reason, "the program of driver hostile does not run: it ended with status 1"));
    resource = rig_start(rig, "{}");
    rig->type->stop(rig->driver, resource); /* and can be stopped meanwhile */
    assert_int_equal(rig->seen[resource].failed, 1);
}

/* What is in a control group can be ended without the program. */
static void test_a_stop_does_not_wait_for_ever(void **state)
{
    struct rig *rig =
        open_program(state, "[ ! -e $0.dead ] || exit 1\ntouch $0.dead\n"
                            "echo '{\"hello\":1,\"form\":\"sh\",\"groups\":true}'\n" CALLS OK "\n"
                            "[ $call != stop ] || exit 1\n[ $call = start ] || continue\n"
                            "pid=$(setsid -f sh -c 'for group in \"$@\"; do echo $$ >$group/cgroup.procs; done; "
                            "echo $$; exec sleep 1000 >/dev/null' - $(eval echo $groups))\n"
                            "echo \"{\\\"report\\\":\\\"started\\\",\\\"resource\\\":1,\\\"identifier\\\":\\\"pid "
                            "$pid\\\"}\"\ndone");
    uint64_t resource;
    rig_start_running(rig, "{}", &resource);
    const pid_t pid = rig->seen[resource].pid;
    assert_true(rig_has_group(rig, resource) && rig_is_alive(pid));
    rig->type->stop(rig->driver, resource);
    await_phase(rig, PROGRAM_RESTS);
    assert_int_equal(rig->seen[resource].ended, 0);
    rig->driver->next_ms += 2 * PROGRAM_HOLD_MS; /* no further run meanwhile */
    pass(rig, PROGRAM_HOLD_MS);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, PROGRAM_STATUS_LOST);
    assert_non_null(
        strstr(rig->seen[resource].reason, "the program of driver hostile does not run: it ended with status 1"));
    assert_false(rig_has_group(rig, resource) || rig_is_alive(pid));
}

static struct {
    int ended, exit_status;
} command;

static void note_command(struct rig *rig, const struct driver_report *report)
{
    (void)rig;
    command.ended += report->kind == DRIVER_COMMAND_ENDED;
    command.exit_status = report->exit_status;
}

static void test_commands_end_with_the_program(void **state)
{
    struct rig *rig =
        open_program(state, HELLO CALLS
                     "[ $call != command ] || exit 1\n" OK "\n"
                     "[ $call != start ] || echo "
                     "\"{\\\"report\\\":\\\"started\\\",\\\"resource\\\":$resource,\\\"identifier\\\":\\\"x\\\"}\"\n"
                     "done");
    uint64_t resource;
    struct aq_error error;
    rig_start_running(rig, "{}", &resource);
    rig->on_report = note_command;
    memset(&command, 0, sizeof command);
    const char *const words[] = {"true", NULL};
    const struct driver_command wanted = {.number = 1, .resource = resource, .arguments = words};
    assert_int_equal(rig->type->command(rig->driver, &wanted, &error), 0);
    rig_await(rig, &command.ended);
    assert_int_equal(command.exit_status, PROGRAM_STATUS_LOST);
    assert_int_equal(rig->type->command(rig->driver, &wanted, &error), -1); /* it does not run now */
    assert_int_equal(rig->seen[resource].ended, 0);
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
    struct rig *rig = open_program(
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

/* ---- lies ------------------------------------------------------------------------------------------------------- */

static void test_lies_are_refused(void **state)
{
    static const char *const lies[] = {
        "{\"report\":\"started\",\"resource\":77,\"identifier\":\"x\"}",       /* it has none of that number */
        "{\"report\":\"ended\",\"resource\":1,\"status\":0,\"reason\":\"x\"}", /* before it has started */
        "{\"report\":\"started\",\"resource\":1}",                             /* no identifier */
        "{\"report\":\"started\",\"resource\":1,\"identifier\":\"x\",\"ip_addr\":\"here\"}",
        "{\"report\":\"started\",\"resource\":-1,\"identifier\":\"x\"}",
        "{\"report\":\"command_ended\",\"command\":5,\"status\":0,\"reason\":\"x\"}",
        "{\"report\":\"gone\",\"resource\":1}",
        "{\"report\":\"task_ended\",\"task\":5}",
        "{\"id\":99}",
        "{\"id\":\"1\"}",
        "{\"hello\":1}",
        "[1]",
    };
    static const char *const later[] = {
        "{\"report\":\"started\",\"resource\":1,\"identifier\":\"again\"}",
        "{\"report\":\"failed\",\"resource\":1,\"reason\":\"x\"}",
        "{\"report\":\"ended\",\"resource\":1,\"status\":256,\"reason\":\"x\"}",
        "{\"report\":\"ended\",\"resource\":1,\"status\":1}",
    };
    AQ_CLEANUP_BUFFER struct aq_buffer script = {0};
    aq_buffer_text(&script, HELLO CALLS OK "\n[ $call = start ] || continue\n");
    for (size_t i = 0; i < AQ_LENGTH(lies); i++)
        aq_buffer_format(&script, "echo '%s'\n", lies[i]);
    aq_buffer_text(&script, "echo '{\"report\":\"started\",\"resource\":1,\"identifier\":\"true\"}'\n");
    for (size_t i = 0; i + 1 < AQ_LENGTH(later); i++)
        aq_buffer_format(&script, "echo '%s'\n", later[i]);
    aq_buffer_format(&script, "sleep 0.5\necho '%s'\ndone", later[AQ_LENGTH(later) - 1]);
    struct rig *rig = open_program(state, aq_buffer_string(&script));
    assert_int_equal(rig_start(rig, "{}"), 1);
    await_faults(rig, AQ_LENGTH(lies) + AQ_LENGTH(later) - 1);
    assert_int_equal(rig->seen[1].started, 1);
    assert_string_equal(rig->seen[1].identifier, "true");
    assert_int_equal(rig->seen[1].failed + rig->seen[1].ended, 0);
    assert_int_equal(AQ_LENGTH(lies) + AQ_LENGTH(later), PROGRAM_FAULTS_MAX);
    await_phase(rig, PROGRAM_RESTS); /* one lie too many */
    assert_non_null(strstr(rig->driver->why, "it said what cannot be 16 times"));
    assert_int_equal(rig->seen[1].failed + rig->seen[1].ended, 0);
}

/* ---- what it says of itself ------------------------------------------------------------------------------------- */

static void test_a_program_says_whether_it_can_be_used(void **state)
{
    struct rig *rig =
        open_program(state, HELLO "echo '{\"report\":\"unusable\",\"reason\":\"no connection\"}'\n" CALLS OK "\n"
                                  "[ $call != ping ] || echo '{\"report\":\"usable\"}'\ndone");
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (refusal(rig)[0] == '\0' && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    assert_string_equal(refusal(rig), "no connection");
    const unsigned changes = rig->type->life->changes(rig->driver);
    while (rig->driver->first_call < rig->driver->call_count && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    pass(rig, PROGRAM_PING_MS);
    while (refusal(rig)[0] != '\0' && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    assert_string_equal(refusal(rig), "");
    assert_int_equal(rig->type->life->changes(rig->driver), changes + 1);
    assert_int_equal(rig->driver->faults, 0);
}

static void test_a_program_says_what_is_used(void **state)
{
    struct rig *rig =
        open_program(state, HELLO CALLS OK "\n[ $call = start ] || continue\n"
                                           "echo '{\"report\":\"started\",\"resource\":1,\"identifier\":\"x\"}'\n"
                                           "echo '{\"report\":\"used\",\"resource\":1,\"cpu_us\":5,\"memory\":0}'\n"
                                           "echo '{\"report\":\"used\",\"resource\":1,\"cpu_us\":-5}'\ndone");
    struct aq_sample sample = {.at_ms = 7};
    assert_false(rig->type->sample(rig->driver, 1, &sample));
    rig_start(rig, "{}");
    await_faults(rig, 1);
    assert_true(rig->type->sample(rig->driver, 1, &sample));
    assert_int_equal(aq_number_or(sample.cpu_us, 99), 5);
    assert_int_equal(aq_number_or(sample.memory, 99), 0);
    assert_int_equal(aq_number_or(sample.sent, 99), 99);
    assert_in_range(sample.at_ms, 8, rig->now.steady_ms); /* when it was said */
}

static void test_an_address_may_come_at_once_but_not_change_all_the_time(void **state)
{
    struct rig *rig =
        open_program(state, HELLO CALLS OK "\n[ $call = start ] || continue\n"
                                           "for i in '' .1 .2 .3 .4 .5 .6; do\n"
                                           "echo \"{\\\"report\\\":\\\"started\\\",\\\"resource\\\":1,"
                                           "\\\"identifier\\\":\\\"x\\\",\\\"ip_addr\\\":\\\"${i:+10.0.0$i}\\\"}\"\n"
                                           "done\ndone");
    rig_start(rig, "{}");
    await_faults(rig, 2);
    assert_int_equal(rig->seen[1].started, 1);
    assert_int_equal(rig->seen[1].readdressed, 4);
    assert_string_equal(rig->seen[1].ip_addr, "10.0.0.4");
}

/* ---- floods ------------------------------------------------------------------------------------------------------ */

static void test_a_line_without_an_end(void **state)
{
    struct rig *rig = open_program(state, HELLO "head -c 3000000 /dev/zero | tr '\\000' x; exec sleep 1000");
    await_refusal(rig, "it wrote a line of more than 1048576 bytes");
}

/* What is read in a while is bounded, whatever is written, and so is what goes to the journal. */
static void test_floods_wait_for_themselves(void **state)
{
    struct rig *rig = open_program(
        state,
        HELLO "(yes on standard error >&2) &\n" CALLS OK "\n"
              "[ $call != start ] || echo "
              "\"{\\\"report\\\":\\\"started\\\",\\\"resource\\\":$resource,\\\"identifier\\\":\\\"x\\\"}\"\n"
              "[ $call != start ] || yes "
              "\"{\\\"report\\\":\\\"output\\\",\\\"resource\\\":$resource,\\\"text\\\":\\\"$(printf %0512d 7)\\\"}\"\n"
              "done");
    uint64_t resource;
    rig_start_running(rig, "{}", &resource);
    const uint64_t from_ms = aq_clock_boot_ms();
    unsigned turns = 0;
    while (rig->driver->channel.reports.watched || rig->driver->channel.errors.watched) {
        assert_true(aq_clock_boot_ms() < from_ms + RIG_PATIENCE_MS);
        rig_turn(rig, 20);
    }
    const uint64_t to_ms = aq_clock_boot_ms() + 300;
    for (; aq_clock_boot_ms() < to_ms; turns++)
        rig_turn(rig, 1000);
    assert_in_range(turns, 0, 100); /* the agent sleeps in between */
    struct output_span span;
    struct aq_error error;
    AQ_CLEANUP_FD int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(output_measure(directory, &span, &error), 0);
    assert_in_range(span.end, 1, CHANNEL_BURST + (aq_clock_boot_ms() - from_ms + 2000) * CHANNEL_RATE / 1000);
    assert_in_range(rig->driver->channel.told, 0, UINT32_MAX);
    assert_int_equal(rig->seen[resource].ended, 0);
}

/* One that reads no calls is ended, and has filled nobody's memory. */
static void test_one_that_reads_nothing(void **state)
{
    struct rig *rig = open_program(state, HELLO "exec sleep 1000");
    for (int i = 0; i < 500; i++)
        rig_start(rig, "{}");
    pass(rig, PROGRAM_ANSWER_MS);
    assert_string_equal(rig->driver->why, "it has not answered for 10 s");
    for (uint64_t i = 1; i <= 500; i++)
        assert_int_equal(rig->seen[i].started + rig->seen[i].failed + rig->seen[i].ended, 0);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void test_a_start_has_all_that_the_agent_says(void **state)
{
    struct rig *rig = open_program(
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
    struct rig *rig = open_program(state, text);
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(rig, "{'greeting':'good \\\"day\\\"'}", &resource);
    assert_string_equal(seen->identifier, "greeting 1");
    rig_await_log(rig, resource, "good \"day\", 1\n");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->ended);
    assert_string_equal(seen->reason, "told to stop");
    assert_int_equal(rig->driver->faults, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_wrong_hello),
        TEST(test_no_hello),
        TEST(test_rests_grow),
        TEST(test_a_new_file_is_started),
        TEST(test_one_whose_file_is_gone_takes_no_starts),
        TEST(test_one_that_hangs_is_ended_and_its_workload_adopted),
        TEST(test_a_start_does_not_wait_for_ever),
        TEST(test_a_stop_does_not_wait_for_ever),
        TEST(test_commands_end_with_the_program),
        TEST(test_tasks),
        TEST(test_lies_are_refused),
        TEST(test_a_program_says_whether_it_can_be_used),
        TEST(test_a_program_says_what_is_used),
        TEST(test_an_address_may_come_at_once_but_not_change_all_the_time),
        TEST(test_a_line_without_an_end),
        TEST(test_floods_wait_for_themselves),
        TEST(test_one_that_reads_nothing),
        TEST(test_a_start_has_all_that_the_agent_says),
        TEST(test_the_smallest_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
