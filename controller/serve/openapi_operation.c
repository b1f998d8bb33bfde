/* The parts of one operation. */
#include "controller/serve/openapi.h"

#include "schema/codec/entry.h"

#include <stdio.h>
#include <string.h>

/* ---- schemas ------------------------------------------------------------------------------------------------ */

json_t *openapi_type(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

json_t *openapi_list(json_t *items)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

json_t *openapi_envelope(json_t *data, json_t *next)
{
    json_t *schema = json_pack("{s:s, s:[s, s, s], s:{s:{s:s}, s:o, s:{s:s, s:s}}}", "type", "object", "required",
                               "message", "data", "seq", "properties", "message", "type", "string", "data", data, "seq",
                               "type", "integer", "description", "the last event that the answer includes");
    aq_assert(schema != NULL);
    if (next == NULL)
        return schema;
    json_object_set_new(next, "nullable", json_true());
    openapi_envelope_add(schema, "next", "the value of after= for the next page; null: this is the last", next);
    json_array_append_new(json_object_get(schema, "required"), json_string("next"));
    return schema;
}

void openapi_envelope_add(json_t *envelope, const char *name, const char *help, json_t *schema)
{
    json_object_set_new(schema, "description", json_string(help));
    json_object_set_new(json_object_get(envelope, "properties"), name, schema);
}

json_t *openapi_error(void)
{
    json_t *names = json_array();
    for (int code = AQ_OK + 1; code < AQ_E_COUNT; code++)
        json_array_append_new(names, json_string(aq_error_name((enum aq_error_code)code)));
    json_t *schema =
        json_pack("{s:s, s:[s, s, s, s], s:{s:{s:s}, s:{s:s, s:b}, s:{s:s, s:o}, s:{s:s}}}", "type", "object",
                  "required", "message", "data", "error", "seq", "properties", "message", "type", "string", "data",
                  "type", "object", "nullable", 1, "error", "type", "string", "enum", names, "seq", "type", "integer");
    return json_pack("{s:s, s:{s:{s:o}}}", "description", "what is wrong, and what would be right", "content",
                     "application/json", "schema", schema);
}

/* ---- parameters --------------------------------------------------------------------------------------------- */

void openapi_add_parameter(json_t *operation, const char *where, const char *name, const char *help, json_t *schema)
{
    json_t *parameter = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "in", where, "required",
                                  strcmp(where, "path") == 0, "description", help, "schema", schema);
    aq_assert(parameter != NULL);
    json_array_append_new(json_object_get(operation, "parameters"), parameter);
}

static void add_query_parameter(void *context, const char *name, const struct aq_field *field, bool filters)
{
    json_t *operation = context, *unused = json_object();
    const char *help = field->help;
    if (filters && strcmp(name, field->name) == 0)
        help = "only rows with this value, or with one of several, separated by commas; * and ? are wildcards";
    else if (filters && strchr(name, '!') != NULL)
        help = "only rows with none of these values";
    else if (filters)
        help = "only rows with this time or a later one; or how long ago, such as 5m";
    json_t *schema = filters ? openapi_type("string") : openapi_field(field, false, unused);
    json_object_del(schema, "nullable");
    json_object_del(schema, "description");
    openapi_add_parameter(operation, "query", name, help, schema);
    json_decref(unused);
}

/* A row of an entity with groups goes by other texts, too. */
static void add_key_parameter(const struct aq_entity *entity, json_t *operation)
{
    const struct aq_field *key = aq_entity_key(entity);
    json_t *unused = json_object(), *schema = openapi_field(key, true, unused);
    char help[160];
    snprintf(help, sizeof help, "%s", key->help);
    json_decref(unused);
    if (entity->group != NULL) {
        snprintf(help, sizeof help, "%s; or its %s, for the latest; or %s:%s", key->help, entity->group, entity->group,
                 entity->member);
        schema = json_pack("{s:[o, {s:s}]}", "oneOf", schema, "type", "string");
    }
    openapi_add_parameter(operation, "path", key->name, help, schema);
}

static void add_headers(const struct openapi_operation *of, json_t *operation)
{
    if (!of->writes && of->access >= ACCESS_USER)
        openapi_add_parameter(operation, "header", "X-Aquarium-Seq", "the same as min_seq", openapi_type("integer"));
    if (!of->writes)
        return;
    openapi_add_parameter(
        operation, "header", "Idempotency-Key", "requests with the same key are carried out once",
        json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1, "maxLength", (int)AQ_KEY_SIZE_MAX));
    openapi_add_parameter(operation, "header", "Prefer",
                          "return=minimal: answer only with the keys of what was written", openapi_type("string"));
}

/* ---- answers ------------------------------------------------------------------------------------------------ */

/* Is this an answer that the operation can get? */
static bool may_fail_with(const struct openapi_operation *of, enum aq_error_code code)
{
    switch (code) {
    case AQ_E_UNAUTHENTICATED:
    case AQ_E_FORBIDDEN:
        return of->access >= ACCESS_USER;
    case AQ_E_METHOD: /* of another operation at this path */
        return false;
    case AQ_E_EXISTS:
    case AQ_E_STATE:
    case AQ_E_TOO_LARGE:
    case AQ_E_KEY_REUSED:
    case AQ_E_LIMIT:
    case AQ_E_NO_LEADER:
    case AQ_E_UNKNOWN:
    case AQ_E_NO_SPACE:
        return of->writes || of->acts;
    default:
        return true;
    }
}

static json_t *make_answers(const struct openapi_operation *of)
{
    static const char reference[] = "#/components/responses/error";
    json_t *answers = json_pack("{s:{s:s, s:{s:{s:o}}}, s:{s:s}}", "200", "description", "done", "content", of->type,
                                "schema", of->schema, "default", "$ref", reference);
    aq_assert(answers != NULL);
    for (int code = AQ_OK + 1; code < AQ_E_COUNT; code++) {
        char status[8];
        snprintf(status, sizeof status, "%d", aq_error_http((enum aq_error_code)code));
        if (may_fail_with(of, (enum aq_error_code)code))
            json_object_set_new(answers, status, json_pack("{s:s}", "$ref", reference));
    }
    return answers;
}

json_t *openapi_operation(const struct openapi_operation *of)
{
    json_t *operation = json_pack("{s:s, s:s, s:[s], s:[], s:o}", "operationId", of->id, "summary", of->summary, "tags",
                                  of->tag, "parameters", "responses", make_answers(of));
    aq_assert(operation != NULL);
    if (of->access == ACCESS_OPEN)
        json_object_set_new(operation, "security", json_array());
    else if (of->access == ACCESS_LOOPBACK) /* without a login from this host */
        json_object_set_new(operation, "security", json_pack("[{}, {s:[]}, {s:[]}]", "basic", "bearer"));
    if (of->permission != NULL)
        json_object_set_new(operation, "x-permission", json_string(of->permission->name));
    if (of->row != NULL)
        add_key_parameter(of->row, operation);
    query_form_visit(&of->form, add_query_parameter, operation);
    add_headers(of, operation);
    return operation;
}
