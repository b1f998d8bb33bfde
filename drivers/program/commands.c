#include "drivers/program/state.h"

#include "schema/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct program_command *find(const struct driver *driver, uint64_t number)
{
    for (size_t i = 0; i < driver->command_count; i++)
        if (driver->commands[i].number == number)
            return &driver->commands[i];
    return NULL;
}

static void close_fds(struct program_command *command)
{
    for (size_t i = 0; i < AQ_LENGTH(command->fds); i++) {
        if (command->fds[i] >= 0)
            close(command->fds[i]);
        command->fds[i] = -1;
    }
}

/* Copies the descriptors. Opening one end of a pipe waits until the other one is open, too, and its owner may be gone
 * by the time that the program opens it: so both ends are held here until it has. */
static int copy_fds(struct program_command *command, const struct driver_command *wanted, struct aq_error *error)
{
    const int given[] = {wanted->input, wanted->output, wanted->errors};
    char path[64];
    struct stat status;
    for (int i = 0; i < 3; i++) {
        command->fds[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 3);
        snprintf(path, sizeof path, "/proc/self/fd/%d", given[i]);
        if (command->fds[i] >= 0 && fstat(given[i], &status) == 0 && S_ISFIFO(status.st_mode))
            command->fds[3 + i] = open(path, O_RDWR | O_CLOEXEC);
        if (command->fds[i] >= 0)
            continue;
        const int number = errno;
        close_fds(command);
        return aq_fail_errno(error, number, "cannot copy a descriptor");
    }
    return 0;
}

/* The program opens them by these names, before it answers. */
static json_t *descriptor_path(int fd)
{
    return json_sprintf("/proc/%d/fd/%d", (int)getpid(), fd);
}

static json_t *call_of(const struct program_workload *workload, const struct program_command *command,
                       const struct driver_command *wanted)
{
    json_t *arguments = json_array();
    for (const char *const *argument = wanted->arguments; *argument != NULL; argument++)
        json_array_append_new(arguments, json_string(*argument));
    return json_pack("{sI sI ss so so so so sb ss}", "command", (json_int_t)wanted->number, "resource",
                     (json_int_t)wanted->resource, "directory", workload->directory, "arguments", arguments, "input",
                     descriptor_path(command->fds[0]), "output", descriptor_path(command->fds[1]), "errors",
                     descriptor_path(command->fds[2]), "terminal", wanted->terminal, "term",
                     wanted->term != NULL ? wanted->term : "");
}

int program_workload_command(struct driver *driver, const struct driver_command *wanted, struct aq_error *error)
{
    const struct program_workload *workload = roster_find(&driver->roster, wanted->resource);
    struct program_command command = {
        .number = wanted->number, .resource = wanted->resource, .fds = {-1, -1, -1, -1, -1, -1}};
    if (workload == NULL || workload->phase != WORKLOAD_RUNNING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", wanted->resource);
    if (driver->phase != PROGRAM_READY || workload->adopting)
        return aq_fail(error, AQ_E_STATE, "the program of driver %s does not run: %s", driver->name, driver->why);
    for (const char *const *argument = wanted->arguments; *argument != NULL; argument++)
        if (!aq_utf8_is_good(*argument, strlen(*argument)))
            return aq_fail(error, AQ_E_INVALID, "a command for driver %s must be UTF-8", driver->name);
    if (copy_fds(&command, wanted, error) != 0)
        return -1;
    json_t *call = call_of(workload, &command, wanted);
    AQ_GROW(driver->commands, driver->command_count, driver->command_capacity);
    driver->commands[driver->command_count++] = command;
    driver->last_command = wanted->number > driver->last_command ? wanted->number : driver->last_command;
    program_send(driver, CALL_COMMAND, wanted->number, call);
    return 0;
}

void program_workload_end_command(struct driver *driver, uint64_t number)
{
    if (find(driver, number) != NULL && driver->phase == PROGRAM_READY)
        program_send(driver, CALL_END_COMMAND, number, json_pack("{sI}", "command", (json_int_t)number));
}

void program_command_opened(struct driver *driver, uint64_t number)
{
    struct program_command *command = find(driver, number);
    if (command != NULL)
        close_fds(command);
}

bool program_command_over(struct driver *driver, uint64_t number, int exit_status, const char *reason)
{
    struct program_command *place = find(driver, number);
    if (place == NULL)
        return false;
    struct program_command command = *place;
    *place = driver->commands[--driver->command_count];
    close_fds(&command);
    const struct driver_report report = {.resource = command.resource,
                                         .kind = DRIVER_COMMAND_ENDED,
                                         DRIVER_NOT_STARTED,
                                         .exit_status = exit_status,
                                         .reason = reason,
                                         .command = number};
    driver->report(driver->context, &report);
    return true;
}

/* From the first again after each, as the callback may start others. */
void program_commands_end(struct driver *driver, uint64_t resource, const char *reason)
{
    for (size_t i = 0; i < driver->command_count;)
        if (resource == 0 || driver->commands[i].resource == resource) {
            const bool was = program_command_over(driver, driver->commands[i].number, PROGRAM_STATUS_LOST, reason);
            aq_assert(was);
            i = 0;
        } else {
            i++;
        }
}
