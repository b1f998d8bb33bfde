/* Every command that may be permitted for own rows is refused for others' rows, as if these were not there. A new such
 * command fails here until it checks the owner, and stands in the table below if it creates rows. */
#include "schema/codec/command.h"
#include "schema/model/join_token.h"
#include "schema/model/membership.h"
#include "schema/model/project.h"
#include "schema/model/task.h"
#include "schema/model/token.h"
#include "tests/lib/decide_case.h"

#include <stdio.h>

enum { ROW = 1 }; /* of each entity whose rows have numbers: alice's */

/* Commands that create: the field that names whose row it will be; NULL: it is the caller's own. */
static const struct {
    const struct aq_command *command;
    const char *owner;
} creating[] = {
    {&aq_command_application_create, NULL},
    {&aq_command_join_token_create, NULL},
    {&aq_command_token_create, "user"},
    {&aq_command_task_create, "application"},
};

static void given_rows(void)
{
    given_cluster();
    GIVEN(user_created, .name = "eve", .role = AQ_ROLE_USER, .hash = "e");
    GIVEN(project_created, .name = "web");
    GIVEN(membership_created, .id = ROW, .project = "web", .user = "alice", .role = AQ_ROLE_USER);
    spec_as("alice", AQ_ROLE_USER);
    GIVEN(application_created, .id = ROW, .label_id = 1, .metadata = "{}");
    GIVEN(task_created, .id = ROW, .application = ROW, .name = "x", .timeout = 1);
    GIVEN(join_token_created, .id = ROW, .name = "*", .uses = 1, .hash = "j");
}

/* A command of this kind about alice, or about row 1. */
static void *record_about(const struct aq_command *command, const struct aq_field *about)
{
    static const char text[] = "other";
    void *record = aq_arena_alloc(&spec.arena, command->record->size);
    for (size_t i = 0; i < command->record->count; i++) {
        const struct aq_field *field = &command->record->fields[i];
        if (aq_field_is_text(field))
            *(const char **)AQ_AT(record, field) = field->rules & AQ_REQUIRED || field->rules & AQ_INTERNAL ? text : "";
        if (strcmp(field->name, "by") == 0)
            *(uint64_t *)AQ_AT(record, field) = 1;
        if (field->type == AQ_TYPE_DOCUMENT)
            *(const char **)AQ_AT(record, field) = "{}";
        if (strcmp(field->name, "role") == 0)
            *(const char **)AQ_AT(record, field) = AQ_ROLE_USER;
    }
    if (aq_field_is_text(about))
        *(const char **)AQ_AT(record, about) = "alice";
    else
        *(uint64_t *)AQ_AT(record, about) = ROW;
    return record;
}

/* Gives the command as eve, who has only this permission, in this scope. */
static void give(const struct aq_command *command, const struct aq_field *about, enum aq_scope scope)
{
    char pattern[AQ_SCOPED_SIZE];
    struct aq_rights rights = {.all = {0}};
    const struct aq_user eve = {.name = "eve", .role = "some", .number = number_of("eve")};
    aq_permission_text(aq_permission_of_command(command), scope, pattern);
    aq_rights_add(&rights, pattern);
    spec.caller = aq_caller_of_user(&eve, &rights);
    spec_when(command, record_about(command, about));
    spec.open = false;
}

static void check(const struct aq_command *command, const struct aq_field *about)
{
    char absent[64];
    const char *row = about->refers != NULL ? about->refers->name : command->entity->name;
    give(command, about, AQ_SCOPE_ALL);
    if (spec.status != 0 && spec.error.code == AQ_E_NOT_FOUND)
        fail_msg("%s: the row is not there: %s", command->record->name, spec.error.message);
    give(command, about, AQ_SCOPE_OWN);
    snprintf(absent, sizeof absent, aq_field_is_text(about) ? "there is no %s alice" : "there is no %s 1", row);
    if (spec.status == 0)
        fail_msg("%s does not check whose row it is", command->record->name);
    if (spec.error.code != AQ_E_NOT_FOUND)
        fail_msg("%s does not check first whose row it is: %s", command->record->name, spec.error.message);
    assert_string_equal(spec.error.message, absent);
    assert_int_equal(spec.decide.count, 0);
}

static void check_creating(const struct aq_command *command)
{
    for (size_t i = 0; i < AQ_LENGTH(creating); i++) {
        if (creating[i].command != command)
            continue;
        if (creating[i].owner != NULL)
            check(command, aq_record_field(command->record, creating[i].owner));
        return;
    }
    fail_msg("%s creates rows, and is not in the table: whose row will it be?", command->record->name);
}

static void others_rows_are_not_there(void **context)
{
    const struct aq_command *command;
    unsigned checked = 0;
    (void)context;
    given_rows();
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        if (command->kind == AQ_INTERNAL_COMMAND || !aq_permission_of_command(command)->has_own)
            continue;
        if (command->kind == AQ_CREATES)
            check_creating(command);
        else
            check(command, aq_command_key(command));
        checked++;
    }
    assert_true(checked >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {SPEC_TEST(others_rows_are_not_there)};
    return cmocka_run_group_tests_name("decide: owners", tests, NULL, NULL);
}
