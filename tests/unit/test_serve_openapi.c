/* The OpenAPI document: it has every entity and every command that has a route, and every reference in it resolves. */
#include "controller/serve/openapi.h"
#include "controller/serve/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *document;
static struct routes routes;

static int setup(void **context)
{
    (void)context;
    routes_gather(&routes, true);
    document = openapi_make(&routes);
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    json_decref(document);
    return 0;
}

static json_t *at(json_t *json, const char *first, const char *second)
{
    json = json_object_get(json, first);
    return second != NULL ? json_object_get(json, second) : json;
}

static void it_is_openapi(void **context)
{
    (void)context;
    assert_string_equal(json_string_value(at(document, "openapi", NULL)), "3.0.3");
    assert_true(json_is_string(at(at(document, "info", NULL), "title", NULL)));
    assert_true(json_is_string(at(at(document, "info", NULL), "version", NULL)));
    assert_true(json_object_size(at(document, "paths", NULL)) > routes.count * 2);
    assert_non_null(at(at(document, "components", "securitySchemes"), "basic", NULL));
}

static void each_reference_leads_somewhere(const json_t *json)
{
    const char *key;
    size_t index;
    json_t *child;
    if (json_is_object(json)) {
        const char *target = json_string_value(json_object_get(json, "$ref"));
        if (target != NULL) {
            char section[32], name[128];
            assert_int_equal(sscanf(target, "#/components/%31[a-z]/%127s", section, name), 2);
            assert_non_null(at(at(document, "components", section), name, NULL));
        }
        json_object_foreach ((json_t *)json, key, child)
            each_reference_leads_somewhere(child);
    } else if (json_is_array(json)) {
        json_array_foreach (json, index, child)
            each_reference_leads_somewhere(child);
    }
}

static void references_resolve(void **context)
{
    (void)context;
    each_reference_leads_somewhere(document);
}

static void each_entity_is_there(void **context)
{
    (void)context;
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        char path[256];
        json_t *schema = at(at(document, "components", "schemas"), entity->record->name, "properties");
        assert_non_null(schema);
        snprintf(path, sizeof path, "/api/v1/%s/", entity->name);
        assert_non_null(at(at(document, "paths", path), "get", "responses"));
        for (size_t f = 0; f < entity->record->count; f++) {
            const struct aq_field *field = &entity->record->fields[f];
            json_t *property = json_object_get(schema, field->name);
            assert_true((property == NULL) == ((field->rules & AQ_SECRET) != 0));
            snprintf(path, sizeof path, "/api/v1/%s/{%s}/%s", entity->name, aq_entity_key(entity)->name, field->name);
            assert_true((at(document, "paths", path) == NULL) == ((field->rules & AQ_SECRET) != 0));
        }
    }
}

static const json_t *find_operation(const char *id)
{
    const char *path, *method;
    json_t *item, *operation;
    json_object_foreach (at(document, "paths", NULL), path, item)
        json_object_foreach (item, method, operation)
            if (json_object_get(operation, "operationId") != NULL &&
                strcmp(json_string_value(json_object_get(operation, "operationId")), id) == 0)
                return operation;
    return NULL;
}

static void each_command_is_there(void **context)
{
    (void)context;
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        assert_true((find_operation(command->name) == NULL) == (command->kind == AQ_INTERNAL_COMMAND));
}

static void path_parameters_are_declared(void **context)
{
    (void)context;
    const char *path, *method;
    json_t *item, *operation;
    json_object_foreach (at(document, "paths", NULL), path, item) {
        char name[64];
        const char *brace = strchr(path, '{');
        if (brace == NULL || sscanf(brace, "{%63[^}]", name) != 1)
            continue;
        json_object_foreach (item, method, operation) {
            json_t *first = json_array_get(json_object_get(operation, "parameters"), 0);
            assert_string_equal(json_string_value(json_object_get(first, "name")), name);
            assert_string_equal(json_string_value(json_object_get(first, "in")), "path");
            assert_true(json_is_true(json_object_get(first, "required")));
        }
    }
}

static void inputs_have_bounds_and_no_internal_fields(void **context)
{
    (void)context;
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s_input", command->record->name);
        json_t *schema = at(at(document, "components", "schemas"), name, NULL);
        if (schema == NULL)
            continue;
        assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
        for (size_t f = 0; f < command->record->count; f++) {
            const struct aq_field *field = &command->record->fields[f];
            json_t *property = at(schema, "properties", field->name);
            if (field->rules & AQ_INTERNAL) {
                assert_null(property);
                continue;
            }
            assert_true(json_is_string(json_object_get(property, "description")));
            if (field->type == AQ_TYPE_NAME)
                assert_int_equal(json_integer_value(json_object_get(property, "maxLength")), field->most);
        }
    }
}

/* The schema of an operation's data, in its envelope. */
static json_t *answer_of(const char *path, const char *method)
{
    json_t *answer = at(at(at(document, "paths", path), method, "responses"), "200", "content");
    json_t *schema = at(at(answer, "application/json", "schema"), "properties", "data");
    assert_non_null(schema);
    return schema;
}

static void nodes_have_their_live_values(void **context)
{
    (void)context;
    json_t *rows[] = {answer_of("/api/v1/node/{name}", "get"), at(answer_of("/api/v1/node/", "get"), "items", NULL),
                      answer_of("/api/v1/node/{name}/maintenance", "post")};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        json_t *live = at(json_array_get(at(rows[i], "allOf", NULL), 1), "properties", "live");
        assert_true(json_is_true(json_object_get(live, "nullable")));
        assert_int_equal(json_array_size(json_object_get(live, "allOf")), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_openapi),
        cmocka_unit_test(references_resolve),
        cmocka_unit_test(each_entity_is_there),
        cmocka_unit_test(each_command_is_there),
        cmocka_unit_test(path_parameters_are_declared),
        cmocka_unit_test(inputs_have_bounds_and_no_internal_fields),
        cmocka_unit_test(nodes_have_their_live_values),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
