#include "schema/drivers/process.h"

#include "schema/codec/variables.h"
#include "schema/drivers/options.h"

#include <inttypes.h>
#include <string.h>

AQ_DEFINE_SETTINGS(aq_process_options, "options", "options of driver process");

static void set_texts(const struct aq_field *field, void *object, const char **items, size_t count)
{
    *(struct aq_list *)AQ_AT(object, field) = (struct aq_list){items, (uint32_t)count};
}

/* Stored as the arguments of execvp(). */
static int read_command(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                        struct aq_error *error)
{
    size_t count = json_array_size(value);
    if (aq_option_is_text(value) && json_string_length(value) > 0) {
        const char **shell = aq_arena_alloc(arena, 3 * sizeof *shell);
        shell[0] = "/bin/sh";
        shell[1] = "-c";
        shell[2] = aq_arena_text(arena, json_string_value(value), json_string_length(value));
        set_texts(field, object, shell, 3);
        return 0;
    }
    if (count < field->least || count > field->most)
        return aq_fail(error, AQ_E_INVALID,
                       "option \"command\" must be a list of texts that begins with the program, "
                       "or one text for /bin/sh, and must not be empty");
    const char **arguments = aq_arena_alloc(arena, count * sizeof *arguments);
    for (size_t i = 0; i < count; i++) {
        const char *argument = aq_option_scalar(json_array_get(value, i), arena);
        if (argument == NULL)
            return aq_fail(error, AQ_E_INVALID, "option \"command\": argument %zu must be a text or a number", i);
        arguments[i] = aq_arena_text(arena, argument, strlen(argument));
    }
    if (arguments[0][0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "option \"command\": the program's name is empty");
    set_texts(field, object, arguments, count);
    return 0;
}

static int check_variable(const char *name, const char *value, struct aq_error *error)
{
    if (name[0] == '\0' || strchr(name, '=') != NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "option \"environment\": \"%.64s\" cannot be a variable's name: "
                       "it must not be empty or contain \"=\"",
                       name);
    static const char *const reserved[] = {"AQUARIUM_", AQ_META_PREFIX};
    for (size_t i = 0; i < AQ_LENGTH(reserved); i++)
        if (strncmp(name, reserved[i], strlen(reserved[i])) == 0)
            return aq_fail(error, AQ_E_INVALID,
                           "option \"environment\": \"%.64s\" is reserved: names that begin with %s "
                           "are set by Aquarium",
                           name, reserved[i]);
    if (value == NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "option \"environment\": the value of \"%.64s\" must be a text, a number, true or false", name);
    return 0;
}

/* Stored as "NAME=value". */
static int read_environment(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                            struct aq_error *error)
{
    const char *name;
    json_t *item;
    uint32_t count = 0;
    if (!json_is_object(value) || json_object_size(value) > field->most)
        return aq_fail(error, AQ_E_INVALID, "option \"environment\" must be an object of texts and numbers");
    const char **variables = aq_arena_alloc(arena, json_object_size(value) * sizeof *variables);
    json_object_foreach ((json_t *)(uintptr_t)value, name, item) {
        const char *text = aq_option_scalar(item, arena);
        if (check_variable(name, text, error) != 0)
            return -1;
        variables[count++] = aq_arena_format(arena, "%s=%s", name, text);
    }
    set_texts(field, object, variables, count);
    return 0;
}

static int read_directory(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                          struct aq_error *error)
{
    if (aq_option_read_text(field, value, object, arena, error) != 0)
        return -1;
    const char *directory = json_string_value(value);
    if (directory[0] != '/')
        return aq_fail(error, AQ_E_INVALID, "option \"directory\" is \"%.128s\", but must be an absolute path",
                       directory);
    return 0;
}

static int read_user(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                     struct aq_error *error)
{
    if (aq_option_is_text(value))
        return aq_option_read_text(field, value, object, arena, error);
    /* UINT32_MAX means "no change" to the kernel. */
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) >= UINT32_MAX)
        return aq_fail(error, AQ_E_INVALID, "option \"user\" must be a user's name or number");
    *(const char **)AQ_AT(object, field) = aq_arena_format(arena, "%" PRIu64, (uint64_t)json_integer_value(value));
    return 0;
}

static const struct aq_option_reader readers[] = {
    {"command", "a list of texts, or one text", read_command},
    {"environment", "an object of texts and numbers", read_environment},
    {"directory", "an absolute path", read_directory},
    {"user", "a name or a number", read_user},
    {0},
};

AQ_DRIVER(process,
          "Runs a program on the agent's host, in a session and control groups of its own. When its main process ends, "
          "all that it started ends too.",
          readers)
