#include "schema/drivers/readers.h"

#include "schema/codec/variables.h"
#include "schema/drivers/mount.h"

#include <inttypes.h>
#include <string.h>

static void set_texts(const struct aq_field *field, void *object, const char **items, size_t count)
{
    *(struct aq_list *)AQ_AT(object, field) = (struct aq_list){items, (uint32_t)count};
}

static int check_count(const struct aq_field *field, size_t count, const char *what, struct aq_error *error)
{
    if (count <= field->most)
        return 0;
    return aq_fail(error, AQ_E_INVALID, "option \"%s\" has %zu %s, but may have at most %" PRIu64, field->name, count,
                   what, field->most);
}

/* A list of texts; `or` says what else the option accepts. Stored as the arguments of execvp(). */
static int read_program(const struct aq_field *field, const json_t *value, void *object, const char * or,
                        struct aq_arena *arena, struct aq_error *error)
{
    size_t count = json_array_size(value);
    if (count < 1) {
        const char *accepts =
            aq_arena_format(arena, "a list of texts that begins with the program,%s and must not be empty", or);
        return aq_option_refuse(field, value, accepts, error);
    }
    if (check_count(field, count, "items", error) != 0)
        return -1;
    const char **arguments = aq_arena_alloc(arena, count * sizeof *arguments);
    for (size_t i = 0; i < count; i++) {
        const char *argument = aq_option_scalar(json_array_get(value, i), arena);
        if (argument == NULL)
            return aq_fail(error, AQ_E_INVALID, "option \"%s\": argument %zu must be a text or a number", field->name,
                           i);
        arguments[i] = aq_arena_text(arena, argument, strlen(argument));
    }
    if (arguments[0][0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "option \"%s\": the program's name is empty", field->name);
    set_texts(field, object, arguments, count);
    return 0;
}

int aq_read_command(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                    struct aq_error *error)
{
    if (aq_option_is_text(value) && json_string_length(value) > 0) {
        const char **shell = aq_arena_alloc(arena, 3 * sizeof *shell);
        shell[0] = "/bin/sh";
        shell[1] = "-c";
        shell[2] = aq_arena_text(arena, json_string_value(value), json_string_length(value));
        set_texts(field, object, shell, 3);
        return 0;
    }
    return read_program(field, value, object, " or one text for /bin/sh,", arena, error);
}

int aq_read_entrypoint(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                       struct aq_error *error)
{
    return read_program(field, value, object, "", arena, error);
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
int aq_read_environment(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                        struct aq_error *error)
{
    const char *name;
    json_t *item;
    uint32_t count = 0;
    if (!json_is_object(value))
        return aq_option_refuse(field, value, "an object of texts and numbers", error);
    if (check_count(field, json_object_size(value), "variables", error) != 0)
        return -1;
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

int aq_read_directory(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                      struct aq_error *error)
{
    if (aq_option_read_text(field, value, object, arena, error) != 0)
        return -1;
    const char *directory = json_string_value(value);
    if (directory[0] != '/')
        return aq_fail(error, AQ_E_INVALID, "option \"%s\" is \"%.128s\", but must be an absolute path", field->name,
                       directory);
    return 0;
}

int aq_read_user(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                 struct aq_error *error)
{
    if (aq_option_is_text(value))
        return aq_option_read_text(field, value, object, arena, error);
    /* UINT32_MAX means "no change" to the kernel. */
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) >= UINT32_MAX)
        return aq_option_refuse(field, value, "a user's name, or a number from 0 to 4294967294", error);
    *(const char **)AQ_AT(object, field) = aq_arena_format(arena, "%" PRIu64, (uint64_t)json_integer_value(value));
    return 0;
}

int aq_read_texts(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                  struct aq_error *error)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return aq_option_refuse(field, value, "a list of texts", error);
    if (check_count(field, count, "items", error) != 0)
        return -1;
    const char **items = aq_arena_alloc(arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const char *item = aq_option_scalar(json_array_get(value, i), arena);
        if (item == NULL)
            return aq_fail(error, AQ_E_INVALID, "option \"%s\": item %zu must be a text or a number", field->name, i);
        items[i] = aq_arena_text(arena, item, strlen(item));
    }
    set_texts(field, object, items, count);
    return 0;
}

int aq_read_mounts(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                   struct aq_error *error)
{
    struct aq_mount mount;
    if (aq_read_texts(field, value, object, arena, error) != 0)
        return -1;
    const struct aq_list *texts = AQ_AT(object, field);
    for (uint32_t i = 0; i < texts->count; i++)
        if (aq_mount_parse(&mount, AQ_TEXT_ITEM(*texts, i), error) != 0)
            return -1;
    return 0;
}
