/* The operations of the view `exec` (exec.c). */
#include "controller/serve/openapi.h"

#include "controller/serve/parameters.h"
#include "schema/codec/command.h"
#include "schema/model/resource.h"

#include <string.h>

static const char JSON_TYPE[] = "application/json";

static json_t *body_of(json_t *schema, bool needed)
{
    return json_pack("{s:b, s:{s:{s:o}}}", "required", needed, "content", JSON_TYPE, "schema", schema);
}

static json_t *operation(const char *id, const char *summary, json_t *data, struct query_form form, bool session)
{
    const struct openapi_operation of = {
        .id = id,
        .summary = summary,
        .tag = aq_entity_resource.name,
        .type = JSON_TYPE,
        .schema = openapi_envelope(data, NULL),
        .access = ACCESS_USER,
        .row = &aq_entity_resource,
        .form = form,
        .acts = form.parameters[0] == NULL,
        .permission = aq_command_permission(&aq_command_resource_exec),
    };
    json_t *made = openapi_operation(&of);
    if (session)
        openapi_add_parameter(made, "path", "session", "number of the session", openapi_type("integer"));
    return made;
}

static json_t *command_schema(json_t *schemas)
{
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < aq_resource_exec_record.count; i++) {
        const struct aq_field *field = &aq_resource_exec_record.fields[i];
        if (!aq_command_takes_field(&aq_command_resource_exec, field))
            continue;
        json_object_set_new(properties, field->name, openapi_field(field, true, schemas));
        if (field->rules & AQ_REQUIRED)
            json_array_append_new(required, json_string(field->name));
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required", required);
}

void openapi_add_exec(json_t *paths, json_t *schemas)
{
    static const struct query_form none;
    json_t *begun = json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "type", "object", "properties", "resource", "type",
                              "integer", "session", "type", "integer");
    json_t *begin = operation("exec_begin", "run a command in its workload: begins a session", begun, none, false);
    json_object_set_new(begin, "requestBody", body_of(command_schema(schemas), true));
    json_t *send = operation("exec_send", "send input to it, and the size of its terminal",
                             openapi_record(&aq_exec_output_record, false, schemas), none, true);
    json_object_set_new(send, "requestBody", body_of(openapi_record(&aq_exec_input_record, true, schemas), false));
    json_t *receive = operation("exec_receive", "its output: waits for some, for 10 s at most",
                                openapi_record(&aq_exec_output_record, false, schemas),
                                route_form_of_read(&parameters_exec_record), true);
    json_t *end = operation("exec_end", "end it", openapi_record(&aq_exec_output_record, false, schemas), none, true);
    json_object_set_new(paths, "/api/v1/resource/{id}/exec", json_pack("{s:o}", "post", begin));
    json_object_set_new(paths, "/api/v1/resource/{id}/exec/{session}",
                        json_pack("{s:o, s:o, s:o}", "get", receive, "post", send, "delete", end));
}
