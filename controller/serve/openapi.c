#include "controller/serve/openapi.h"

#include "controller/serve/answer.h"
#include "controller/serve/filter.h"
#include "controller/serve/steps.h"
#include "schema/codec/command.h"
#include "schema/codec/entry.h"
#include "schema/model/application.h"

#include <stdlib.h>
#include <string.h>

struct builder {
    const struct routes *routes;
    json_t *paths, *schemas;
};

/* ---- parts of an operation -------------------------------------------------------------------------------- */

static json_t *make_parameter(const char *where, const char *name, const char *help, json_t *schema)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "in", where, "required", strcmp(where, "path") == 0,
                     "description", help, "schema", schema);
}

static json_t *integer_schema(uint64_t least, uint64_t most)
{
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)least, "maximum",
                     (json_int_t)(most < INT64_MAX ? most : INT64_MAX));
}

static json_t *simple_schema(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

/* {"message", "data": <schema>, "seq"}, and "next" with lists. */
static json_t *envelope(json_t *data, bool list)
{
    json_t *schema = json_pack("{s:s, s:[s, s, s], s:{s:{s:s}, s:o, s:{s:s, s:s}}}", "type", "object", "required",
                               "message", "data", "seq", "properties", "message", "type", "string", "data", data, "seq",
                               "type", "integer", "description", "the last event that the answer includes");
    if (list)
        json_object_set_new(json_object_get(schema, "properties"), "next",
                            json_pack("{s:b, s:s, s:[{s:s}, {s:s}]}", "nullable", 1, "description",
                                      "the value of after= for the next page; null: this is the last", "oneOf", "type",
                                      "integer", "type", "string"));
    return schema;
}

static json_t *make_operation(const char *summary, const char *tag, const char *type, json_t *schema, bool open)
{
    json_t *operation = json_pack("{s:s, s:[s], s:[], s:{s:{s:s, s:{s:{s:o}}}, s:{s:s}}}", "summary", summary, "tags",
                                  tag, "parameters", "responses", "200", "description", "done", "content", type,
                                  "schema", schema, "default", "$ref", "#/components/responses/error");
    aq_assert(operation != NULL);
    if (open)
        json_object_set_new(operation, "security", json_array());
    return operation;
}

static void add_parameter(json_t *operation, json_t *parameter)
{
    json_array_append_new(json_object_get(operation, "parameters"), parameter);
}

static void add_seq_parameter(json_t *operation)
{
    add_parameter(operation, make_parameter("query", "min_seq", "wait until the tables show this seq, for 5 s at most",
                                            integer_schema(0, UINT64_MAX)));
}

static void add_path_operation(struct builder *builder, const char *path, const char *method, json_t *operation)
{
    json_t *item = json_object_get(builder->paths, path);
    if (item == NULL) {
        item = json_object();
        json_object_set_new(builder->paths, path, item);
    }
    aq_assert(json_object_get(item, method) == NULL);
    json_object_set_new(item, method, operation);
}

static void add_key_parameter(const struct aq_entity *entity, json_t *operation)
{
    const struct aq_field *key = aq_entity_key(entity);
    json_t *ignored = json_object();
    add_parameter(operation, make_parameter("path", key->name, key->help, openapi_field(key, true, ignored)));
    json_decref(ignored);
}

/* ---- reads ------------------------------------------------------------------------------------------------ */

static void add_filter_parameters(json_t *operation, const struct aq_field *field)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const char *since = filter_since_name(field, &arena), *opposite = aq_arena_format(&arena, "%s!", field->name);
    add_parameter(operation, make_parameter("query", field->name,
                                            "only rows with this value, or with one of several, separated by commas; "
                                            "* and ? are wildcards",
                                            simple_schema("string")));
    add_parameter(operation,
                  make_parameter("query", opposite, "only rows with none of these values", simple_schema("string")));
    if (since != NULL)
        add_parameter(operation, make_parameter("query", since,
                                                "only rows with this time or a later one; or how long ago, such as 5m",
                                                simple_schema("string")));
}

static void add_list_parameters(json_t *operation, const struct aq_record *record)
{
    add_parameter(operation,
                  make_parameter("query", "limit", "maximum number of rows", integer_schema(1, LIST_LIMIT_MAX)));
    add_parameter(operation, make_parameter("query", "after", "continue after this key", simple_schema("string")));
    add_parameter(operation, make_parameter("query", "reverse", "last row first", simple_schema("boolean")));
    for (size_t i = 0; i < record->count; i++)
        if (!(record->fields[i].rules & AQ_SECRET))
            add_filter_parameters(operation, &record->fields[i]);
    add_seq_parameter(operation);
}

/* A row as it is answered: with its live values. */
static json_t *row_of(struct builder *builder, const struct aq_entity *entity)
{
    json_t *row = openapi_record(entity->record, false, builder->schemas);
    if (entity->live == NULL)
        return row;
    json_t *live =
        json_pack("{s:b, s:s, s:[o]}", "nullable", 1, "description", "the values reported last; null: none yet",
                  "allOf", openapi_record(entity->live, false, builder->schemas));
    return json_pack("{s:[o, {s:s, s:{s:o}}]}", "allOf", row, "type", "object", "properties", "live", live);
}

static void add_list(struct builder *builder, const struct aq_entity *entity)
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/%s/", entity->name);
    json_t *rows = json_pack("{s:s, s:o}", "type", "array", "items", row_of(builder, entity));
    json_t *get = make_operation("list", entity->name, "application/json", envelope(rows, true), false);
    add_list_parameters(get, entity->record);
    add_path_operation(builder, path, "get", get);
}

static void add_row(struct builder *builder, const struct aq_entity *entity)
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/%s/{%s}", entity->name, aq_entity_key(entity)->name);
    json_t *get =
        make_operation("one row", entity->name, "application/json", envelope(row_of(builder, entity), false), false);
    add_key_parameter(entity, get);
    add_seq_parameter(get);
    add_path_operation(builder, path, "get", get);
}

static void add_field(struct builder *builder, const struct aq_entity *entity, const struct aq_field *field)
{
    char path[192];
    const struct aq_entity *other = field->refers;
    snprintf(path, sizeof path, "/api/v1/%s/{%s}/%s", entity->name, aq_entity_key(entity)->name, field->name);
    json_t *data = other != NULL ? openapi_record(other->record, false, builder->schemas)
                                 : openapi_field(field, false, builder->schemas);
    json_t *get = make_operation(field->help, entity->name, "application/json", envelope(data, false), false);
    add_key_parameter(entity, get);
    add_seq_parameter(get);
    add_path_operation(builder, path, "get", get);
}

static void add_view(struct builder *builder, const struct aq_view *view)
{
    const struct aq_entity *entity = view->entity;
    char path[192], help[256];
    snprintf(path, sizeof path, "/api/v1/%s/{%s}/%s", entity->name, aq_entity_key(entity)->name, view->name);
    snprintf(help, sizeof help, "%s%s", view->help, builder->routes->renderers[view->kind].parameters);
    json_t *get = make_operation(help, entity->name, "application/json", envelope(json_object(), false), false);
    add_key_parameter(entity, get);
    add_path_operation(builder, path, "get", get);
}

/* ---- commands --------------------------------------------------------------------------------------------- */

/* The command's record, without the key if the path names the row. */
static json_t *request_body(struct builder *builder, const struct aq_command *command)
{
    json_t *record = openapi_record(command->record, true, builder->schemas);
    if (command->kind == AQ_CREATES) {
        json_t *list = json_pack("{s:s, s:O, s:i, s:i}", "type", "array", "items", record, "minItems", 1, "maxItems",
                                 (int)AQ_BATCH_COMMANDS_MAX);
        json_t *either = json_pack("{s:[o, o]}", "oneOf", record, list);
        return json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema", either);
    }
    json_decref(record);
    json_t *properties = json_object();
    for (size_t i = 0; i < command->record->count; i++)
        if (aq_command_takes_field(command, &command->record->fields[i]))
            json_object_set_new(properties, command->record->fields[i].name,
                                openapi_field(&command->record->fields[i], true, builder->schemas));
    json_t *schema = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    return json_pack("{s:b, s:{s:{s:o}}}", "required", command->kind == AQ_UPDATES, "content", "application/json",
                     "schema", schema);
}

static json_t *command_operation(struct builder *builder, const struct aq_entity *entity,
                                 const struct aq_command *command, bool with_body)
{
    json_t *row = row_of(builder, entity), *data = row;
    if (command->kind == AQ_CREATES)
        data = json_pack("{s:[O, {s:s, s:o}]}", "oneOf", row, "type", "array", "items", row);
    else if (command->kind == AQ_DELETES)
        json_object_set_new(data = json_pack("{s:b, s:[o]}", "nullable", 1, "allOf", row), "description",
                            json_string("null"));
    json_t *operation = make_operation(command->help, entity->name, "application/json", envelope(data, false), false);
    if (command->kind != AQ_CREATES)
        add_key_parameter(entity, operation);
    add_parameter(operation, make_parameter("query", "dry_run", "show what would happen, and change nothing",
                                            simple_schema("boolean")));
    add_parameter(operation,
                  make_parameter("header", "Idempotency-Key", "requests with the same key are carried out once",
                                 json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1, "maxLength",
                                           (int)AQ_KEY_SIZE_MAX)));
    if (command->kind != AQ_DELETES)
        add_parameter(operation, make_parameter("header", "Prefer",
                                                "return=minimal: answer only with the keys of what was written",
                                                simple_schema("string")));
    if (with_body)
        json_object_set_new(operation, "requestBody", request_body(builder, command));
    json_object_set_new(operation, "operationId", json_string(command->name));
    return operation;
}

static void add_command(struct builder *builder, const struct aq_entity *entity, const struct aq_command *command)
{
    char path[192];
    const char *key = aq_entity_key(entity)->name;
    switch (command->kind) {
    case AQ_CREATES:
        snprintf(path, sizeof path, "/api/v1/%s/%s", entity->name,
                 aq_command_goes_by_verb(command) ? command->verb : "");
        break;
    case AQ_UPDATES:
    case AQ_DELETES:
        snprintf(path, sizeof path, "/api/v1/%s/{%s}", entity->name, key);
        break;
    case AQ_ACTS:
        snprintf(path, sizeof path, "/api/v1/%s/{%s}/%s", entity->name, key, command->verb);
        break;
    case AQ_INTERNAL_COMMAND:
        return;
    }
    bool deletes = command->kind == AQ_DELETES;
    add_path_operation(builder, path, deletes ? "delete" : "post",
                       command_operation(builder, entity, command, !deletes));
    if (!command->may_get || !builder->routes->get_deallocate)
        return;
    json_t *get = command_operation(builder, entity, command, false);
    json_object_set_new(get, "deprecated", json_true());
    json_object_set_new(get, "operationId", json_sprintf("%s_get", command->name));
    add_path_operation(builder, path, "get", get);
}

/* ---- the document ----------------------------------------------------------------------------------------- */

static void add_entity(struct builder *builder, const struct aq_entity *entity)
{
    const struct aq_command *command;
    const struct aq_view *view;
    add_list(builder, entity);
    add_row(builder, entity);
    for (size_t i = 0; i < entity->record->count; i++)
        if (!(entity->record->fields[i].rules & AQ_SECRET))
            add_field(builder, entity, &entity->record->fields[i]);
    for (size_t i = 0; (view = aq_view_at(i)) != NULL; i++)
        if (view->entity == entity && builder->routes->renderers[view->kind].step != NULL)
            add_view(builder, view);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (command->entity == entity)
            add_command(builder, entity, command);
}

static void add_fixed(struct builder *builder, const struct route *route)
{
    char path[128];
    size_t length = strlen(route->path);
    bool rest = length > 4 && strcmp(route->path + length - 4, "/...") == 0;
    snprintf(path, sizeof path, "/%.*s%s", (int)(rest ? length - 4 : length), route->path, rest ? "/{path}" : "");
    bool json = strcmp(route->type, "application/json") == 0;
    json_t *schema = simple_schema(json ? "object" : "string");
    if (route->list != NULL) {
        json_decref(schema);
        schema = envelope(
            json_pack("{s:s, s:o}", "type", "array", "items", openapi_record(route->list, false, builder->schemas)),
            true);
    }
    json_t *get = make_operation(route->help, "aquarium", route->type, schema, route->access < ACCESS_USER);
    if (route->list != NULL)
        add_list_parameters(get, route->list);
    if (rest)
        add_parameter(get, make_parameter("path", "path", "keys, joined by slashes", simple_schema("string")));
    add_path_operation(builder, path, "get", get);
}

static json_t *error_response(void)
{
    json_t *names = json_array();
    for (int code = AQ_OK + 1; code < AQ_E_COUNT; code++)
        json_array_append_new(names, json_string(aq_error_name((enum aq_error_code)code)));
    json_t *schema = json_pack("{s:s, s:{s:{s:s}, s:{s:b, s:s}, s:{s:s, s:o}, s:{s:s}}}", "type", "object",
                               "properties", "message", "type", "string", "data", "nullable", 1, "type", "object",
                               "error", "type", "string", "enum", names, "seq", "type", "integer");
    return json_pack("{s:s, s:{s:{s:o}}}", "description", "what is wrong, and what would be right", "content",
                     "application/json", "schema", schema);
}

json_t *openapi_make(const struct routes *routes)
{
    struct builder builder = {routes, json_object(), json_object()};
    for (size_t i = 0; i < routes->count; i++)
        add_entity(&builder, routes->rows[i].entity);
    for (const struct route *route = routes->fixed; route->path != NULL; route++)
        add_fixed(&builder, route);
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:[{s:[]}], s:o, s:{s:o, s:{s:o}, s:{s:{s:s, s:s}}}}", "openapi", "3.0.3", "info",
        "title", "Aquarium", "version", "1", "description",
        "The applications, resources, nodes, labels and users of a cluster. /api/v1/events streams its events.",
        "security", "basic", "paths", builder.paths, "components", "schemas", builder.schemas, "responses", "error",
        error_response(), "securitySchemes", "basic", "type", "http", "scheme", "basic");
    aq_assert(document != NULL);
    return document;
}

enum outcome openapi_answer(struct request *request)
{
    struct openapi *openapi = request->backend->openapi;
    if (openapi->text.length == 0) {
        json_t *document = openapi_make(openapi->routes);
        char *text = json_dumps(document, JSON_COMPACT);
        aq_assert(text != NULL);
        aq_buffer_text(&openapi->text, text);
        aq_buffer_char(&openapi->text, '\n');
        free(text);
        json_decref(document);
    }
    aq_buffer_reset(&request->out);
    aq_buffer_add(&request->out, openapi->text.data, openapi->text.length);
    return answer_plain(request, MHD_HTTP_OK, "application/json");
}
