#include "controller/serve/openapi.h"

#include "schema/model/secret.h"

#include <string.h>

static json_t *schema_reference(const char *name)
{
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", name);
}

/* With the bounds of the field, times `scale`: in the unit of the value in JSON. */
static json_t *number_schema(const char *type, const struct aq_field *field, double scale)
{
    json_t *schema = json_pack("{s:s}", "type", type);
    if (field->most == 0)
        return schema;
    if (scale == 1.0 && field->most <= INT64_MAX) {
        json_object_set_new(schema, "minimum", json_integer((json_int_t)field->least));
        json_object_set_new(schema, "maximum", json_integer((json_int_t)field->most));
    } else {
        json_object_set_new(schema, "minimum", json_real((double)field->least * scale));
        json_object_set_new(schema, "maximum", json_real((double)field->most * scale));
    }
    return schema;
}

static json_t *text_schema(const struct aq_field *field, const char *format, const char *pattern)
{
    json_t *schema = json_pack("{s:s, s:s*, s:s*}", "type", "string", "format", format, "pattern", pattern);
    if (field->most > 0 && format == NULL) {
        json_object_set_new(schema, "minLength", json_integer((json_int_t)field->least));
        json_object_set_new(schema, "maxLength", json_integer((json_int_t)field->most));
    }
    return schema;
}

static json_t *enum_schema(const struct aq_words *words)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < words->count; i++)
        json_array_append_new(list, json_string(words->words[i]));
    return json_pack("{s:s, s:o}", "type", "string", "enum", list);
}

static json_t *list_schema(const struct aq_field *field, json_t *items)
{
    const json_int_t least = field->rules & AQ_NARROWS ? 1 : (json_int_t)field->least;
    return json_pack("{s:s, s:o, s:I, s:I}", "type", "array", "items", items, "minItems", least, "maxItems",
                     (json_int_t)field->most);
}

/* A number or a text: both may be sent. */
static json_t *number_or_text_schema(const struct aq_field *field, const char *number, const char *pattern)
{
    return json_pack("{s:[o, o]}", "oneOf", number_schema(number, field, 1.0),
                     text_schema(&(struct aq_field){0}, NULL, pattern));
}

static json_t *typed_schema(const struct aq_field *field, bool input, json_t *schemas)
{
    static const char size_pattern[] = "^[0-9]+(\\.[0-9]+)?[KMGT]?(i?B)?$";
    static const char duration_pattern[] = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$";
    switch (aq_type_of_some(field->type)) {
    case AQ_TYPE_U64:
        return number_schema("integer", field, 1.0);
    case AQ_TYPE_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case AQ_TYPE_TIME:
        return text_schema(field, "date-time", NULL);
    case AQ_TYPE_DURATION:
        return input ? number_or_text_schema(field, "integer", duration_pattern) : number_schema("integer", field, 1.0);
    case AQ_TYPE_CPU:
        return number_schema("number", field, 0.001);
    case AQ_TYPE_SIZE:
        return input ? json_pack("{s:[{s:s}, o]}", "oneOf", "type", "number",
                                 text_schema(&(struct aq_field){0}, NULL, size_pattern))
                     : text_schema(&(struct aq_field){0}, NULL, size_pattern);
    case AQ_TYPE_ENUM:
        return enum_schema(field->words);
    case AQ_TYPE_TEXT:
        if (input && aq_field_is_reference(field)) /* a row that goes by its number, too */
            return json_pack("{s:[{s:s}, o]}", "oneOf", "type", "integer", text_schema(field, NULL, NULL));
        return text_schema(field, NULL, NULL);
    case AQ_TYPE_NAME:
        return text_schema(field, NULL, "^[A-Za-z0-9][A-Za-z0-9._-]*$");
    case AQ_TYPE_DOCUMENT:
        return json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 1);
    case AQ_TYPE_BYTES:
        return text_schema(field, "byte", NULL);
    case AQ_TYPE_TEXTS:
        return list_schema(field, json_pack("{s:s, s:i}", "type", "string", "maxLength",
                                            field->rules & AQ_ARGUMENTS ? AQ_ARGUMENTS_ITEM_MAX : AQ_TEXTS_ITEM_MAX));
    case AQ_TYPE_RECORD:
        return json_pack("{s:[o]}", "allOf", openapi_record(field->record, input, schemas));
    case AQ_TYPE_LIST:
        return list_schema(field, openapi_record(field->record, input, schemas));
    case AQ_TYPE_U64_OR_NONE:
    case AQ_TYPE_CPU_OR_NONE:
    case AQ_TYPE_SIZE_OR_NONE:
        break;
    }
    aq_broken(__FILE__, __LINE__, "a field type without a schema");
}

/* A secret goes in as it is. What comes out tells no more than whether there is one. */
static json_t *secret_schema(const struct aq_field *field, bool input)
{
    if (!input)
        return json_pack("{s:s, s:[s, s], s:b, s:o}", "type", "string", "enum", "", AQ_SECRET_MARK, "readOnly", 1,
                         "description", json_sprintf("%s: a secret, which is shown as " AQ_SECRET_MARK, field->help));
    json_t *schema = text_schema(field, NULL, NULL);
    json_object_set_new(schema, "format", json_string("password"));
    json_object_set_new(schema, "writeOnly", json_true());
    json_object_set_new(schema, "description",
                        json_sprintf("%s: a secret, which is shown as " AQ_SECRET_MARK " to everybody", field->help));
    return schema;
}

json_t *openapi_field(const struct aq_field *field, bool input, json_t *schemas)
{
    if (field->rules & AQ_SEALED)
        return secret_schema(field, input);
    json_t *schema = typed_schema(field, input, schemas);
    aq_assert(schema != NULL);
    json_object_set_new(schema, "description",
                        field->unit != NULL && field->unit[0] != '\0'
                            ? json_sprintf("%s, in %s", field->help, field->unit)
                            : json_string(field->help));
    if (!input && (field->refers != NULL || field->type == AQ_TYPE_TIME || aq_type_may_be_none(field->type)))
        json_object_set_new(schema, "nullable", json_true());
    return schema;
}

json_t *openapi_record(const struct aq_record *record, bool input, json_t *schemas)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", record->name, input ? "_input" : "");
    if (json_object_get(schemas, name) != NULL)
        return schema_reference(name);
    json_t *properties = json_object(), *required = json_array();
    json_t *schema =
        json_pack("{s:s, s:s, s:o}", "type", "object", "description", record->help, "properties", properties);
    json_object_set_new(schemas, name, schema); /* before its fields, which may refer to the same record */
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->rules & (input ? AQ_INTERNAL : AQ_SECRET))
            continue;
        json_object_set_new(properties, field->name, openapi_field(field, input, schemas));
        if (!input || (field->rules & AQ_REQUIRED)) /* answers have all fields */
            json_array_append_new(required, json_string(field->name));
    }
    if (input)
        json_object_set_new(schema, "additionalProperties", json_false());
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    return schema_reference(name);
}
