#include "agent/commands.h"

#include "schema/base/memory.h"

#include <stdlib.h>

static struct running_command *find(const struct commands *commands, uint64_t number)
{
    for (size_t i = 0; i < commands->count; i++)
        if (commands->running[i].number == number)
            return &commands->running[i];
    return NULL;
}

int commands_start(struct commands *commands, const struct opened_driver *driver, const struct driver_command *command,
                   command_done_fn *done, void *context, uint64_t *number, struct aq_error *error)
{
    struct driver_command numbered = *command;
    if (driver->type->command == NULL)
        return aq_fail(error, AQ_E_INVALID, "workloads of driver %s take no commands", driver->type->declared->name);
    numbered.number = *number = ++commands->last;
    /* Before it is started, as it may end at once. */
    AQ_GROW(commands->running, commands->count, commands->capacity);
    commands->running[commands->count++] = (struct running_command){*number, driver, done, context};
    if (driver->type->command(driver->driver, &numbered, error) == 0)
        return 0;
    struct running_command *place = find(commands, numbered.number);
    *place = commands->running[--commands->count];
    return -1;
}

void commands_kill(struct commands *commands, uint64_t number)
{
    const struct running_command *command = find(commands, number);
    if (command != NULL)
        command->driver->type->end_command(command->driver->driver, number);
}

void commands_take(struct commands *commands, const struct driver_report *report)
{
    struct running_command *place = find(commands, report->command);
    if (place == NULL)
        return;
    const struct running_command command = *place;
    *place = commands->running[--commands->count];
    command.done(command.context, command.number, report->exit_status, report->reason);
}

void commands_free(struct commands *commands)
{
    free(commands->running);
    *commands = (struct commands){0};
}
