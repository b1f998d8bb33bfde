#include "controller/serve/openapi.h"

#include "controller/auth/credentials.h"
#include "controller/serve/answer.h"
#include "controller/serve/steps.h"
#include "schema/codec/command.h"
#include "schema/codec/entry.h"

#include <stdlib.h>
#include <string.h>

static const char JSON_TYPE[] = "application/json";

struct builder {
    const struct routes *routes;
    json_t *paths, *schemas;
};

static void add_path(struct builder *builder, const char *path, const char *method, json_t *operation)
{
    json_t *item = json_object_get(builder->paths, path);
    if (item == NULL) {
        item = json_object();
        json_object_set_new(builder->paths, path, item);
    }
    aq_assert(json_object_get(item, method) == NULL);
    json_object_set_new(item, method, operation);
}

/* ---- what answers have -------------------------------------------------------------------------------------- */

/* A row as it is answered: with its live values. */
static json_t *row_of(struct builder *builder, const struct aq_entity *entity)
{
    json_t *row = openapi_record(entity->record, false, builder->schemas);
    if (entity->live == NULL)
        return row;
    json_t *live = json_pack("{s:s, s:b, s:s, s:[o]}", "type", "object", "nullable", 1, "description",
                             "the values reported last; null: none yet", "allOf",
                             openapi_record(entity->live, false, builder->schemas));
    return json_pack("{s:[o, {s:s, s:[s], s:{s:o}}]}", "allOf", row, "type", "object", "required", "live", "properties",
                     "live", live);
}

static json_t *event_of(struct builder *builder)
{
    static const char *const texts[] = {"time", "author", "command", "event", "entity"};
    if (json_object_get(builder->schemas, "event") == NULL) {
        json_t *properties = json_pack("{s:{s:s}, s:{s:s, s:b}}", "seq", "type", "integer", "data", "type", "object",
                                       "additionalProperties", 1);
        json_t *required = json_pack("[s, s]", "seq", "data");
        for (size_t i = 0; i < AQ_LENGTH(texts); i++) {
            json_object_set_new(properties, texts[i], openapi_type("string"));
            json_array_append_new(required, json_string(texts[i]));
        }
        json_object_set_new(builder->schemas, "event",
                            json_pack("{s:s, s:s, s:o, s:o}", "type", "object", "description", "one event of the log",
                                      "required", required, "properties", properties));
    }
    return json_pack("{s:s}", "$ref", "#/components/schemas/event");
}

/* The key of the next page. */
static json_t *next_of(const struct aq_entity *entity)
{
    return openapi_type(aq_field_is_number(aq_entity_key(entity)) ? "integer" : "string");
}

/* ---- reads -------------------------------------------------------------------------------------------------- */

static void add_list(struct builder *builder, const struct aq_entity *entity)
{
    char path[128], id[128];
    snprintf(path, sizeof path, "/api/v1/%s/", entity->name);
    snprintf(id, sizeof id, "%s_list", entity->name);
    const struct openapi_operation list = {
        .id = id,
        .summary = "list",
        .tag = entity->name,
        .type = JSON_TYPE,
        .schema = openapi_envelope(openapi_list(row_of(builder, entity)), next_of(entity)),
        .access = ACCESS_USER,
        .form = route_form_of_list(entity->record),
        .permission = aq_permission_of(entity, "list"),
    };
    add_path(builder, path, "get", openapi_operation(&list));
}

/* /api/v1/<entity>/{key}, or with <name> behind that. */
static void add_read(struct builder *builder, const struct aq_entity *entity, const char *name, const char *id,
                     const char *summary, json_t *schema, const struct aq_record *parameters,
                     const struct aq_view *view)
{
    char path[192];
    const struct openapi_operation read = {
        .id = id,
        .summary = summary,
        .tag = entity->name,
        .type = JSON_TYPE,
        .schema = schema,
        .access = ACCESS_USER,
        .row = entity,
        .form = route_form_of_read(parameters),
        .permission = view != NULL ? aq_permission_of_view(view) : aq_permission_of(entity, "read"),
    };
    snprintf(path, sizeof path, "/api/v1/%s/{%s}%s%s", entity->name, aq_entity_key(entity)->name, name[0] ? "/" : "",
             name);
    add_path(builder, path, "get", openapi_operation(&read));
}

static void add_row(struct builder *builder, const struct aq_entity *entity)
{
    char id[128];
    snprintf(id, sizeof id, "%s_get", entity->name);
    add_read(builder, entity, "", id, "one row", openapi_envelope(row_of(builder, entity), NULL), NULL, NULL);
}

static void add_field(struct builder *builder, const struct aq_entity *entity, const struct aq_field *field)
{
    char id[192];
    json_t *data = field->refers != NULL && !aq_field_is_reference(field)
                       ? row_of(builder, field->refers)
                       : openapi_field(field, false, builder->schemas);
    snprintf(id, sizeof id, "%s_get_%s", entity->name, field->name);
    add_read(builder, entity, field->name, id, field->help, openapi_envelope(data, NULL), NULL, NULL);
}

static json_t *output_schema(void)
{
    static const struct {
        const char *name, *help;
    } positions[] = {
        {"resource", "number of the resource whose log it is"},
        {"start", "position of the first byte of the answer"},
        {"next", "position after its last byte: the value of after= to go on"},
        {"first", "position of the first byte that is kept"},
        {"end", "position after the last byte there is"},
    };
    json_t *schema = openapi_envelope(openapi_type("string"), NULL);
    openapi_envelope_add(schema, "base64", "data is base64, since the bytes are no text", openapi_type("boolean"));
    openapi_envelope_add(schema, "complete", "nothing comes after this", openapi_type("boolean"));
    for (size_t i = 0; i < AQ_LENGTH(positions); i++)
        openapi_envelope_add(schema, positions[i].name, positions[i].help, openapi_type("integer"));
    return schema;
}

static json_t *load_schema(struct builder *builder)
{
    json_t *now = json_pack("{s:s, s:b, s:s, s:[o]}", "type", "object", "nullable", 1, "description",
                            "what is used now; null: that is not known", "allOf",
                            openapi_record(&aq_usage_record, false, builder->schemas));
    json_t *means = openapi_list(openapi_record(&aq_usage_mean_record, false, builder->schemas));
    json_object_set_new(means, "description", json_string("oldest first; a step in which nothing came is left out"));
    json_t *data = json_pack("{s:s, s:[s, s, s], s:{s:o, s:{s:s, s:s}, s:o}}", "type", "object", "required", "now",
                             "step", "means", "properties", "now", now, "step", "type", "integer", "description",
                             "how long a step is, in seconds", "means", means);
    return openapi_envelope(data, NULL);
}

static void add_view(struct builder *builder, const struct aq_view *view)
{
    const struct view_renderer *renderer = &builder->routes->renderers[view->kind];
    char id[128];
    json_t *schema = view->kind == AQ_VIEW_EVENTS
                         ? openapi_envelope(openapi_list(event_of(builder)), openapi_type("integer"))
                     : view->kind == AQ_VIEW_RIGHTS ? openapi_envelope(openapi_list(openapi_type("string")), NULL)
                     : view->kind == AQ_VIEW_OUTPUT ? output_schema()
                     : view->kind == AQ_VIEW_LOAD   ? load_schema(builder)
                                                    : openapi_envelope(openapi_type("string"), NULL);
    snprintf(id, sizeof id, "%s_%s", view->entity->name, view->name);
    add_read(builder, view->entity, view->name, id, view->help, schema, renderer->parameters, view);
}

/* ---- commands ----------------------------------------------------------------------------------------------- */

/* The command's record, without the key if the path names the row. */
static json_t *request_body(struct builder *builder, const struct aq_command *command)
{
    if (command->kind == AQ_CREATES) {
        json_t *record = openapi_record(command->record, true, builder->schemas);
        json_t *list = json_pack("{s:s, s:O, s:i, s:i}", "type", "array", "items", record, "minItems", 1, "maxItems",
                                 (int)AQ_BATCH_COMMANDS_MAX);
        json_t *either = json_pack("{s:[o, o]}", "oneOf", record, list);
        return json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", JSON_TYPE, "schema", either);
    }
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < command->record->count; i++) {
        const struct aq_field *field = &command->record->fields[i];
        if (!aq_command_takes_field(command, field))
            continue;
        json_object_set_new(properties, field->name, openapi_field(field, true, builder->schemas));
        if (field->rules & AQ_REQUIRED)
            json_array_append_new(required, json_string(field->name));
    }
    bool needed = json_array_size(required) > 0;
    json_t *schema = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    if (needed)
        json_object_set(schema, "required", required);
    json_decref(required);
    return json_pack("{s:b, s:{s:{s:o}}}", "required", needed, "content", JSON_TYPE, "schema", schema);
}

/* A row after a command, or with `minimal` its key alone. Commands that make a token answer it, but not once more. */
static json_t *written_row(struct builder *builder, const struct aq_command *command, bool minimal)
{
    const struct aq_field *key = aq_entity_key(command->entity);
    json_t *token = json_object(), *row;
    if (token_is_made_by(command)) {
        json_t *schema = openapi_type("string");
        json_object_set_new(schema, "description", json_string("the new token; a repeated answer does not have it"));
        json_object_set_new(token, "token", schema);
    }
    if (!minimal) {
        row = row_of(builder, command->entity);
        if (json_object_size(token) == 0) {
            json_decref(token);
            return row;
        }
        return json_pack("{s:[o, {s:s, s:o}]}", "allOf", row, "type", "object", "properties", token);
    }
    json_object_set_new(token, key->name, openapi_field(key, false, builder->schemas));
    return json_pack("{s:s, s:b, s:[s], s:o}", "type", "object", "additionalProperties", 0, "required", key->name,
                     "properties", token);
}

/* Rows, or their keys alone (return=minimal), or the events of a dry run. */
static json_t *command_answer(struct builder *builder, const struct aq_command *command)
{
    json_t *events = openapi_list(event_of(builder)), *data;
    if (command->kind == AQ_DELETES) {
        json_object_set_new(data = events, "nullable", json_true());
    } else {
        json_t *row = written_row(builder, command, false), *minimal = written_row(builder, command, true);
        data = json_pack("{s:[O, O]}", "anyOf", row, minimal);
        json_t *forms = json_object_get(data, "anyOf");
        if (command->kind == AQ_CREATES) {
            json_array_append_new(forms, openapi_list(json_incref(row)));
            json_array_append_new(forms, openapi_list(json_incref(minimal)));
        }
        json_array_append_new(forms, events);
        json_decref(row);
        json_decref(minimal);
    }
    json_t *envelope = openapi_envelope(data, NULL);
    openapi_envelope_add(envelope, "unchanged", "there was nothing to do", openapi_type("boolean"));
    openapi_envelope_add(envelope, "repeated", "the same key came before: this is the answer from then",
                         openapi_type("boolean"));
    openapi_envelope_add(envelope, "warnings", "what the caller should know", openapi_list(openapi_type("string")));
    return envelope;
}

static json_t *command_operation(struct builder *builder, const struct aq_command *command, const char *id)
{
    const struct aq_entity *entity = command->entity;
    const struct openapi_operation of = {
        .id = id,
        .summary = command->help,
        .tag = entity->name,
        .type = JSON_TYPE,
        .schema = command_answer(builder, command),
        .access = ACCESS_USER,
        .row = command->kind == AQ_CREATES ? NULL : entity,
        .form = route_form_of_write(),
        .writes = true,
        .permission = aq_permission_of_command(command),
    };
    return openapi_operation(&of);
}

static void command_path(const struct aq_command *command, char *path, size_t size)
{
    const char *entity = command->entity->name, *key = aq_entity_key(command->entity)->name;
    const char *verb = aq_command_goes_by_verb(command) ? command->verb : "";
    if (command->kind == AQ_CREATES)
        snprintf(path, size, "/api/v1/%s/%s", entity, verb);
    else
        snprintf(path, size, "/api/v1/%s/{%s}%s%s", entity, key, verb[0] ? "/" : "", verb);
}

static void add_command(struct builder *builder, const struct aq_command *command)
{
    char path[192], id[128];
    bool deletes = command->kind == AQ_DELETES;
    if (command->kind == AQ_INTERNAL_COMMAND)
        return;
    command_path(command, path, sizeof path);
    json_t *operation = command_operation(builder, command, command->name);
    if (!deletes)
        json_object_set_new(operation, "requestBody", request_body(builder, command));
    add_path(builder, path, deletes ? "delete" : "post", operation);
    if (!command->may_get || !builder->routes->get_deallocate)
        return;
    snprintf(id, sizeof id, "%s_by_get", command->name);
    json_t *get = command_operation(builder, command, id);
    json_object_set_new(get, "deprecated", json_true());
    add_path(builder, path, "get", get);
}

/* ---- the document ------------------------------------------------------------------------------------------- */

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
            add_command(builder, command);
}

static json_t *fixed_schema(struct builder *builder, const struct route *route)
{
    if (strcmp(route->type, JSON_TYPE) != 0)
        return openapi_type("string");
    json_t *row = route->row != NULL ? openapi_record(route->row, false, builder->schemas) : NULL;
    if (route->list)
        return openapi_envelope(openapi_list(row), openapi_type("string"));
    if (row != NULL)
        return openapi_envelope(row, NULL);
    if (route->step == read_my_rights)
        return openapi_envelope(openapi_list(openapi_type("string")), NULL);
    if (route->access >= ACCESS_USER) /* a report in words */
        return openapi_envelope(openapi_type("string"), NULL);
    return json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 1);
}

static void add_fixed(struct builder *builder, const struct route *route)
{
    char path[128];
    size_t length = strlen(route->path);
    bool rest = length > 4 && strcmp(route->path + length - 4, "/...") == 0;
    snprintf(path, sizeof path, "/%.*s%s", (int)(rest ? length - 4 : length), route->path, rest ? "/{path}" : "");
    const struct openapi_operation of = {
        .id = route->id,
        .summary = route->help,
        .tag = "aquarium",
        .type = route->type,
        .schema = fixed_schema(builder, route),
        .access = route->access,
        .form = route_form(route),
        .permission = route->permission != NULL ? aq_permission_named(route->permission) : NULL,
    };
    json_t *get = openapi_operation(&of);
    if (rest)
        openapi_add_parameter(get, "path", "path", "keys, joined by slashes", openapi_type("string"));
    if (strcmp(route->type, "text/event-stream") == 0)
        openapi_add_parameter(get, "header", "Last-Event-ID", "the same as since; sent when a stream is opened again",
                              openapi_type("integer"));
    add_path(builder, path, "get", get);
}

json_t *openapi_make(const struct routes *routes)
{
    struct builder builder = {routes, json_object(), json_object()};
    for (size_t i = 0; i < routes->count; i++)
        add_entity(&builder, routes->rows[i].entity);
    for (const struct route *route = routes->fixed; route->path != NULL; route++)
        add_fixed(&builder, route);
    openapi_add_exec(builder.paths, builder.schemas);
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:[{s:s, s:s}], s:[{s:[]}, {s:[]}], s:o, "
        "s:{s:o, s:{s:o}, s:{s:{s:s, s:s}, s:{s:s, s:s}}}}",
        "openapi", "3.0.3", "info", "title", "Aquarium", "version", "1", "description",
        "The applications, resources, nodes, labels, users, roles, tokens and projects of a cluster. /api/v1/events "
        "streams its events. Paths may have the plural of an entity, too.",
        "servers", "url", "/", "description", "the controller that serves this document", "security", "basic", "bearer",
        "paths", builder.paths, "components", "schemas", builder.schemas, "responses", "error", openapi_error(),
        "securitySchemes", "basic", "type", "http", "scheme", "basic", "bearer", "type", "http", "scheme", "bearer");
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
    return answer_plain(request, HTTP_OK, "application/json");
}
