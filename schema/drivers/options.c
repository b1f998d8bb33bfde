#include "schema/drivers/options.h"

#include "schema/codec/json.h"
#include "schema/codec/number.h"
#include "schema/codec/preset.h"
#include "schema/drivers/allow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_SIZE = 64 }; /* longer values are not quoted in messages */

/* ---- what an option accepts --------------------------------------------------------------------------- */

static const struct aq_option_reader *find_reader(const struct aq_driver *driver, const struct aq_field *field)
{
    for (const struct aq_option_reader *reader = driver->readers; reader != NULL && reader->option != NULL; reader++)
        if (strcmp(reader->option, field->name) == 0)
            return reader;
    return NULL;
}

static void describe_number(const struct aq_field *field, struct aq_buffer *out)
{
    if (field->unit != NULL && strcmp(field->unit, "bytes") == 0)
        aq_buffer_text(out, "a size such as 64KiB, or a number of bytes,");
    else if (field->unit != NULL && strcmp(field->unit, "ms") == 0)
        aq_buffer_text(out, "a duration such as 500ms or 5s, or a number of milliseconds,");
    else if (field->type == AQ_TYPE_DURATION)
        aq_buffer_text(out, "a duration such as 90s or 1h30m, or a number of seconds,");
    else
        aq_buffer_format(out, "a whole number%s%s", field->unit != NULL ? " of " : "",
                         field->unit != NULL ? field->unit : "");
    aq_buffer_format(out, " from %" PRIu64 " to %" PRIu64, field->least, field->most);
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

void aq_option_accepts(const struct aq_driver *driver, const struct aq_field *field, struct aq_buffer *out)
{
    const struct aq_option_reader *reader = find_reader(driver, field);
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

int aq_option_refuse(const struct aq_field *field, const json_t *value, const char *accepts, struct aq_error *error)
{
    char shown[SHOWN_SIZE];
    show_value(value, shown);
    return aq_fail(error, AQ_E_INVALID, "option \"%s\" is %s, but must be %s", field->name, shown, accepts);
}

static int refuse_type(const struct aq_field *field, const json_t *value, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer accepts = {0};
    describe_type(field, &accepts);
    return aq_option_refuse(field, value, aq_buffer_string(&accepts), error);
}

bool aq_option_is_text(const json_t *value)
{
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

const char *aq_option_scalar(const json_t *value, struct aq_arena *arena)
{
    if (json_is_string(value))
        return aq_option_is_text(value) ? json_string_value(value) : NULL;
    return json_is_number(value) || json_is_boolean(value) ? aq_json_compact(value, arena) : NULL;
}

int aq_option_read_text(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                        struct aq_error *error)
{
    if (!aq_option_is_text(value))
        return aq_option_refuse(field, value, "a text", error);
    const char *text = json_string_value(value);
    size_t length = strlen(text);
    bool lines = field->rules & AQ_LINES;
    if (length < field->least)
        return aq_fail(error, AQ_E_INVALID, "option \"%s\" must not be empty", field->name);
    if (length > field->most)
        return aq_fail(error, AQ_E_INVALID, "option \"%s\" has %zu bytes, but must be %s of at most %" PRIu64 " bytes",
                       field->name, length, lines ? "a text" : "one line", field->most);
    if (!lines && strchr(text, '\n') != NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "option \"%s\" has several lines, but must be one of at most %" PRIu64 " bytes", field->name,
                       field->most);
    *(const char **)AQ_AT(object, field) = aq_arena_text(arena, text, length);
    return 0;
}

/* The number in the option's own unit. A duration of 0.5 is rounded up, and 5.0 is whole. */
static bool find_number(const struct aq_field *field, const json_t *value, uint64_t *number)
{
    struct aq_error ignored;
    double real = json_number_value(value);
    if (aq_option_is_text(value))
        return aq_number_from_text(field, json_string_value(value), field->name, number, &ignored) == 0;
    if (!json_is_number(value) || real < 0 || real > (double)field->most)
        return false;
    *number = (uint64_t)real + (real > (double)(uint64_t)real);
    if (json_is_integer(value))
        *number = (uint64_t)json_integer_value(value);
    return json_is_integer(value) || field->type == AQ_TYPE_DURATION || real == (double)*number;
}

static int read_number(const struct aq_field *field, const json_t *value, void *object, struct aq_error *error)
{
    uint64_t number = 0;
    if (!find_number(field, value, &number) || number < field->least || number > field->most)
        return refuse_type(field, value, error);
    *(uint64_t *)AQ_AT(object, field) = number;
    return 0;
}

static int read_word(const struct aq_field *field, const json_t *value, void *object, struct aq_error *error)
{
    int word = aq_option_is_text(value) ? aq_words_find(field->words, json_string_value(value)) : -1;
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

static int read_option(const struct aq_driver *driver, const struct aq_field *field, const json_t *value, void *object,
                       struct aq_arena *arena, struct aq_error *error)
{
    const struct aq_option_reader *reader = find_reader(driver, field);
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
        return aq_option_read_text(field, value, object, arena, error);
    }
}

/* ---- all options -------------------------------------------------------------------------------------- */

static int check_names(const struct aq_driver *driver, const json_t *options, struct aq_error *error)
{
    const char *name;
    json_t *value;
    if (!json_is_object(options))
        return aq_fail(error, AQ_E_INVALID, "the options of driver %s must be an object", driver->name);
    json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
        if (aq_record_field(driver->options, name) != NULL)
            continue;
        AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
        for (size_t i = 0; i < driver->options->count; i++)
            aq_buffer_format(&known, "%s%s", i > 0 ? ", " : "", driver->options->fields[i].name);
        return aq_fail(error, AQ_E_INVALID, "option \"%.64s\" is unknown to driver %s, which knows: %s", name,
                       driver->name, aq_buffer_string(&known));
    }
    return 0;
}

static int fail_missing(const struct aq_driver *driver, const struct aq_field *field, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer accepts = {0};
    aq_option_accepts(driver, field, &accepts);
    return aq_fail(error, AQ_E_INVALID, "option \"%s\" is missing: give %s (%s)", field->name,
                   aq_buffer_string(&accepts), field->help);
}

int aq_options_read(const struct aq_driver *driver, const json_t *options, const void **out, struct aq_arena *arena,
                    struct aq_error *error)
{
    void *object = aq_arena_alloc(arena, driver->options->size);
    if (check_names(driver, options, error) != 0)
        return -1;
    aq_record_init(driver->options, object, arena);
    for (size_t i = 0; i < driver->options->count; i++) {
        const struct aq_field *field = &driver->options->fields[i];
        const json_t *value = json_object_get(options, field->name);
        if (value == NULL && (field->rules & AQ_REQUIRED))
            return fail_missing(driver, field, error);
        if (value != NULL && read_option(driver, field, value, object, arena, error) != 0)
            return -1;
    }
    *out = object;
    return 0;
}

void aq_options_demand(const struct aq_driver *driver, const json_t *options, struct aq_demand *demand,
                       struct aq_arena *arena)
{
    const void *object;
    struct aq_error ignored;
    *demand = (struct aq_demand){.user = "", .directory = "", .root = ""};
    if (driver->demand != NULL && aq_options_read(driver, options, &object, arena, &ignored) == 0)
        driver->demand(object, demand);
}

/* ---- the plain form ------------------------------------------------------------------------------------- */

/* Words of a program: the items of a list or an object. */
static json_t *plain_texts(const json_t *value)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    json_t *copy = json_copy((json_t *)(uintptr_t)value), *item;
    size_t index;
    const char *key;
    json_array_foreach (value, index, item)
        json_array_set_new(copy, index, json_string(aq_option_scalar(item, &arena)));
    json_object_foreach ((json_t *)(uintptr_t)value, key, item)
        json_object_set_new(copy, key, json_string(aq_option_scalar(item, &arena)));
    return copy;
}

json_t *aq_options_plain(const struct aq_driver *driver, const json_t *options)
{
    json_t *plain = json_copy((json_t *)(uintptr_t)options);
    for (size_t i = 0; i < driver->options->count; i++) {
        const struct aq_field *field = &driver->options->fields[i];
        const json_t *value = json_object_get(options, field->name);
        uint64_t number;
        if (value != NULL && field->type == AQ_TYPE_TEXTS)
            json_object_set_new(plain, field->name, plain_texts(value));
        else if (value != NULL && aq_field_is_number(field) && find_number(field, value, &number))
            json_object_set_new(plain, field->name, json_integer((json_int_t)number));
    }
    return plain;
}
