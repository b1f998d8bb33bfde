/* The OpenAPI document: it has every entity and every command that has a route, and every reference in it resolves, and
 * the server does what it says. */
#include "controller/serve/openapi.h"
#include "controller/serve/route.h"
#include "tests/lib/openapi_check.h"
#include "tests/lib/rest_case.h"

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
    assert_non_null(at(at(document, "components", "securitySchemes"), "bearer", NULL));
}

static void each_reference_leads_somewhere(const json_t *json)
{
    const char *key;
    size_t index;
    json_t *child;
    assert_non_null(openapi_resolve(document, json));
    if (json_is_object(json))
        json_object_foreach ((json_t *)json, key, child)
            each_reference_leads_somewhere(child);
    json_array_foreach (json, index, child)
        each_reference_leads_somewhere(child);
}

static void references_resolve(void **context)
{
    (void)context;
    each_reference_leads_somewhere(document);
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

/* ---- each operation ----------------------------------------------------------------------------------------- */

typedef void operation_fn(const char *path, const char *method, const json_t *operation);

static void each_operation(operation_fn *check)
{
    const char *path, *method;
    json_t *item, *operation;
    json_object_foreach (at(document, "paths", NULL), path, item)
        json_object_foreach (item, method, operation)
            check(path, method, operation);
}

static json_t *ids;

static void check_id(const char *path, const char *method, const json_t *operation)
{
    const char *id = json_string_value(json_object_get(operation, "operationId"));
    if (id == NULL || id[0] == '\0' || id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        fail_msg("%s %s has no good operationId", method, path);
    if (json_object_get(ids, id) != NULL)
        fail_msg("%s %s and %s have one operationId", method, path, json_string_value(json_object_get(ids, id)));
    json_object_set_new(ids, id, json_string(path));
}

static void operations_have_ids_of_their_own(void **context)
{
    (void)context;
    ids = json_object();
    each_operation(check_id);
    assert_true(json_object_size(ids) > 80);
    json_decref(ids);
}

static void check_schema(const json_t *schema, const char *method, const char *path)
{
    struct aq_buffer why = {0};
    if (!openapi_schema_is_sound(document, schema, "", &why))
        fail_msg("%s %s: %s", method, path, aq_buffer_string(&why));
    aq_buffer_free(&why);
}

static void check_body(const json_t *holder, const char *method, const char *path)
{
    const char *type;
    json_t *content;
    assert_true(json_object_size(json_object_get(holder, "content")) > 0);
    json_object_foreach (json_object_get(holder, "content"), type, content)
        check_schema(json_object_get(content, "schema"), method, path);
}

static void check_answers(const char *path, const char *method, const json_t *operation)
{
    const char *status;
    json_t *answer, *answers = json_object_get(operation, "responses"),
                    *body = json_object_get(operation, "requestBody");
    assert_non_null(json_object_get(answers, "200"));
    assert_non_null(json_object_get(answers, "default"));
    assert_non_null(json_object_get(answers, "400"));
    if (json_object_get(operation, "security") == NULL)
        assert_true(json_object_get(answers, "401") != NULL && json_object_get(answers, "403") != NULL);
    if (strcmp(method, "get") != 0)
        assert_true(json_object_get(answers, "409") != NULL && json_object_get(answers, "504") != NULL);
    json_object_foreach (answers, status, answer)
        check_body(openapi_resolve(document, answer), method, path);
    if (body != NULL)
        check_body(body, method, path);
}

static void answers_have_schemas(void **context)
{
    (void)context;
    const char *name;
    json_t *schema;
    each_operation(check_answers);
    json_object_foreach (at(document, "components", "schemas"), name, schema)
        check_schema(schema, "schema", name);
}

static const json_t *find_property(const char *schema, const char *name)
{
    return at(at(at(document, "components", "schemas"), schema, "properties"), name, NULL);
}

static void secrets_are_only_written(void **context)
{
    (void)context;
    static const struct {
        const char *record, *field;
    } secrets[] = {{"authentication", "password"}, {"authentication", "key"}, {"registry", "password"}};
    for (size_t i = 0; i < AQ_LENGTH(secrets); i++) {
        char input[80];
        snprintf(input, sizeof input, "%s_input", secrets[i].record);
        const json_t *given = find_property(input, secrets[i].field),
                     *shown = find_property(secrets[i].record, secrets[i].field);
        assert_true(json_is_true(json_object_get(given, "writeOnly")));
        assert_string_equal(json_string_value(json_object_get(given, "format")), "password");
        assert_null(json_object_get(shown, "writeOnly"));
        assert_true(json_is_true(json_object_get(shown, "readOnly")));
        assert_string_equal(json_string_value(json_array_get(json_object_get(shown, "enum"), 1)), "***");
    }
    assert_null(json_object_get(find_property("authentication_input", "username"), "writeOnly"));
    assert_null(find_property("label", "sealed"));
    assert_null(find_property("label_create_input", "wrap"));
}

static const json_t *find_parameter(const json_t *operation, const char *where, const char *name)
{
    size_t index;
    json_t *parameter;
    json_array_foreach (json_object_get(operation, "parameters"), index, parameter)
        if (strcmp(json_string_value(json_object_get(parameter, "in")), where) == 0 &&
            strcmp(json_string_value(json_object_get(parameter, "name")), name) == 0)
            return parameter;
    return NULL;
}

/* Those of the path are in the path, and nothing is described twice. */
static void check_parameters(const char *path, const char *method, const json_t *operation)
{
    size_t index, in_path = 0, braces = 0;
    json_t *parameter;
    for (const char *c = path; *c != '\0'; c++)
        braces += *c == '{';
    json_array_foreach (json_object_get(operation, "parameters"), index, parameter) {
        const char *name = json_string_value(json_object_get(parameter, "name"));
        const char *where = json_string_value(json_object_get(parameter, "in"));
        bool is_in_path = strcmp(where, "path") == 0;
        char template[80];
        snprintf(template, sizeof template, "{%s}", name);
        in_path += is_in_path;
        check_schema(json_object_get(parameter, "schema"), method, path);
        assert_ptr_equal(find_parameter(operation, where, name), parameter);
        assert_true(json_is_true(json_object_get(parameter, "required")) == is_in_path);
        assert_true(json_string_length(json_object_get(parameter, "description")) > 0);
        if (is_in_path && strstr(path, template) == NULL)
            fail_msg("%s %s has no %s", method, path, template);
    }
    assert_int_equal(in_path, braces);
}

static void parameters_are_described_once(void **context)
{
    (void)context;
    each_operation(check_parameters);
}

static void what_was_missing_is_there(void **context)
{
    (void)context;
    static const char *const wanted[][2] = {
        {"events", "since"},
        {"events", "follow"},
        {"events", "entity"},
        {"resource_log", "size"},
        {"resource_log", "after"},
        {"resource_log", "follow"},
        {"metadata", "format"},
        {"metadata", "prefix"},
        {"metadata_at", "format"},
        {"vote_list", "application"},
        {"application_list", "status"},
        {"application_list", "status!"},
        {"application_list", "created_since"},
        {"application_list", "limit"},
        {"application_events", "after"},
        {"application_events", "limit"},
        {"application_get", "min_seq"},
        {"label_create", "dry_run"},
        {"me", "min_seq"},
    };
    for (size_t i = 0; i < AQ_LENGTH(wanted); i++)
        if (find_parameter(find_operation(wanted[i][0]), "query", wanted[i][1]) == NULL)
            fail_msg("%s has no %s", wanted[i][0], wanted[i][1]);
    assert_non_null(find_parameter(find_operation("label_create"), "header", "Idempotency-Key"));
    assert_true(json_array_size(json_object_get(document, "servers")) == 1);
    assert_int_equal(json_array_size(json_object_get(find_operation("livez"), "security")), 0);
    assert_null(json_object_get(find_operation("application_list"), "security")); /* the document's */
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

static void each_command_is_there(void **context)
{
    (void)context;
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        assert_true((find_operation(command->name) == NULL) == (command->kind == AQ_INTERNAL_COMMAND));
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
                      json_array_get(at(answer_of("/api/v1/node/{name}/maintenance", "post"), "anyOf", NULL), 0)};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        json_t *live = at(json_array_get(at(rows[i], "allOf", NULL), 1), "properties", "live");
        assert_true(json_is_true(json_object_get(live, "nullable")));
        assert_int_equal(json_array_size(json_object_get(live, "allOf")), 1);
    }
}

/* What the rows of an answer are, each as its properties besides those of a schema that it refers to. */
static json_t *form_of_answer(const char *path, const char *method, size_t form)
{
    json_t *schema = json_array_get(at(answer_of(path, method), "anyOf", NULL), form);
    json_t *all = json_object_get(schema, "allOf");
    return at(all != NULL ? json_array_get(all, json_array_size(all) - 1) : schema, "properties", NULL);
}

/* The token is shown only there, and return=minimal answers keys. */
static void writes_answer_tokens_and_keys(void **context)
{
    (void)context;
    static const char *const making[] = {"/api/v1/user/", "/api/v1/user/{name}/token"};
    for (size_t i = 0; i < AQ_LENGTH(making); i++)
        for (size_t form = 0; form < 2; form++)
            assert_non_null(json_object_get(form_of_answer(making[i], "post", form), "token"));
    json_t *keys = form_of_answer("/api/v1/application/", "post", 1);
    assert_int_equal(json_object_size(keys), 1);
    assert_non_null(json_object_get(keys, "id"));
    json_t *list = json_array_get(at(answer_of("/api/v1/application/", "post"), "anyOf", NULL), 3);
    assert_non_null(at(at(list, "items", "properties"), "id", NULL));
    assert_non_null(json_object_get(form_of_answer("/api/v1/node/{name}/maintenance", "post", 1), "name"));
    json_t *body = at(at(at(document, "paths", "/api/v1/user/"), "post", "requestBody"), "content", "application/json");
    json_t *users = json_array_get(at(body, "schema", "oneOf"), 1);
    assert_int_equal(json_integer_value(json_object_get(users, "maxItems")), 4096);
}

/* ---- what the server does ------------------------------------------------------------------------------- */

/* A path with a row that exists. */
static void fill_path(const char *path, char *out, size_t size)
{
    const char *brace = strchr(path, '{');
    const char *key = strstr(path, "/user/") != NULL ? "admin" : strstr(path, "/node/") != NULL ? "node-1" : "1";
    if (brace == NULL)
        snprintf(out, size, "%s", path);
    else
        snprintf(out, size, "%.*s%s%s", (int)(brace - path), path, key, strchr(brace, '}') + 1);
}

static const char *example_of(const json_t *parameter)
{
    const char *name = json_string_value(json_object_get(parameter, "name"));
    const json_t *schema = json_object_get(parameter, "schema"), *words = json_object_get(schema, "enum");
    const char *type = json_string_value(json_object_get(schema, "type"));
    if (words != NULL)
        return json_string_value(json_array_get(words, 0));
    if (strstr(name, "_since") != NULL)
        return "5m";
    return strcmp(type, "integer") == 0 ? "1" : strcmp(type, "boolean") == 0 ? "false" : "*";
}

static void takes_parameters(struct rest_case *rest, const char *path, const json_t *operation)
{
    size_t index;
    json_t *parameter;
    json_array_foreach (json_object_get(operation, "parameters"), index, parameter) {
        char full[400], name[100];
        const char *described = json_string_value(json_object_get(parameter, "name"));
        if (strcmp(json_string_value(json_object_get(parameter, "in")), "query") != 0)
            continue;
        size_t length = strcspn(described, "!");
        snprintf(name, sizeof name, "%.*s%s", (int)length, described, described[length] == '!' ? "%21" : "");
        snprintf(full, sizeof full, "%s?%s=%s%s", path, name, example_of(parameter),
                 strstr(path, "/events") != NULL && strstr(path, "/application") == NULL &&
                         strcmp(described, "follow") != 0
                     ? "&follow=false"
                     : "");
        http_ask(&rest->admin, &rest->reply, "GET", NULL, full);
        if (strstr(aq_buffer_string(&rest->reply.body), "unknown parameter") != NULL)
            fail_msg("%s: %s", full, aq_buffer_string(&rest->reply.body));
    }
}

static void answers_as_described(struct rest_case *rest, const json_t *served, const char *path,
                                 const json_t *operation)
{
    struct aq_buffer why = {0};
    const json_t *answer = json_object_get(json_object_get(operation, "responses"), "200");
    const json_t *content = json_object_get(json_object_get(answer, "content"), "application/json");
    if (content == NULL)
        return;
    http_ask(&rest->admin, &rest->reply, "GET", NULL, path);
    const json_t *schema = json_object_get(content, "schema");
    if (rest->reply.status != 200) {
        answer = openapi_resolve(served, json_object_get(json_object_get(operation, "responses"), "default"));
        content = json_object_get(json_object_get(answer, "content"), "application/json");
        schema = json_object_get(content, "schema");
    }
    if (!openapi_conforms(served, schema, rest->reply.json, path, &why))
        fail_msg("%ld %s", rest->reply.status, aq_buffer_string(&why));
    aq_buffer_free(&why);
}

/* What is described is taken, and what is answered is as described: rows of every entity, and errors. */
static void the_document_tells_the_truth(void **context)
{
    struct rest_case *rest = *context;
    const char *path;
    json_t *item;
    rest_make_applications(rest, 2);
    rest_ask_as(rest, &rest->admin, "POST", "/api/v1/application/1/deallocate", NULL, 200);
    http_ask(&rest->admin, &rest->reply, "GET", NULL, "/api/v1/openapi.json");
    json_t *served = json_incref(rest->reply.json);
    unsigned checked = 0;
    json_object_foreach (json_object_get(served, "paths"), path, item) {
        char filled[200];
        const json_t *operation = json_object_get(item, "get");
        if (operation == NULL || strstr(path, "/log/verify") != NULL)
            continue;
        fill_path(path, filled, sizeof filled);
        takes_parameters(rest, filled, operation);
        answers_as_described(rest, served, filled, operation);
        checked++;
    }
    assert_true(checked > 60);
    json_decref(served);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_openapi),
        cmocka_unit_test(references_resolve),
        cmocka_unit_test(each_entity_is_there),
        cmocka_unit_test(each_command_is_there),
        cmocka_unit_test(operations_have_ids_of_their_own),
        cmocka_unit_test(answers_have_schemas),
        cmocka_unit_test(secrets_are_only_written),
        cmocka_unit_test(parameters_are_described_once),
        cmocka_unit_test(what_was_missing_is_there),
        cmocka_unit_test(inputs_have_bounds_and_no_internal_fields),
        cmocka_unit_test(nodes_have_their_live_values),
        cmocka_unit_test(writes_answer_tokens_and_keys),
        REST_TEST(the_document_tells_the_truth),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
