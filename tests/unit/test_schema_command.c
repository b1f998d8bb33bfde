/* The way in for commands: who may give one, and how its record is made from an object and the key of a path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/codec/command.h"
#include "schema/codec/json.h"
#include "schema/codec/text.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/token.h"
#include "schema/model/user.h"
#include "tests/lib/cluster.h"

static struct aq_arena arena;

static int free_arena(void **state)
{
    (void)state;
    aq_arena_free(&arena);
    return 0;
}

/* ---- making records --------------------------------------------------------------------------------------- */

static int from_json(const struct aq_command *command, const char *key, json_t *json, void **record,
                     struct aq_error *error)
{
    *record = aq_arena_alloc(&arena, command->record->size);
    int status = aq_command_from_json(command, key, json, NULL, *record, &arena, error);
    json_decref(json);
    return status;
}

static json_t *body(const char *text)
{
    struct aq_error error = {0};
    json_t *json = aq_json_parse(text, strlen(text), &error);
    assert_string_equal(error.message, "");
    return json;
}

static json_t *line(const char *text)
{
    struct aq_error error = {0};
    json_t *json = aq_line_parse(text, strlen(text), &error);
    assert_string_equal(error.message, "");
    return json;
}

static void *accepted(const struct aq_command *command, const char *key, json_t *json)
{
    void *record;
    struct aq_error error = {0};
    int status = from_json(command, key, json, &record, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, 0);
    return record;
}

static void refused(const struct aq_command *command, const char *key, json_t *json, const char *message)
{
    void *record;
    struct aq_error error = {0};
    assert_int_equal(from_json(command, key, json, &record, &error), -1);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, message);
}

static void a_create_takes_no_key(void **state)
{
    (void)state;
    const char *const keys[] = {NULL, "", "7"};
    for (size_t i = 0; i < AQ_LENGTH(keys); i++) {
        const struct aq_application_create *record =
            accepted(&aq_command_application_create, keys[i], body("{\"label\":\"mac\",\"version\":2}"));
        assert_string_equal(record->label, "mac");
        assert_int_equal(record->version, 2);
    }
    const struct aq_user_create *user = accepted(&aq_command_user_create, "ann", body("{\"name\":\"bob\"}"));
    assert_string_equal(user->name, "bob");
    refused(&aq_command_user_create, "ann", body("{}"), "name is missing: login");
    assert_null(aq_command_key(&aq_command_user_create));
}

static void the_key_of_the_path_is_filled_in(void **state)
{
    (void)state;
    const struct aq_user_update *update =
        accepted(&aq_command_user_update, "ann", body("{\"role\":\"admin\",\"max_applications\":3}"));
    assert_string_equal(update->name, "ann");
    assert_string_equal(update->role, AQ_ROLE_ADMIN);
    assert_int_equal(update->max_applications, 3);
    const struct aq_label_delete *delete = accepted(&aq_command_label_delete, "12", body("{}"));
    assert_int_equal(delete->id, 12);
    const struct aq_application_deallocate *act = accepted(&aq_command_application_deallocate, "7", body("{}"));
    assert_int_equal(act->id, 7);
    const struct aq_node_maintenance *maintenance =
        accepted(&aq_command_node_maintenance, "n1", line("maintenance=true"));
    assert_string_equal(maintenance->name, "n1");
    assert_true(maintenance->maintenance);
    assert_string_equal(aq_command_key(&aq_command_node_maintenance)->name, "name");
}

static void the_body_may_name_the_row_as_well(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"id\":7}", "{\"id\":\"7\"}", "{\"id\":\"007\"}", "{\"id\":null}"};
    static const char *const lines[] = {"id=7", "id=007"};
    for (size_t i = 0; i < AQ_LENGTH(bodies); i++) {
        const struct aq_application_deallocate *record =
            accepted(&aq_command_application_deallocate, "7", body(bodies[i]));
        assert_int_equal(record->id, 7);
    }
    for (size_t i = 0; i < AQ_LENGTH(lines); i++) {
        const struct aq_label_delete *record = accepted(&aq_command_label_delete, "7", line(lines[i]));
        assert_int_equal(record->id, 7);
    }
    const struct aq_user_delete *user = accepted(&aq_command_user_delete, "ann", body("{\"name\":\"ann\"}"));
    assert_string_equal(user->name, "ann");
}

static void the_body_may_not_name_another_row(void **state)
{
    (void)state;
    const char *const other = "id is 8, but the path names application 7: leave id out";
    refused(&aq_command_application_deallocate, "7", body("{\"id\":8}"), other);
    refused(&aq_command_application_deallocate, "7", body("{\"id\":\"8\"}"), other);
    refused(&aq_command_application_deallocate, "7", line("id=08"), other);
    refused(&aq_command_label_delete, "70", line("id=7"), "id is 7, but the path names label 70: leave id out");
    refused(&aq_command_user_delete, "ann", body("{\"name\":\"Ann\"}"),
            "name is Ann, but the path names user ann: leave name out");
    refused(&aq_command_user_update, "ann", line("name=bob role=user max_applications=1"),
            "name is bob, but the path names user ann: leave name out");
    refused(&aq_command_node_maintenance, "n1", line("name=n2 maintenance=1"),
            "name is n2, but the path names node n1: leave name out");
}

static void a_key_must_have_the_form_of_its_entity(void **state)
{
    (void)state;
    refused(&aq_command_application_deallocate, "007", body("{}"),
            "\"007\" is not a valid application number: use a whole number from 1");
    refused(&aq_command_application_deallocate, "mac", body("{\"id\":7}"),
            "\"mac\" is not a valid application number: use a whole number from 1");
    refused(&aq_command_user_delete, "a b", body("{}"),
            "\"a b\" is not a valid user name: use 1 to 64 letters, digits, '.', '_' and '-'");
    refused(&aq_command_application_deallocate, "7", body("{\"id\":[7]}"), "id is a list, but must be a whole number");
    refused(&aq_command_application_deallocate, "7", body("{\"id\":-7}"), "id is -7, but must be 0 or more");
    refused(&aq_command_user_delete, "ann", body("{\"name\":5}"),
            "name is a number, but must be a text: put it in quotes");
}

static void what_is_not_an_object_is_refused(void **state)
{
    (void)state;
    refused(&aq_command_label_create, "", body("[1]"), "label_create is a list, but must be an object");
    refused(&aq_command_label_create, "", body("7"), "label_create is a number, but must be an object");
    refused(&aq_command_user_update, "ann", body("\"x\""), "user_update is a text, but must be an object");
    refused(&aq_command_label_delete, "1", body("null"), "label_delete is null, but must be an object");
    refused(&aq_command_application_deallocate, "1", body("true"),
            "application_deallocate is true or false, but must be an object");
}

/* What goes without saying may be left out. */
static void maintenance_has_short_forms(void **state)
{
    (void)state;
    const struct aq_node_maintenance *record = accepted(&aq_command_node_maintenance, "n1", line("shutdown_after=10m"));
    assert_true(record->maintenance);
    assert_int_equal(record->shutdown_after, 600);
    record = accepted(&aq_command_node_maintenance, "n1", body("{\"cancel\":true}"));
    assert_false(record->maintenance);
    assert_true(record->cancel);
    record = accepted(&aq_command_node_maintenance, "n1", line("cancel=1"));
    assert_true(record->cancel);
    record = accepted(&aq_command_node_maintenance, "n1", body("{\"maintenance\":false,\"shutdown_after\":1}"));
    assert_false(record->maintenance); /* which is refused later */
    refused(&aq_command_node_maintenance, "n1", line("cancel=false"),
            "maintenance is missing: true: take no new work; false: calls off drain and shutdown, too");
    refused(&aq_command_node_maintenance, "n1", line("shutdown_after=soon"),
            "shutdown_after is \"soon\", but must be a duration such as 90, 90s, 15m, 1h30m or 2d");
}

static void fields_are_checked(void **state)
{
    (void)state;
    refused(&aq_command_application_create, "", body("{\"label\":3.5}"),
            "label is a number, but must be a text: put it in quotes");
    refused(&aq_command_application_create, "", line("label=mac version=x"),
            "version is \"x\", but must be a whole number");
    refused(&aq_command_node_maintenance, "n1", body("{\"maintenance\":\"maybe\"}"),
            "maintenance is \"maybe\", but must be true or false");
    refused(&aq_command_node_maintenance, "n1", body("{}"),
            "maintenance is missing: true: take no new work; false: calls off drain and shutdown, too");
    refused(&aq_command_label_delete, "1", body("{\"force\":true}"), "force is not known; known fields: id");
    refused(&aq_command_user_create, "", body("{\"name\":\"bob\",\"hash\":\"x\"}"),
            "hash is not known; known fields: name, role, max_applications, uid, project");
}

/* None would be read as no bound at all. */
static void an_empty_list_of_what_is_permitted_is_refused(void **state)
{
    (void)state;
    const char *message = "only is empty, which would permit nothing: name something, or leave it out";
    refused(&aq_command_token_create, "", line("name=ci only="), message);
    refused(&aq_command_token_create, "", body("{\"name\":\"ci\",\"only\":[]}"), message);
    const struct aq_token_create *token =
        accepted(&aq_command_token_create, "", body("{\"name\":\"ci\",\"only\":null}"));
    assert_int_equal(token->only.count, 0);
}

static void an_older_form_is_understood(void **state)
{
    (void)state;
    const struct aq_label_create *record =
        accepted(&aq_command_label_create, NULL,
                 body("{\"name\":\"mac\",\"driver\":\"process\",\"definition\":{\"command\":\"sleep\",\"cpu\":2}}"));
    assert_int_equal(record->definitions.count, 1);
    const struct aq_definition *definition = AQ_ITEM(record->definitions, struct aq_definition, 0);
    assert_string_equal(definition->driver, "process");
    assert_int_equal(definition->resources.cpu, 2000);
    refused(&aq_command_label_create, NULL, body("{\"name\":\"mac\",\"driver\":\"process\",\"definitions\":[]}"),
            "definitions cannot be given together with driver and definition: use one form");
    definition = AQ_ITEM(
        ((const struct aq_label_create *)accepted(
             &aq_command_label_create, NULL,
             body("{\"name\":\"mac\",\"driver\":\"vmx\",\"definition\":{\"image\":\"x\",\"requirements\":"
                  "{\"cpu\":14,\"ram\":12,\"disks\":{\"work\":{\"type\":\"apfs\",\"size\":100,\"reuse\":false}}}}}")))
            ->definitions,
        struct aq_definition, 0);
    assert_string_equal(definition->options, "{\"image\":\"x\"}");
    assert_int_equal(definition->resources.cpu, 14000);
    assert_int_equal(definition->resources.ram, 12 * 1024);
    assert_int_equal(definition->resources.disks.count, 1);
    assert_string_equal(AQ_ITEM(definition->resources.disks, struct aq_disk, 0)->name, "work");
    assert_int_equal(AQ_ITEM(definition->resources.disks, struct aq_disk, 0)->size, 100 * 1024);
#define FLAT(definition) body("{\"name\":\"mac\",\"driver\":\"vmx\",\"definition\":" definition "}")
    refused(&aq_command_label_create, NULL, FLAT("{\"requirements\":{\"cpus\":1}}"),
            "definition.requirements.cpus is not known; known fields: cpu, ram, disks, network, slots, lifetime, "
            "node_filter, restart_lost, drain, lease");
    refused(&aq_command_label_create, NULL, FLAT("{\"requirements\":{\"disks\":{\"a\":{\"bytes\":1}}}}"),
            "definition.requirements.disks.a.bytes is not known; known fields: size, type, label, reuse, clone");
    refused(&aq_command_label_create, NULL, FLAT("{\"requirements\":[1]}"),
            "definition.requirements must be an object");
    refused(&aq_command_label_create, NULL, FLAT("{\"cpu\":1,\"requirements\":{\"cpu\":2}}"),
            "definition.requirements.cpu is given a second time in definition: give it once");
    refused(&aq_command_label_create, NULL, FLAT("{\"requirements\":{\"cpu\":\"lots\"}}"),
            "definitions[0].resources.cpu is \"lots\", but must be a number of cores such as 2 or 0.5");
    /* Only where the command declares one. */
    refused(
        &aq_command_application_create, NULL, body("{\"label\":\"mac\",\"driver\":\"x\"}"),
        "driver is not known; known fields: label, version, label_id, metadata, lifetime, project, arguments, secrets");
}

/* ---- bare words ------------------------------------------------------------------------------------------- */

static json_t *word(const struct aq_command *command, const char *text)
{
    struct aq_error error = {0};
    json_t *json = aq_command_from_word(command, text, strlen(text), &error);
    assert_string_equal(error.message, "");
    return json;
}

static void refused_word(const struct aq_command *command, const char *text, const char *message)
{
    struct aq_error error = {0};
    assert_null(aq_command_from_word(command, text, strlen(text), &error));
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, message);
}

static void a_bare_word_sets_the_declared_field(void **state)
{
    (void)state;
    const struct aq_application_create *application =
        accepted(&aq_command_application_create, "", word(&aq_command_application_create, "mac"));
    assert_string_equal(application->label, "mac");
    static const char *const on[] = {"true", "1", "on"}, *const off[] = {"false", "0", "off"};
    for (size_t i = 0; i < AQ_LENGTH(on); i++) {
        const struct aq_node_maintenance *record =
            accepted(&aq_command_node_maintenance, "n1", word(&aq_command_node_maintenance, on[i]));
        assert_true(record->maintenance);
        record = accepted(&aq_command_node_maintenance, "n1", word(&aq_command_node_maintenance, off[i]));
        assert_false(record->maintenance);
    }
    refused(&aq_command_node_maintenance, "n1", word(&aq_command_node_maintenance, "maybe"),
            "maintenance is \"maybe\", but must be true or false");
    refused_word(&aq_command_application_create, "\xff", "label is not valid UTF-8");
}

static void a_yes_will_do_where_the_key_says_everything(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "yes", "true"}, *const no[] = {"0", "no", "tru", "yes!", ""};
    const struct aq_command *const commands[] = {&aq_command_application_deallocate, &aq_command_label_delete};
    for (size_t i = 0; i < AQ_LENGTH(commands); i++) {
        assert_true(aq_command_needs_only_key(commands[i]));
        for (size_t j = 0; j < AQ_LENGTH(yes); j++) {
            const struct aq_application_deallocate *record = accepted(commands[i], "7", word(commands[i], yes[j]));
            assert_int_equal(record->id, 7); /* both records have nothing but the number */
        }
        for (size_t j = 0; j < AQ_LENGTH(no); j++) {
            char message[100];
            snprintf(message, sizeof message, "%s is \"%s\", but must be 1, yes or true", commands[i]->verb, no[j]);
            refused_word(commands[i], no[j], message);
        }
    }
}

static void other_commands_take_no_bare_word(void **state)
{
    (void)state;
    assert_false(aq_command_needs_only_key(&aq_command_user_update));
    assert_false(aq_command_needs_only_key(&aq_command_user_create));
    assert_false(aq_command_needs_only_key(&aq_command_project_update)); /* which would take its whole quota away */
    refused_word(&aq_command_project_update, "1", "\"1\" is not field=value, and project_update takes no single word");
    refused_word(&aq_command_user_update, "1", "\"1\" is not field=value, and user_update takes no single word");
    refused_word(&aq_command_label_create, "mac", "\"mac\" is not field=value, and label_create takes no single word");
}

/* ---- who may give it -------------------------------------------------------------------------------------- */

static void a_command_takes_its_permission(void **state)
{
    (void)state;
    static const struct {
        const struct aq_command *command;
        const char *message;
    } cases[] = {
        {&aq_command_label_create, "bob may not create labels: that takes the permission label.create, which the role "
                                   "user does not give"},
        {&aq_command_label_delete, "bob may not delete labels: that takes the permission label.delete, which the role "
                                   "user does not give"},
        {&aq_command_user_update, "bob may not update users: that takes the permission user.update, which the role "
                                  "user does not give"},
        {&aq_command_node_maintenance, "bob may not run maintenance on nodes: that takes the permission "
                                       "node.maintenance, which the role user does not give"},
    };
    const struct aq_caller bob = test_caller("bob", AQ_ROLE_USER);
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        struct aq_error error = {0};
        assert_int_equal(aq_command_check_caller(cases[i].command, &bob, &error), -1);
        assert_int_equal(error.code, AQ_E_FORBIDDEN);
        assert_string_equal(error.message, cases[i].message);
    }
}

/* From the registry: whatever command there is. */
static void internal_commands_are_for_agents_and_controllers(void **state)
{
    (void)state;
    const struct aq_command *command;
    const struct aq_caller root = test_caller("root", AQ_ROLE_ADMIN), agent = aq_caller_internal("node:n1");
    unsigned internal = 0;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        struct aq_error error = {0};
        const bool is_internal = command->kind == AQ_INTERNAL_COMMAND && command->for_view == NULL;
        assert_int_equal(aq_command_check_caller(command, &agent, &error), 0);
        assert_int_equal(aq_command_check_caller(command, &root, &error), is_internal ? -1 : 0);
        if (is_internal) {
            char message[120];
            snprintf(message, sizeof message, "only agents and controllers may run %s on ", command->verb);
            assert_int_equal(error.code, AQ_E_FORBIDDEN);
            assert_memory_equal(error.message, message, strlen(message));
            internal++;
        }
    }
    assert_true(internal > 5);
}

static void what_the_server_sets_may_not_come_from_outside(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct aq_user_create user = {.name = "bob", .hash = "", .project = ""};
    assert_int_equal(aq_command_check_internal(&aq_command_user_create, &user, &error), 0);
    user.hash = "chosen by a client";
    assert_int_equal(aq_command_check_internal(&aq_command_user_create, &user, &error), -1);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, "hash is set by the server: leave it out");
    struct aq_user_token token = {.name = "bob", .hash = "x"};
    assert_int_equal(aq_command_check_internal(&aq_command_user_token, &token, &error), -1);
}

/* ---- what it takes and does ------------------------------------------------------------------------------- */

static void callers_give_all_but_the_key_and_what_the_server_sets(void **state)
{
    (void)state;
    const struct aq_record *update = aq_command_user_update.record, *create = aq_command_user_create.record;
    assert_false(aq_command_takes_field(&aq_command_user_update, aq_record_field(update, "name")));
    assert_true(aq_command_takes_field(&aq_command_user_update, aq_record_field(update, "role")));
    assert_true(aq_command_takes_field(&aq_command_user_create, aq_record_field(create, "name")));
    assert_false(aq_command_takes_field(&aq_command_user_create, aq_record_field(create, "hash")));
}

static void some_commands_make_a_token(void **state)
{
    (void)state;
    assert_ptr_equal(aq_command_token_field(&aq_command_user_create),
                     aq_record_field(aq_command_user_create.record, "hash"));
    assert_non_null(aq_command_token_field(&aq_command_user_token));
    assert_null(aq_command_token_field(&aq_command_user_update));
    assert_null(aq_command_token_field(&aq_command_label_create));
}

static void what_was_done_has_a_word(void **state)
{
    (void)state;
    assert_string_equal(aq_command_past(&aq_command_label_create), "created");
    assert_string_equal(aq_command_past(&aq_command_user_update), "updated");
    assert_string_equal(aq_command_past(&aq_command_node_delete), "deleted");
    assert_null(aq_command_past(&aq_command_node_maintenance));
    assert_string_equal(aq_command_past(&aq_command_node_revoke), "revoked");
    assert_null(aq_command_past(&aq_command_node_lose));
}

/* ---- keys ------------------------------------------------------------------------------------------------- */

static void keys_are_compared_as_values(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct aq_key seven, eight, ann, bob;
    char name[] = "ann", text[40];
    const struct aq_key same = {.name = name}, zero = {.number = 0};
    assert_int_equal(aq_key_from_text(aq_entity_find("label"), "7", &seven, &error), 0);
    assert_int_equal(aq_key_from_text(aq_entity_find("label"), "8", &eight, &error), 0);
    assert_int_equal(aq_key_from_text(aq_entity_find("user"), "ann", &ann, &error), 0);
    assert_int_equal(aq_key_from_text(aq_entity_find("user"), "bob", &bob, &error), 0);
    assert_true(aq_key_equals(&seven, &(struct aq_key){.number = 7}));
    assert_false(aq_key_equals(&seven, &eight));
    assert_true(aq_key_equals(&ann, &same));
    assert_false(aq_key_equals(&ann, &bob));
    assert_false(aq_key_equals(&ann, &zero));
    assert_false(aq_key_equals(&zero, &ann));
    aq_key_to_text(&seven, text, sizeof text);
    assert_string_equal(text, "7");
    aq_key_to_text(&ann, text, sizeof text);
    assert_string_equal(text, "ann");
}

static void a_number_is_read_in_its_only_form(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "07", "-1", "+1", " 1", "1 ", "1x", "0x1", "99999999999999999999"};
    uint64_t number = 5;
    for (size_t i = 0; i < AQ_LENGTH(bad); i++)
        assert_false(aq_key_read_number(bad[i], &number));
    assert_int_equal(number, 5);
    assert_true(aq_key_read_number("7", &number));
    assert_int_equal(number, 7);
    assert_true(aq_key_is_digits("007"));
    assert_false(aq_key_is_digits(""));
    assert_false(aq_key_is_digits("7a"));
}

static void a_row_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct aq_error error = {0};
    assert_int_equal(aq_key_not_found(&aq_entity_label, aq_key_number(7), &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    assert_string_equal(error.message, "there is no label 7");
    assert_int_equal(aq_key_not_found(&aq_entity_node, aq_key_name("n1"), &error), -1);
    assert_string_equal(error.message, "there is no node n1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_create_takes_no_key, free_arena),
        cmocka_unit_test_teardown(the_key_of_the_path_is_filled_in, free_arena),
        cmocka_unit_test_teardown(the_body_may_name_the_row_as_well, free_arena),
        cmocka_unit_test_teardown(the_body_may_not_name_another_row, free_arena),
        cmocka_unit_test_teardown(a_key_must_have_the_form_of_its_entity, free_arena),
        cmocka_unit_test_teardown(what_is_not_an_object_is_refused, free_arena),
        cmocka_unit_test_teardown(fields_are_checked, free_arena),
        cmocka_unit_test_teardown(an_empty_list_of_what_is_permitted_is_refused, free_arena),
        cmocka_unit_test_teardown(an_older_form_is_understood, free_arena),
        cmocka_unit_test_teardown(maintenance_has_short_forms, free_arena),
        cmocka_unit_test_teardown(a_bare_word_sets_the_declared_field, free_arena),
        cmocka_unit_test_teardown(a_yes_will_do_where_the_key_says_everything, free_arena),
        cmocka_unit_test_teardown(other_commands_take_no_bare_word, free_arena),
        cmocka_unit_test(a_command_takes_its_permission),
        cmocka_unit_test(internal_commands_are_for_agents_and_controllers),
        cmocka_unit_test(what_the_server_sets_may_not_come_from_outside),
        cmocka_unit_test(callers_give_all_but_the_key_and_what_the_server_sets),
        cmocka_unit_test(some_commands_make_a_token),
        cmocka_unit_test(what_was_done_has_a_word),
        cmocka_unit_test(keys_are_compared_as_values),
        cmocka_unit_test(a_number_is_read_in_its_only_form),
        cmocka_unit_test(a_row_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
