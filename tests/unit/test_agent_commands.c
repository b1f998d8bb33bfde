/* Commands in workloads: numbers, ends, and what a driver refuses. */
#include "agent/commands.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static bool refuses;
static uint64_t started[8], killed;
static size_t n_started;

static int fake_command(struct driver *driver, const struct driver_command *command, struct aq_error *error)
{
    (void)driver;
    if (refuses)
        return aq_fail(error, AQ_E_STATE, "resource %d does not run", (int)command->resource);
    started[n_started++] = command->number;
    return 0;
}

static void fake_end_command(struct driver *driver, uint64_t number)
{
    (void)driver;
    killed = number;
}

static const struct driver_type fake = {.command = fake_command, .end_command = fake_end_command};
static const struct opened_driver opened = {.type = &fake};

static uint64_t ended;
static int status_of_ended;

static void note_end(void *context, uint64_t number, int exit_status, const char *reason)
{
    (void)context;
    (void)reason;
    ended = number;
    status_of_ended = exit_status;
}

static int start(struct commands *commands, uint64_t *number, struct aq_error *error)
{
    const struct driver_command command = {.resource = 7};
    return commands_start(commands, &opened, &command, note_end, NULL, number, error);
}

static void what_a_driver_refuses_leaves_nothing(void **context)
{
    struct commands commands = {0};
    struct aq_error error = {0};
    uint64_t first, second, refused;
    (void)context;
    refuses = true; /* the only one, and one beside others */
    assert_int_equal(start(&commands, &refused, &error), -1);
    assert_string_equal(error.message, "resource 7 does not run");
    assert_int_equal(commands.count, 0);
    refuses = false;
    assert_int_equal(start(&commands, &first, &error), 0);
    refuses = true;
    assert_int_equal(start(&commands, &refused, &error), -1);
    refuses = false;
    assert_int_equal(start(&commands, &second, &error), 0);
    assert_int_equal(commands.count, 2);
    assert_int_equal(n_started, 2);
    assert_int_equal(started[0], first);
    assert_int_equal(started[1], second);
    commands_kill(&commands, refused);
    assert_int_equal(killed, 0);
    commands_kill(&commands, first);
    assert_int_equal(killed, first);
    commands_take(&commands, &(struct driver_report){.command = first, .exit_status = 3, .reason = ""});
    assert_int_equal(ended, first);
    assert_int_equal(status_of_ended, 3);
    commands_take(&commands, &(struct driver_report){.command = first, .exit_status = 4, .reason = ""}); /* again */
    assert_int_equal(status_of_ended, 3);
    commands_take(&commands, &(struct driver_report){.command = second, .exit_status = 5, .reason = ""});
    assert_int_equal(ended, second);
    assert_int_equal(commands.count, 0);
    commands_free(&commands);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_driver_refuses_leaves_nothing)};
    return cmocka_run_group_tests_name("agent-commands", tests, NULL, NULL);
}
