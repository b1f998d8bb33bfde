#include "tests/lib/openapi_check.h"

#include <stdio.h>
#include <string.h>

const json_t *openapi_resolve(const json_t *document, const json_t *schema)
{
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    char section[64], name[128];
    if (reference == NULL)
        return schema;
    if (sscanf(reference, "#/components/%63[a-zA-Z]/%127s", section, name) != 2)
        return NULL;
    return json_object_get(json_object_get(json_object_get(document, "components"), section), name);
}

static bool fail(struct aq_buffer *why, const char *path, const char *what, const char *detail)
{
    aq_buffer_format(why, "%s: %s%s\n", path, what, detail);
    return false;
}

/* ---- values ------------------------------------------------------------------------------------------------- */

static bool has_type(const char *type, const json_t *value)
{
    return strcmp(type, "object") == 0    ? json_is_object(value)
           : strcmp(type, "array") == 0   ? json_is_array(value)
           : strcmp(type, "string") == 0  ? json_is_string(value)
           : strcmp(type, "integer") == 0 ? json_is_integer(value)
           : strcmp(type, "number") == 0  ? json_is_number(value)
                                          : strcmp(type, "boolean") == 0 && json_is_boolean(value);
}

static bool is_one_of(const json_t *words, const json_t *value)
{
    size_t index;
    json_t *word;
    json_array_foreach (words, index, word)
        if (json_equal(word, value))
            return true;
    return false;
}

static bool members_conform(const json_t *document, const json_t *schema, const json_t *value, const char *path,
                            struct aq_buffer *why)
{
    const char *key;
    size_t index;
    json_t *item, *properties = json_object_get(schema, "properties");
    char inner[400];
    json_array_foreach (json_object_get(schema, "required"), index, item)
        if (json_object_get(value, json_string_value(item)) == NULL)
            return fail(why, path, "has no ", json_string_value(item));
    json_object_foreach ((json_t *)value, key, item) {
        const json_t *property = json_object_get(properties, key);
        snprintf(inner, sizeof inner, "%.300s.%.60s", path, key);
        if (property != NULL && !openapi_conforms(document, property, item, inner, why))
            return false;
        if (property == NULL && json_is_false(json_object_get(schema, "additionalProperties")))
            return fail(why, inner, "is not described", "");
    }
    json_array_foreach (value, index, item) {
        snprintf(inner, sizeof inner, "%.300s[%zu]", path, index);
        if (!openapi_conforms(document, json_object_get(schema, "items"), item, inner, why))
            return false;
    }
    return true;
}

/* Members that no part of an allOf describes. */
static bool parts_conform(const json_t *document, const json_t *schema, const json_t *value, const char *path,
                          struct aq_buffer *why)
{
    size_t index, one = 0, any = 0;
    json_t *part, *all = json_object_get(schema, "allOf"), *either = json_object_get(schema, "oneOf");
    json_t *some = json_object_get(schema, "anyOf");
    AQ_CLEANUP_BUFFER struct aq_buffer ignored = {0};
    json_array_foreach (all, index, part)
        if (!openapi_conforms(document, part, value, path, why))
            return false;
    json_array_foreach (either, index, part)
        one += openapi_conforms(document, part, value, path, &ignored);
    json_array_foreach (some, index, part)
        any += openapi_conforms(document, part, value, path, &ignored);
    if (either != NULL && one != 1)
        return fail(why, path, "is not one of oneOf: ", aq_buffer_string(&ignored));
    if (some != NULL && any == 0)
        return fail(why, path, "is none of anyOf: ", aq_buffer_string(&ignored));
    return true;
}

bool openapi_conforms(const json_t *document, const json_t *schema, const json_t *value, const char *path,
                      struct aq_buffer *why)
{
    schema = openapi_resolve(document, schema);
    if (schema == NULL)
        return fail(why, path, "has no schema", "");
    if (json_is_null(value))
        return json_is_true(json_object_get(schema, "nullable")) || fail(why, path, "is null", "");
    const char *type = json_string_value(json_object_get(schema, "type"));
    const json_t *words = json_object_get(schema, "enum");
    if (type != NULL && !has_type(type, value))
        return fail(why, path, "is no ", type);
    if (words != NULL && !is_one_of(words, value))
        return fail(why, path, "is none of its words", "");
    return members_conform(document, schema, value, path, why) && parts_conform(document, schema, value, path, why);
}

/* ---- schemas ------------------------------------------------------------------------------------------------ */

static bool parts_are_sound(const json_t *document, const json_t *schema, const char *path, struct aq_buffer *why)
{
    static const char *const lists[] = {"allOf", "oneOf", "anyOf"};
    const char *key;
    size_t index;
    json_t *part;
    char inner[400];
    json_object_foreach (json_object_get(schema, "properties"), key, part) {
        snprintf(inner, sizeof inner, "%.300s.%.60s", path, key);
        if (!openapi_schema_is_sound(document, part, inner, why))
            return false;
    }
    for (size_t i = 0; i < AQ_LENGTH(lists); i++)
        json_array_foreach (json_object_get(schema, lists[i]), index, part) {
            snprintf(inner, sizeof inner, "%.300s.%s[%zu]", path, lists[i], index);
            if (!openapi_schema_is_sound(document, part, inner, why))
                return false;
        }
    part = json_object_get(schema, "items");
    snprintf(inner, sizeof inner, "%.300s[]", path);
    return part == NULL || openapi_schema_is_sound(document, part, inner, why);
}

bool openapi_schema_is_sound(const json_t *document, const json_t *schema, const char *path, struct aq_buffer *why)
{
    size_t index;
    json_t *name;
    if (!json_is_object(schema))
        return fail(why, path, "is no schema", "");
    if (json_object_get(schema, "$ref") != NULL)
        return openapi_resolve(document, schema) != NULL || fail(why, path, "refers to nothing", "");
    const char *type = json_string_value(json_object_get(schema, "type"));
    const json_t *least = json_object_get(schema, "minimum"), *most = json_object_get(schema, "maximum");
    if (type == NULL && json_object_get(schema, "allOf") == NULL && json_object_get(schema, "oneOf") == NULL &&
        json_object_get(schema, "anyOf") == NULL)
        return fail(why, path, "has no type", "");
    if (json_object_get(schema, "nullable") != NULL && type == NULL)
        return fail(why, path, "is nullable without a type", "");
    if (type != NULL && strcmp(type, "array") == 0 && json_object_get(schema, "items") == NULL)
        return fail(why, path, "is an array of nothing", "");
    if (least != NULL && most != NULL && json_number_value(least) > json_number_value(most))
        return fail(why, path, "has a minimum above its maximum", "");
    json_array_foreach (json_object_get(schema, "required"), index, name)
        if (json_object_get(json_object_get(schema, "properties"), json_string_value(name)) == NULL)
            return fail(why, path, "requires what it does not have: ", json_string_value(name));
    return parts_are_sound(document, schema, path, why);
}
