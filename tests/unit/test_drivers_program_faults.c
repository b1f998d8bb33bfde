/* Drivers that are programs (drivers/program/) and hang, die, lie or flood: what they can do, and cannot do, to the
 * agent. */
#include "drivers/output.h"
#include "drivers/program/channel.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "tests/lib/program_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- hanging and dying ------------------------------------------------------------------------------------------ */

/* The first run hangs at a start, the second finds the workload again. */
static void test_one_that_hangs_is_ended_and_its_workload_adopted(void **state)
{
    struct rig *rig = program_rig_open(
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
    snprintf(mark, sizeof mark, "%s.second", program_rig_path);
    while (access(mark, F_OK) != 0 && aq_clock_boot_ms() < until_ms)
        rig_turn(rig, 20);
    program_rig_pass(rig, PROGRAM_ANSWER_MS);
    assert_string_equal(rig->driver->why, "it has not answered for 10 s");
    assert_string_equal(program_rig_refusal(rig), ""); /* it is back soon */
    uint64_t other = rig_start(rig, "{}");             /* waits for that */
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
    struct rig *rig =
        program_rig_open(state, "[ ! -e $0.dead ] || exit 1\ntouch $0.dead\n" HELLO "read -r line; exit 1");
    program_rig_await_phase(rig, PROGRAM_RESTS);
    uint64_t resource = rig_start(rig, "{}");
    assert_int_equal(rig->seen[resource].failed, 0);
    program_rig_pass(rig, PROGRAM_HOLD_MS);
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
        program_rig_open(state, "[ ! -e $0.dead ] || exit 1\ntouch $0.dead\n"
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
    program_rig_await_phase(rig, PROGRAM_RESTS);
    assert_int_equal(rig->seen[resource].ended, 0);
    rig->driver->next_ms += 2 * PROGRAM_HOLD_MS; /* no further run meanwhile */
    program_rig_pass(rig, PROGRAM_HOLD_MS);
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
    struct rig *rig = program_rig_open(
        state,
        HELLO CALLS "[ $call != command ] || exit 1\n" OK "\n"
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
    struct rig *rig = program_rig_open(state, aq_buffer_string(&script));
    assert_int_equal(rig_start(rig, "{}"), 1);
    program_rig_await_faults(rig, AQ_LENGTH(lies) + AQ_LENGTH(later) - 1);
    assert_int_equal(rig->seen[1].started, 1);
    assert_string_equal(rig->seen[1].identifier, "true");
    assert_int_equal(rig->seen[1].failed + rig->seen[1].ended, 0);
    assert_int_equal(AQ_LENGTH(lies) + AQ_LENGTH(later), PROGRAM_FAULTS_MAX);
    program_rig_await_phase(rig, PROGRAM_RESTS); /* one lie too many */
    assert_non_null(strstr(rig->driver->why, "it said what cannot be 16 times"));
    assert_int_equal(rig->seen[1].failed + rig->seen[1].ended, 0);
}

/* ---- floods ------------------------------------------------------------------------------------------------------ */

static void test_a_line_without_an_end(void **state)
{
    struct rig *rig = program_rig_open(state, HELLO "head -c 3000000 /dev/zero | tr '\\000' x; exec sleep 1000");
    program_rig_await_refusal(rig, "it wrote a line of more than 1048576 bytes");
}

/* What is read in a while is bounded, whatever is written, and so is what goes to the journal. */
static void test_floods_wait_for_themselves(void **state)
{
    struct rig *rig = program_rig_open(
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
    struct rig *rig = program_rig_open(state, HELLO "exec sleep 1000");
    for (int i = 0; i < 500; i++)
        rig_start(rig, "{}");
    program_rig_pass(rig, PROGRAM_ANSWER_MS);
    assert_string_equal(rig->driver->why, "it has not answered for 10 s");
    for (uint64_t i = 1; i <= 500; i++)
        assert_int_equal(rig->seen[i].started + rig->seen[i].failed + rig->seen[i].ended, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, program_rig_begin, program_rig_end)
    const struct CMUnitTest tests[] = {
        TEST(test_one_that_hangs_is_ended_and_its_workload_adopted),
        TEST(test_a_start_does_not_wait_for_ever),
        TEST(test_a_stop_does_not_wait_for_ever),
        TEST(test_commands_end_with_the_program),
        TEST(test_lies_are_refused),
        TEST(test_a_line_without_an_end),
        TEST(test_floods_wait_for_themselves),
        TEST(test_one_that_reads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
