#include "schema/codec/json.h"

#include "schema/codec/check.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"

#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct aq_yaml_places *where;
    struct aq_arena *arena;
    struct aq_error *error;
    const json_t *parent; /* of the value being read */
    const char *key;      /* in parent; NULL: index */
    size_t index;
};

static int read_record(struct reading *in, const struct aq_record *record, void *object, const json_t *json,
                       const char *path);

/* Prepends the place of the value to the error, if it is known. Returns -1. */
static int fail_at_place(const struct reading *in)
{
    unsigned line, column;
    if (in->where != NULL && in->parent != NULL &&
        aq_yaml_place(in->where, in->parent, in->key, in->index, &line, &column)) {
        struct aq_error copy = *in->error;
        aq_fail(in->error, copy.code, "%u:%u: %.480s", line, column, copy.message);
    }
    return -1;
}

static const char *name_of_kind(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "true or false";
    }
}

static const char *name_of_type(const struct aq_field *field)
{
    switch (aq_type_of_some(field->type)) {
    case AQ_TYPE_U64:
        return "a whole number";
    case AQ_TYPE_BOOL:
        return "true or false";
    case AQ_TYPE_TIME:
        return "a time such as \"2026-11-20T22:57:13Z\"";
    case AQ_TYPE_DURATION:
        return "a number of seconds, or a text such as \"1h30m\"";
    case AQ_TYPE_CPU:
        return "a number of cores such as 2 or 0.5";
    case AQ_TYPE_SIZE:
        return "a size such as \"512MiB\", or a number of GiB";
    case AQ_TYPE_DOCUMENT:
    case AQ_TYPE_RECORD:
        return "an object";
    case AQ_TYPE_LIST:
        return "a list of objects";
    case AQ_TYPE_TEXTS:
        return "a list of texts";
    case AQ_TYPE_BYTES:
        return "a text in base64";
    default:
        return "a text";
    }
}

static int fail_type(const struct reading *in, const struct aq_field *field, const json_t *json, const char *path)
{
    /* 22.04 and true are no texts in YAML, either. */
    bool unquoted =
        (field->type == AQ_TYPE_TEXT || field->type == AQ_TYPE_NAME) && (json_is_number(json) || json_is_boolean(json));
    aq_fail(in->error, AQ_E_INVALID, "%s is %s, but must be %s%s", path, name_of_kind(json), name_of_type(field),
            unquoted ? ": put it in quotes" : "");
    return fail_at_place(in);
}

static bool takes_fraction(const struct aq_field *field)
{
    const enum aq_type type = aq_type_of_some(field->type);
    return type == AQ_TYPE_CPU || type == AQ_TYPE_SIZE || type == AQ_TYPE_DURATION;
}

/* Nine digits hide that binary fractions such as 0.1 are not exact. What is less than these is not nothing. */
static void put_real(double number, char *text, size_t size)
{
    snprintf(text, size, number == (double)(uint64_t)number ? "%.0f" : "%.9f", number == 0 ? 0.0 : number);
    if (number > 0 && text[strspn(text, "0.")] == '\0')
        snprintf(text, size, "0.000000001");
}

#define REAL_MAX 1e15 /* whole numbers up to it are exact */

/* 5.0 and 5e0 are whole numbers in JSON, as some libraries write them. */
static bool takes_real(const struct aq_field *field, const json_t *json)
{
    double number = json_real_value(json);
    return json_is_real(json) && number >= 0 && number <= REAL_MAX &&
           (takes_fraction(field) || number == (double)(uint64_t)number);
}

static int read_number(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                       const char *path)
{
    char text[64];
    if (json_is_integer(json) && json_integer_value(json) >= 0) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    } else if (takes_real(field, json)) {
        put_real(json_real_value(json), text, sizeof text);
    } else if (json_is_number(json) && json_number_value(json) > REAL_MAX) {
        AQ_CLEANUP_BUFFER struct aq_buffer most = {0};
        aq_number_to_text(field, field->most, &most);
        aq_fail(in->error, AQ_E_INVALID, "%s is %.15g, more than %s", path, json_number_value(json),
                aq_buffer_string(&most));
        return fail_at_place(in);
    } else if (json_is_number(json)) {
        aq_fail(in->error, AQ_E_INVALID, "%s is %.15g, but must be %s", path, json_number_value(json),
                json_number_value(json) < 0 ? "0 or more" : name_of_type(field));
        return fail_at_place(in);
    } else {
        return fail_type(in, field, json, path);
    }
    return aq_field_from_text(field, object, text, path, in->arena, in->error) == 0 ? 0 : fail_at_place(in);
}

/* A row that is called by its number: label: 7. */
static int read_digits(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                       const char *path)
{
    char text[32];
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    return aq_field_from_text(field, object, text, path, in->arena, in->error) == 0 ? 0 : fail_at_place(in);
}

static int read_texts(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                      const char *path)
{
    struct aq_list *list = AQ_AT(object, field);
    list->count = (uint32_t)json_array_size(json);
    list->items = aq_arena_alloc(in->arena, list->count * sizeof(char *));
    for (uint32_t i = 0; i < list->count; i++) {
        const json_t *item = json_array_get(json, i);
        const char *text = json_string_value(item);
        if (text == NULL || strlen(text) != json_string_length(item)) {
            aq_fail(in->error, AQ_E_INVALID, "%s[%u] is %s, but must be a text without NUL", path, i,
                    name_of_kind(item));
            return fail_at_place(in);
        }
        AQ_TEXT_ITEM(*list, i) = aq_arena_text(in->arena, text, strlen(text));
    }
    return aq_field_check_typed(field, object, path, in->error) == 0 ? 0 : fail_at_place(in);
}

static int read_list(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                     const char *path)
{
    struct aq_list *list = AQ_AT(object, field);
    size_t count = json_array_size(json);
    if (count > field->most) {
        aq_fail(in->error, AQ_E_INVALID, "%s has %zu items, more than %" PRIu64, path, count, field->most);
        return fail_at_place(in);
    }
    list->count = (uint32_t)count;
    list->items = aq_arena_alloc(in->arena, count * field->record->size);
    for (size_t i = 0; i < count; i++) {
        char item_path[200];
        snprintf(item_path, sizeof item_path, "%s[%zu]", path, i);
        struct reading item = *in;
        item.parent = json;
        item.key = NULL;
        item.index = i;
        if (read_record(&item, field->record, (char *)list->items + i * field->record->size, json_array_get(json, i),
                        item_path) != 0)
            return -1;
    }
    return aq_field_check_typed(field, object, path, in->error) == 0 ? 0 : fail_at_place(in);
}

static int read_text(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                     const char *path)
{
    const char *text = json_string_value(json);
    if (strlen(text) != json_string_length(json)) {
        aq_fail(in->error, AQ_E_INVALID, "%s contains a NUL byte", path);
        return fail_at_place(in);
    }
    return aq_field_from_text(field, object, text, path, in->arena, in->error) == 0 ? 0 : fail_at_place(in);
}

static int read_bytes(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                      const char *path)
{
    struct aq_bytes *bytes = AQ_AT(object, field);
    size_t length = json_string_length(json);
    unsigned char *data = aq_arena_alloc(in->arena, length / 4 * 3 + 3);
    if (sodium_base642bin(data, length / 4 * 3 + 3, json_string_value(json), length, NULL, &bytes->length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        aq_fail(in->error, AQ_E_INVALID, "%s is not valid base64", path);
        return fail_at_place(in);
    }
    bytes->data = data;
    return aq_field_check_typed(field, object, path, in->error) == 0 ? 0 : fail_at_place(in);
}

static int read_field(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                      const char *path);

/* Reads a record or a list that was given as a text, as in a line of field=value words. */
static int read_nested(struct reading *in, const struct aq_field *field, void *object, const json_t *text,
                       const char *path)
{
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(json_string_value(text), json_string_length(text), in->error);
    if (json == NULL) {
        aq_error_context(in->error, "%s", path);
        return fail_at_place(in);
    }
    struct reading inner = *in;
    inner.where = NULL; /* places are known for the outer document only */
    return json_is_string(json) ? fail_type(in, field, text, path) : read_field(&inner, field, object, json, path);
}

static int read_field(struct reading *in, const struct aq_field *field, void *object, const json_t *json,
                      const char *path)
{
    if (json_is_string(json) && (field->type == AQ_TYPE_RECORD || field->type == AQ_TYPE_LIST) &&
        strchr("[{", json_string_value(json)[0]) != NULL && json_string_length(json) > 0)
        return read_nested(in, field, object, json, path);
    if (field->type == AQ_TYPE_RECORD)
        return read_record(in, field->record, AQ_AT(object, field), json, path);
    if (field->type == AQ_TYPE_LIST && json_is_array(json))
        return read_list(in, field, object, json, path);
    if (field->type == AQ_TYPE_TEXTS && json_is_array(json))
        return read_texts(in, field, object, json, path);
    if (field->type == AQ_TYPE_DOCUMENT && json_is_object(json)) {
        *(const char **)AQ_AT(object, field) = aq_json_compact(json, in->arena);
        return aq_field_check_typed(field, object, path, in->error) == 0 ? 0 : fail_at_place(in);
    }
    if (field->type == AQ_TYPE_BOOL && json_is_boolean(json)) {
        *(bool *)AQ_AT(object, field) = json_is_true(json);
        return 0;
    }
    if (json_is_string(json) && field->type == AQ_TYPE_BYTES)
        return read_bytes(in, field, object, json, path);
    if (json_is_string(json) && field->type != AQ_TYPE_LIST)
        return read_text(in, field, object, json, path);
    if (aq_field_is_reference(field) && json_is_integer(json))
        return read_digits(in, field, object, json, path);
    if (aq_field_is_number(field))
        return read_number(in, field, object, json, path);
    return fail_type(in, field, json, path);
}

/* What to do instead of a setting that is gone; NULL: it never was one. */
static const char *find_gone(const struct aq_record *record, const char *key)
{
    for (const char *const *gone = record->gone; gone != NULL && *gone != NULL; gone += 2)
        if (strcmp(gone[0], key) == 0)
            return gone[1];
    return NULL;
}

static int fail_unknown_field(const struct reading *in, const struct aq_record *record, const char *prefix,
                              const char *key)
{
    const char *near = NULL, *instead = find_gone(record, key);
    unsigned best = 3;
    if (instead != NULL) {
        aq_fail(in->error, AQ_E_INVALID, "%s%s%s is gone: %s", prefix, *prefix ? "." : "", key, instead);
        return fail_at_place(in);
    }
    AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->rules & AQ_INTERNAL)
            continue;
        aq_buffer_format(&known, "%s%s", known.length ? ", " : "", field->name);
        unsigned d = aq_text_distance(key, field->name);
        if (d < best) {
            best = d;
            near = field->name;
        }
    }
    if (near != NULL)
        aq_fail(in->error, AQ_E_INVALID, "%s%s%.64s is not known; did you mean %s?", prefix, *prefix ? "." : "", key,
                near);
    else
        aq_fail(in->error, AQ_E_INVALID, "%s%s%.64s is not known; known fields: %s", prefix, *prefix ? "." : "", key,
                known.length ? known.data : "none");
    return fail_at_place(in);
}

static int read_record(struct reading *in, const struct aq_record *record, void *object, const json_t *json,
                       const char *path)
{
    bool given[64] = {false};
    const char *key;
    json_t *value;
    aq_assert(record->count <= AQ_LENGTH(given));
    aq_record_init(record, object, in->arena);
    if (!json_is_object(json)) {
        aq_fail(in->error, AQ_E_INVALID, "%s is %s, but must be an object", *path ? path : record->name,
                name_of_kind(json));
        return fail_at_place(in);
    }
    json_object_foreach ((json_t *)json, key, value) {
        struct reading member = *in;
        member.parent = json;
        member.key = key;
        const struct aq_field *field = aq_record_field(record, key);
        if (field == NULL || (field->rules & AQ_INTERNAL))
            return fail_unknown_field(&member, record, path, key);
        if (json_is_null(value))
            continue; /* the same as not given */
        char member_path[200];
        snprintf(member_path, sizeof member_path, "%s%s%s", path, *path ? "." : "", key);
        if (read_field(&member, field, object, value, member_path) != 0)
            return -1;
        if ((field->rules & AQ_NARROWS) && ((const struct aq_list *)AQ_AT(object, field))->count == 0) {
            aq_fail(in->error, AQ_E_INVALID, "%s is empty, which would permit nothing: name something, or leave it out",
                    member_path);
            return fail_at_place(&member);
        }
        given[field - record->fields] = true;
    }
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if ((field->rules & AQ_REQUIRED) && !given[i]) {
            aq_fail(in->error, AQ_E_INVALID, "%s%s%s is missing: %s", path, *path ? "." : "", field->name, field->help);
            return fail_at_place(in);
        }
    }
    return 0;
}

int aq_record_from_json(const struct aq_record *record, void *object, const json_t *json,
                        const struct aq_yaml_places *where, struct aq_arena *arena, struct aq_error *error)
{
    struct reading in = {.where = where, .arena = arena, .error = error};
    return read_record(&in, record, object, json, "");
}
