#include "schema/model/command.h"

#include <string.h>

static int compare_codes(const void *a, const void *b)
{
    unsigned one = (*(const struct aq_command *const *)a)->code, other = (*(const struct aq_command *const *)b)->code;
    return (one > other) - (one < other);
}

AQ_REGISTRY(commands, aq_commands, aq_command, compare_codes)

const struct aq_command *aq_command_find(unsigned code)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (command->code == code)
            return command;
    return NULL;
}

const struct aq_command *aq_command_named(const char *name)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

const struct aq_command *aq_command_of(const struct aq_entity *entity, const char *verb)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (command->entity == entity && strcmp(command->verb, verb) == 0)
            return command;
    return NULL;
}

bool aq_command_goes_by_verb(const struct aq_command *command)
{
    return command->kind == AQ_ACTS || (command->kind == AQ_CREATES && strcmp(command->verb, "create") != 0);
}

const struct aq_command *aq_command_at(size_t index)
{
    return aq_registry_at(&commands, index);
}
