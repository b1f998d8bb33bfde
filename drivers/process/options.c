/* The part of job.h that checks what a label asks for. */
#include "drivers/process/job.h"

#include "drivers/options.h"

#include <string.h>

static const char *const known_options[] = {"command", "environment", "directory", "user", "stop_grace",
                                            "pids",    "log_size",    "log_files", NULL};

static int command_validate(const json_t *command, struct aq_error *error)
{
    if (command == NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "option \"command\" is missing: give a list of texts (program and arguments), "
                       "or one text for /bin/sh");
    if (options_is_text(command) && json_string_length(command) > 0)
        return 0;
    if (!json_is_array(command) || json_array_size(command) == 0)
        return aq_fail(error, AQ_E_INVALID,
                       "option \"command\" must be a list of texts that begins with the program, "
                       "or one text for /bin/sh, and must not be empty");
    size_t i;
    json_t *argument;
    json_array_foreach ((json_t *)(uintptr_t)command, i, argument) {
        if (!options_is_text(argument))
            return aq_fail(error, AQ_E_INVALID, "option \"command\": argument %zu must be a text", i);
    }
    if (json_string_length(json_array_get(command, 0)) == 0)
        return aq_fail(error, AQ_E_INVALID, "option \"command\": the program's name is empty");
    return 0;
}

static int environment_validate(const json_t *environment, struct aq_error *error)
{
    if (environment == NULL)
        return 0;
    if (!json_is_object(environment))
        return aq_fail(error, AQ_E_INVALID, "option \"environment\" must be an object of texts");
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)environment, name, value) {
        if (name[0] == '\0' || strchr(name, '=') != NULL)
            return aq_fail(error, AQ_E_INVALID,
                           "option \"environment\": \"%.64s\" cannot be a variable's name: "
                           "it must not be empty, and must have no \"=\"",
                           name);
        if (strncmp(name, "AQUARIUM_", strlen("AQUARIUM_")) == 0)
            return aq_fail(error, AQ_E_INVALID,
                           "option \"environment\": \"%.64s\" is not free: names that begin with AQUARIUM_ "
                           "are set by Aquarium",
                           name);
        if (!options_is_text(value))
            return aq_fail(error, AQ_E_INVALID, "option \"environment\": the value of \"%.64s\" must be a text", name);
    }
    return 0;
}

static int user_validate(const json_t *user, struct aq_error *error)
{
    if (user == NULL || (options_is_text(user) && json_string_length(user) > 0))
        return 0;
    /* The number above the last one means "no change" to the kernel. */
    if (json_is_integer(user) && json_integer_value(user) >= 0 && json_integer_value(user) < UINT32_MAX)
        return 0;
    return aq_fail(error, AQ_E_INVALID, "option \"user\" must be a user's name or number");
}

int process_options_validate(const json_t *options, struct aq_error *error)
{
    if (options_check_names(options, "process", known_options, error) != 0 ||
        command_validate(json_object_get(options, "command"), error) != 0 ||
        environment_validate(json_object_get(options, "environment"), error) != 0 ||
        user_validate(json_object_get(options, "user"), error) != 0 ||
        options_check_text(options, "directory", error) != 0 ||
        options_check_number(options, "stop_grace", 0, 3600, error) != 0 ||
        options_check_number(options, "pids", 1, 4194304, error) != 0 ||
        options_check_number(options, "log_size", 4096, 1 << 30, error) != 0 ||
        options_check_number(options, "log_files", 1, 10, error) != 0)
        return -1;
    const char *directory = options_text(options, "directory", "/");
    if (directory[0] != '/')
        return aq_fail(error, AQ_E_INVALID, "option \"directory\" is \"%.128s\", but must be an absolute path",
                       directory);
    return 0;
}
