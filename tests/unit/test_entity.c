/* The registry: codes and names that are unique, somebody who decides each command and projects each event,
 * declarations that fit together, and events that are noted in schema/model/events.lock. */
#include "controller/decide/decide.h"
#include "controller/project/project.h"
#include "schema/base/utf8.h"
#include "schema/codec/entry.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/view.h"
#include "schema/model/vote.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const struct decide_handler *const __start_aq_decide[], *const __stop_aq_decide[];
extern const struct project_handler *const __start_aq_project[], *const __stop_aq_project[];

static void entities_are_found_by_every_name(void **context)
{
    (void)context;
    const struct aq_entity *entity, *other;
    size_t count = 0;
    for (; (entity = aq_entity_at(count)) != NULL; count++) {
        assert_ptr_equal(aq_entity_find(entity->name), entity);
        assert_ptr_equal(aq_entity_find(entity->plural), entity);
        assert_string_equal(entity->record->name, entity->name);
        if (count > 0)
            assert_true(aq_entity_at(count - 1)->rank < entity->rank); /* a rank of its own, or one would be lost */
        for (size_t i = 0; i < count; i++) {
            other = aq_entity_at(i);
            assert_string_not_equal(other->name, entity->name);
            assert_string_not_equal(other->plural, entity->plural);
            assert_string_not_equal(other->name, entity->plural);
        }
    }
    assert_true(count > 0);
    assert_null(aq_entity_find("nothing"));
}

static void an_entity_has_one_key_and_fields_that_it_names(void **context)
{
    (void)context;
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        const struct aq_record *record = entity->record;
        const struct aq_field *key = aq_entity_key(entity);
        unsigned keys = 0;
        for (size_t k = 0; k < record->count; k++)
            keys += (record->fields[k].rules & AQ_KEY) != 0;
        assert_int_equal(keys, 1);
        assert_true(key->type == AQ_TYPE_U64 || key->type == AQ_TYPE_NAME);
        assert_true(entity->owner == NULL || aq_record_field(record, entity->owner) != NULL);
        assert_true((entity->owner == NULL) == (entity->owner_number == NULL));
        assert_true(entity->owner == NULL || aq_record_field(record, entity->owner_number)->type == AQ_TYPE_U64);
        assert_true((entity->group == NULL) == (entity->member == NULL));
        assert_true(entity->group == NULL || aq_record_field(record, entity->group) != NULL);
        assert_true(entity->member == NULL || aq_record_field(record, entity->member) != NULL);
        assert_true(entity->project == NULL || aq_field_is_text(aq_record_field(record, entity->project)));
        assert_true((entity->pair[0] == NULL) == (entity->pair[1] == NULL));
        for (size_t k = 0; k < AQ_LENGTH(entity->pair) && entity->pair[k] != NULL; k++)
            assert_int_equal(aq_record_field(record, entity->pair[k])->type, AQ_TYPE_NAME);
        assert_true(entity->file_field == NULL || aq_record_field(record, entity->file_field) != NULL);
    }
}

static void a_command_is_found_by_code_name_and_verb(void **context)
{
    (void)context;
    const struct aq_command *command;
    size_t count = 0;
    for (; (command = aq_command_at(count)) != NULL; count++) {
        char name[80];
        assert_true(command->code >= 1 && command->code <= 65535);
        if (count > 0)
            assert_true(aq_command_at(count - 1)->code < command->code);
        assert_ptr_equal(aq_command_find(command->code), command);
        assert_ptr_equal(aq_command_named(command->name), command);
        assert_ptr_equal(aq_command_of(command->entity, command->verb), command);
        snprintf(name, sizeof name, "%s_%s", command->entity->name, command->verb);
        assert_string_equal(command->name, name);
        assert_string_equal(command->record->name, name);
        assert_ptr_equal(aq_entity_find(command->entity->name), command->entity);
        assert_non_null(command->help);
        assert_true(command->value == NULL || aq_record_field(command->record, command->value) != NULL);
    }
    assert_true(count > 0);
    assert_null(aq_command_find(0));
    assert_null(aq_command_named("nothing"));
    assert_null(aq_command_of(&aq_entity_node, "nothing"));
}

/* Its first field says which one is meant, in the form of the entity's key. */
static void a_command_names_its_entity_first(void **context)
{
    (void)context;
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        const struct aq_field *first = &command->record->fields[0];
        const struct aq_field *key = aq_entity_key(command->entity);
        if (command->kind == AQ_CREATES)
            continue;
        if (first->type != key->type || !(first->rules & AQ_REQUIRED))
            fail_msg("%s", command->name);
    }
}

static void each_command_has_one_that_decides_it(void **context)
{
    (void)context;
    const struct aq_command *command;
    size_t count = 0;
    for (; (command = aq_command_at(count)) != NULL; count++) {
        unsigned handlers = 0;
        for (const struct decide_handler *const *row = __start_aq_decide; row < __stop_aq_decide; row++)
            handlers += (*row)->command == command;
        if (handlers != 1)
            fail_msg("%u decide %s", handlers, command->name);
    }
    assert_int_equal(__stop_aq_decide - __start_aq_decide, count);
}

static void each_event_has_one_that_projects_it(void **context)
{
    (void)context;
    const struct aq_event_type *type;
    size_t count = 0;
    for (; (type = aq_event_type_at(count)) != NULL; count++) {
        unsigned handlers = 0;
        for (const struct project_handler *const *row = __start_aq_project; row < __stop_aq_project; row++)
            handlers += (*row)->type == type;
        if (handlers != 1)
            fail_msg("%u project %s", handlers, type->record->name);
        assert_ptr_equal(aq_event_type_find(type->code), type);
        assert_ptr_equal(aq_entity_find(type->entity->name), type->entity);
        if (count > 0)
            assert_true(aq_event_type_at(count - 1)->code < type->code);
    }
    assert_int_equal(__stop_aq_project - __start_aq_project, count);
    assert_null(aq_event_type_find(0));
}

static void a_view_is_found_by_its_name(void **context)
{
    (void)context;
    const struct aq_view *view;
    size_t count = 0;
    for (; (view = aq_view_at(count)) != NULL; count++) {
        assert_ptr_equal(aq_view_of(view->entity, view->name), view);
        assert_true(view->kind < aq_view_kind_count);
        assert_true(view->help[0] != '\0');
        /* A name in a row's directory, route or list of verbs stands for one thing. */
        assert_null(aq_record_field(view->entity->record, view->name));
        const struct aq_command *command = aq_command_of(view->entity, view->name);
        assert_true(command == NULL || (command->for_view != NULL && strcmp(command->for_view, view->name) == 0));
        assert_true(view->kind != AQ_VIEW_LIVE || view->entity->live != NULL);
    }
    assert_true(count > 0);
    assert_null(aq_view_of(&aq_entity_node, "nothing"));
    assert_null(aq_view_of(&aq_entity_node, "why"));
}

/* ---- declarations ------------------------------------------------------------------------------------- */

static void check_field(const struct aq_record *record, size_t i)
{
    const struct aq_field *field = &record->fields[i];
    for (size_t k = 0; k < i; k++)
        if (strcmp(record->fields[k].name, field->name) == 0)
            fail_msg("%s has two fields %s", record->name, field->name);
    bool good = aq_name_is_good(field->name, strlen(field->name)) &&
                strspn(field->name, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(field->name);
    good &= field->least <= field->most || field->type == AQ_TYPE_RECORD || field->type == AQ_TYPE_ENUM;
    good &= field->offset < record->size;
    good &= field->help != NULL && field->help[0] != '\0';
    good &= (field->type == AQ_TYPE_ENUM) == (field->words != NULL);
    good &= (field->type == AQ_TYPE_RECORD || field->type == AQ_TYPE_LIST) == (field->record != NULL);
    good &= field->refers == NULL || aq_field_is_reference(field) || field->type == aq_entity_key(field->refers)->type;
    if (!good)
        fail_msg("%s.%s", record->name, field->name);
}

static void check_record(const struct aq_record *record)
{
    assert_true(record->version >= 1 && record->count >= 1 && record->help[0] != '\0');
    for (size_t i = 0; i < record->count; i++) {
        check_field(record, i);
        if (record->fields[i].record != NULL)
            check_record(record->fields[i].record);
    }
}

static void every_field_is_declared_well(void **context)
{
    (void)context;
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct aq_event_type *type;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        check_record(entity->record);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        check_record(command->record);
    for (size_t i = 0; (type = aq_event_type_at(i)) != NULL; i++)
        check_record(type->record);
    check_record(&aq_entry_record);
    check_record(&aq_ballot_record);
    check_record(&aq_vote_record);
}

/* What an event says, its command could say: no entity's bounds are narrower than its events'. */
static void what_happened_to_an_entity_fits_its_row(void **context)
{
    (void)context;
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        const struct aq_record *row = command->entity->record;
        for (size_t k = 0; k < command->record->count; k++) {
            const struct aq_field *asked = &command->record->fields[k], *kept = aq_record_field(row, asked->name);
            if (kept == NULL || kept->type != asked->type || asked->record != NULL)
                continue;
            if (asked->most > kept->most)
                fail_msg("%s.%s may be more than %s.%s", command->name, asked->name, row->name, kept->name);
        }
    }
}

/* ---- events.lock -------------------------------------------------------------------------------------- */

static bool stands_in_lock(const char *line)
{
    char read[200];
    bool found = false;
    FILE *lock = fopen("schema/model/events.lock", "r");
    if (lock == NULL) {
        print_message("schema/model/events.lock is looked for from the root of the tree\n");
        skip();
    }
    while (!found && fgets(read, sizeof read, lock) != NULL)
        found = strcmp(read, line) == 0;
    fclose(lock);
    return found;
}

static void each_event_is_noted_in_its_present_form(void **context)
{
    (void)context;
    const struct aq_event_type *type;
    char line[200];
    for (size_t i = 0; (type = aq_event_type_at(i)) != NULL; i++) {
        snprintf(line, sizeof line, "%u %s %u %016" PRIx64 "\n", type->code, type->record->name, type->record->version,
                 aq_record_fingerprint(type->record));
        if (!stands_in_lock(line))
            fail_msg("schema/model/events.lock has no line %s", line);
    }
}

static void a_fingerprint_tells_declarations_apart(void **context)
{
    (void)context;
    assert_int_not_equal(aq_record_fingerprint(&aq_node_joined_record), aq_record_fingerprint(&aq_node_changed_record));
    assert_int_equal(aq_record_fingerprint(&aq_node_deleted_record), aq_record_fingerprint(&aq_node_deleted_record));
}

/* ---- statuses ----------------------------------------------------------------------------------------- */

static void words_are_found_and_have_help(void **context)
{
    (void)context;
    static const struct aq_words *const lists[] = {&aq_application_status_words, &aq_resource_status_words,
                                                   &aq_node_status_words, &aq_answer_words};
    for (size_t i = 0; i < AQ_LENGTH(lists); i++)
        for (uint32_t k = 0; k < lists[i]->count; k++) {
            assert_int_equal(aq_words_find(lists[i], lists[i]->words[k]), k);
            assert_true(lists[i]->help[k][0] != '\0');
        }
    assert_int_equal(aq_words_find(&aq_node_status_words, "root"), -1);
    assert_int_equal(aq_application_status_count, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entities_are_found_by_every_name),
        cmocka_unit_test(an_entity_has_one_key_and_fields_that_it_names),
        cmocka_unit_test(a_command_is_found_by_code_name_and_verb),
        cmocka_unit_test(a_command_names_its_entity_first),
        cmocka_unit_test(a_view_is_found_by_its_name),
        cmocka_unit_test(each_command_has_one_that_decides_it),
        cmocka_unit_test(each_event_has_one_that_projects_it),
        cmocka_unit_test(every_field_is_declared_well),
        cmocka_unit_test(what_happened_to_an_entity_fits_its_row),
        cmocka_unit_test(each_event_is_noted_in_its_present_form),
        cmocka_unit_test(a_fingerprint_tells_declarations_apart),
        cmocka_unit_test(words_are_found_and_have_help),
    };
    return cmocka_run_group_tests_name("entity", tests, NULL, NULL);
}
