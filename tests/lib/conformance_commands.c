/* The part of the conformance suite about commands that are run in a workload. */
#include "tests/lib/conformance_tests.h"

#include "schema/base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    int ended;
    int exit_status;
    char reason[256];
} commands[4];

static void note_command(struct rig *rig, const struct driver_report *report)
{
    conformance_check_order(rig, report);
    if (report->kind != DRIVER_COMMAND_ENDED)
        return;
    assert_in_range(report->command, 1, AQ_LENGTH(commands) - 1);
    commands[report->command].ended++;
    commands[report->command].exit_status = report->exit_status;
    snprintf(commands[report->command].reason, sizeof commands[0].reason, "%s", report->reason);
}

static int start_command(struct rig *rig, uint64_t number, uint64_t resource, const char *const *arguments, int output,
                         struct aq_error *error)
{
    AQ_CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const struct driver_command command = {.number = number,
                                           .resource = resource,
                                           .arguments = arguments,
                                           .input = null,
                                           .output = output >= 0 ? output : null,
                                           .errors = null};
    rig->now = aq_clocks_read();
    return rig->type->command(rig->driver, &command, error);
}

static void expect_command(struct rig *rig, uint64_t number, int exit_status)
{
    rig_await(rig, &commands[number].ended);
    for (int i = 0; i < TURNS_AFTER_END; i++)
        rig_turn(rig, 0);
    assert_int_equal(commands[number].ended, 1);
    if (commands[number].exit_status != exit_status)
        fail_msg("command %d: status %d instead of %d: %s", (int)number, commands[number].exit_status, exit_status,
                 commands[number].reason);
    assert_true(commands[number].reason[0] != '\0');
}

void conformance_test_commands(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct aq_error error = {0};
    char text[64];
    int output[2];
    assert_int_equal(rig->type->command != NULL,
                     conformance_subject->command != NULL || conformance_subject->own_commands);
    assert_int_equal(rig->type->command != NULL, rig->type->end_command != NULL);
    if (conformance_subject->command == NULL)
        skip();
    memset(commands, 0, sizeof commands);
    rig->on_report = note_command;
    rig_start_running(rig, conformance_subject->runs, &resource);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    assert_int_equal(start_command(rig, 1, resource, conformance_subject->command, output[1], &error), 0);
    close(output[1]);
    expect_command(rig, 1, 5);
    ssize_t length = read(output[0], text, sizeof text);
    close(output[0]);
    assert_true(length >= 3 && strncmp(text, "out", 3) == 0);
    assert_int_equal(start_command(rig, 2, resource, conformance_subject->wrong_command, -1, &error), 0);
    expect_command(rig, 2, 127);
    conformance_stop(rig, resource);
    assert_int_equal(start_command(rig, 3, resource, conformance_subject->command, -1, &error),
                     -1); /* it does not run */
}

void conformance_test_commands_end_when_told_and_with_their_workload(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct aq_error error = {0};
    if (conformance_subject->long_command == NULL)
        skip();
    memset(commands, 0, sizeof commands);
    rig->on_report = note_command;
    rig_start_running(rig, conformance_subject->runs, &resource);
    assert_int_equal(start_command(rig, 1, resource, conformance_subject->long_command, -1, &error), 0);
    assert_int_equal(start_command(rig, 2, resource, conformance_subject->long_command, -1, &error), 0);
    assert_int_equal(start_command(rig, 3, resource, conformance_subject->command, -1, &error), 0);
    expect_command(rig, 3, 5); /* the others do not hold it up */
    rig->type->end_command(rig->driver, 1);
    expect_command(rig, 1, STATUS_KILLED);
    assert_int_equal(commands[2].ended, 0);
    conformance_stop(rig, resource);
    rig_await(rig, &commands[2].ended);
    rig->type->end_command(rig->driver, 2); /* harmless */
    assert_int_equal(commands[2].ended, 1);
}
