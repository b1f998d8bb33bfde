#include "drivers/options.h"

#include "schema/codec/preset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_SIZE = 64 }; /* longer values are not quoted in messages */

/* ---- what an option accepts --------------------------------------------------------------------------- */

static const struct driver_option_reader *find_reader(const struct driver_type *type, const struct aq_field *field)
{
    for (const struct driver_option_reader *reader = type->readers; reader != NULL && reader->option != NULL; reader++)
        if (strcmp(reader->option, field->name) == 0)
            return reader;
    return NULL;
}

static const char *unit_name(const struct aq_field *field)
{
    if (field->unit == NULL)
        return NULL;
    return strcmp(field->unit, "s") == 0 ? "seconds" : strcmp(field->unit, "ms") == 0 ? "milliseconds" : field->unit;
}

static void describe_number(const struct aq_field *field, struct aq_buffer *out)
{
    const char *unit = unit_name(field);
    aq_buffer_format(out, "a whole number%s%s from %" PRIu64 " to %" PRIu64, unit != NULL ? " of " : "",
                     unit != NULL ? unit : "", field->least, field->most);
}

static void describe_type(const struct aq_field *field, struct aq_buffer *out)
{
    switch (field->type) {
    case AQ_TYPE_U64:
    case AQ_TYPE_DURATION:
        describe_number(field, out);
        break;
    case AQ_TYPE_BOOL:
        aq_buffer_text(out, "true or false");
        break;
    case AQ_TYPE_ENUM:
        aq_buffer_text(out, "one of: ");
        aq_words_list(field->words, out);
        break;
    default:
        aq_assert(field->type == AQ_TYPE_TEXT); /* no driver has options of other types yet */
        aq_buffer_format(out, "%s of at most %" PRIu64 " bytes", field->rules & AQ_LINES ? "a text" : "one line",
                         field->most);
    }
}

void driver_option_accepts(const struct driver_type *type, const struct aq_field *field, struct aq_buffer *out)
{
    const struct driver_option_reader *reader = find_reader(type, field);
    if (reader != NULL)
        aq_buffer_text(out, reader->accepts);
    else
        describe_type(field, out);
}

/* ---- one option --------------------------------------------------------------------------------------- */

static void show_value(const json_t *value, char shown[SHOWN_SIZE])
{
    static const char *const kinds[] = {[JSON_OBJECT] = "an object",
                                        [JSON_ARRAY] = "a list",
                                        [JSON_STRING] = "a long text",
                                        [JSON_INTEGER] = "a number",
                                        [JSON_REAL] = "a number"};
    size_t length = json_dumpb(value, shown, SHOWN_SIZE - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    if (length < SHOWN_SIZE)
        shown[length] = '\0';
    else
        snprintf(shown, SHOWN_SIZE, "%s", kinds[json_typeof(value)]);
}

int driver_option_refuse(const struct aq_field *field, const json_t *value, const char *accepts, struct aq_error *error)
{
    char shown[SHOWN_SIZE];
    show_value(value, shown);
    return aq_fail(error, AQ_E_INVALID, "option \"%s\" is %s, but must be %s", field->name, shown, accepts);
}

static int refuse_type(const struct aq_field *field, const json_t *value, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer accepts = {0};
    describe_type(field, &accepts);
    return driver_option_refuse(field, value, aq_buffer_string(&accepts), error);
}

bool driver_option_is_text(const json_t *value)
{
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

int driver_option_read_text(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                            struct aq_error *error)
{
    if (!driver_option_is_text(value))
        return driver_option_refuse(field, value, "a text", error);
    const char *text = json_string_value(value);
    size_t length = strlen(text);
    bool lines = field->rules & AQ_LINES;
    if (length < field->least)
        return aq_fail(error, AQ_E_INVALID, "option \"%s\" must not be empty", field->name);
    if (length > field->most || (!lines && strchr(text, '\n') != NULL))
        return aq_fail(error, AQ_E_INVALID, "option \"%s\" must be %s of at most %" PRIu64 " bytes", field->name,
                       lines ? "a text" : "one line", field->most);
    *(const char **)AQ_AT(object, field) = aq_arena_text(arena, text, length);
    return 0;
}

static int read_number(const struct aq_field *field, const json_t *value, void *object, struct aq_error *error)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < 0 || (uint64_t)number < field->least || (uint64_t)number > field->most)
        return refuse_type(field, value, error);
    *(uint64_t *)AQ_AT(object, field) = (uint64_t)number;
    return 0;
}

static int read_word(const struct aq_field *field, const json_t *value, void *object, struct aq_error *error)
{
    if (!driver_option_is_text(value))
        return driver_option_refuse(field, value, "a text", error);
    int word = aq_words_find(field->words, json_string_value(value));
    if (word < 0)
        return refuse_type(field, value, error);
    *(uint32_t *)AQ_AT(object, field) = (uint32_t)word;
    return 0;
}

static int read_bool(const struct aq_field *field, const json_t *value, void *object, struct aq_error *error)
{
    if (!json_is_boolean(value))
        return refuse_type(field, value, error);
    *(bool *)AQ_AT(object, field) = json_is_true(value);
    return 0;
}

static int read_option(const struct driver_type *type, const struct aq_field *field, const json_t *value, void *object,
                       struct aq_arena *arena, struct aq_error *error)
{
    const struct driver_option_reader *reader = find_reader(type, field);
    if (reader != NULL)
        return reader->read(field, value, object, arena, error);
    switch (field->type) {
    case AQ_TYPE_U64:
    case AQ_TYPE_DURATION:
        return read_number(field, value, object, error);
    case AQ_TYPE_BOOL:
        return read_bool(field, value, object, error);
    case AQ_TYPE_ENUM:
        return read_word(field, value, object, error);
    default:
        return driver_option_read_text(field, value, object, arena, error);
    }
}

/* ---- all options -------------------------------------------------------------------------------------- */

static int check_names(const struct driver_type *type, const json_t *options, struct aq_error *error)
{
    const char *name;
    json_t *value;
    if (!json_is_object(options))
        return aq_fail(error, AQ_E_INVALID, "the options of driver %s must be an object", type->name);
    json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
        if (aq_record_field(type->options, name) != NULL)
            continue;
        AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
        for (size_t i = 0; i < type->options->count; i++)
            aq_buffer_format(&known, "%s%s", i > 0 ? ", " : "", type->options->fields[i].name);
        return aq_fail(error, AQ_E_INVALID, "option \"%.64s\" is unknown to driver %s, which knows: %s", name,
                       type->name, aq_buffer_string(&known));
    }
    return 0;
}

static int fail_missing(const struct driver_type *type, const struct aq_field *field, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer accepts = {0};
    driver_option_accepts(type, field, &accepts);
    return aq_fail(error, AQ_E_INVALID, "option \"%s\" is missing: give %s (%s)", field->name,
                   aq_buffer_string(&accepts), field->help);
}

int driver_options_read(const struct driver_type *type, const json_t *options, const void **out, struct aq_arena *arena,
                        struct aq_error *error)
{
    void *object = aq_arena_alloc(arena, type->options->size);
    if (check_names(type, options, error) != 0)
        return -1;
    aq_record_init(type->options, object, arena);
    for (size_t i = 0; i < type->options->count; i++) {
        const struct aq_field *field = &type->options->fields[i];
        const json_t *value = json_object_get(options, field->name);
        if (value == NULL && (field->rules & AQ_REQUIRED))
            return fail_missing(type, field, error);
        if (value != NULL && read_option(type, field, value, object, arena, error) != 0)
            return -1;
    }
    *out = object;
    return 0;
}
