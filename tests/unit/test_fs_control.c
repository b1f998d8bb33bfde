/* Control files: given this text, then this record, or this error. */
#include "fs/tree/control.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/role.h"
#include "schema/model/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct aq_arena arena;

static int forget(void **state)
{
    (void)state;
    aq_arena_free(&arena);
    return 0;
}

/* The record made from the text. */
static void *accepted(const struct aq_command *command, const char *key, const char *text)
{
    struct aq_buffer packed = {0};
    struct aq_error error = {0};
    int status = control_read(command, key, NULL, text, strlen(text), &packed, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, 0);
    void *record = aq_arena_alloc(&arena, command->record->size);
    assert_int_equal(aq_record_unpack(command->record, record, packed.data, packed.length, true, &arena, &error), 0);
    aq_buffer_free(&packed);
    return record;
}

static void refused_bytes(const struct aq_command *command, const char *key, const char *text, size_t length,
                          enum aq_error_code code, const char *words)
{
    struct aq_buffer packed = {0};
    struct aq_error error = {0};
    assert_int_equal(control_read(command, key, NULL, text, length, &packed, &error), -1);
    assert_int_equal(packed.length, 0);
    assert_int_equal(error.code, code);
    if (strstr(error.message, words) == NULL)
        assert_string_equal(error.message, words); /* shows both */
    aq_buffer_free(&packed);
}

static void refused(const struct aq_command *command, const char *key, const char *text, const char *words)
{
    refused_bytes(command, key, text, strlen(text), AQ_E_INVALID, words);
}

static void an_application_in_every_form(void **state)
{
    (void)state;
    const struct aq_command *create = &aq_command_application_create;
    static const char *const forms[] = {
        "label=mac version=2 metadata='{\"a\":1}'\n",
        "label=mac\nversion=2\nmetadata.a=1\n",
        "label: mac\nversion: 2\nmetadata: {a: 1}\n",
        "---\nlabel: mac\nversion: 2\nmetadata:\n  a: 1\n",
        "# a comment\nlabel: mac\nversion: 2\nmetadata: {a: 1}\n",
        "{\"label\": \"mac\", \"version\": 2, \"metadata\": {\"a\": 1}}",
        "  {\"label\":\"mac\",\"version\":\"2\",\"metadata\":{\"a\":1}}\n\n",
    };
    for (size_t i = 0; i < AQ_LENGTH(forms); i++) {
        const struct aq_application_create *record = accepted(create, "", forms[i]);
        assert_string_equal(record->label, "mac");
        assert_int_equal(record->version, 2);
        assert_non_null(strstr(record->metadata, "\"a\":"));
    }
    const struct aq_application_create *record = accepted(create, "", "mac\n");
    assert_string_equal(record->label, "mac");
    assert_int_equal(record->version, 0);
}

static void errors_name_what_is_wrong(void **state)
{
    (void)state;
    const struct aq_command *create = &aq_command_application_create;
    refused(create, "", "", "nothing was written");
    refused(create, "", " \n\t", "nothing was written");
    refused(create, "", "label=mac colour=red", "colour is not known");
    refused(create, "", "label=mac version=abc", "version is \"abc\"");
    refused(create, "", "label=mac version=4294967296", "version");
    refused(create, "", "label=\"mac", "a quote (\") is not closed");
    refused(create, "", "label: mac\nversion: -1\n", "2:10: version");
    refused(create, "", "label: mac\n x: [\n", "2:");
    refused(create, "", "{\"label\": true}", "label is true or false");
    refused(create, "", "{\"label\": ", "not valid JSON");
    refused(create, "", "[1]", "must be an object");
    refused(create, "", "- a\n- b\n", "must be an object");
    refused(create, "", "\xff\xfe", "UTF-8");
    refused(create, "", "label=\xff", "UTF-8");
    refused_bytes(create, "", "label=mac\0", 10, AQ_E_INVALID, "NUL");
}

static void too_much_is_refused(void **state)
{
    (void)state;
    size_t length = CONTROL_SIZE_MAX + 1;
    char *text = aq_malloc(length);
    memset(text, 'a', length);
    refused_bytes(&aq_command_application_create, "", text, length, AQ_E_TOO_LARGE, "more than 131072");
    memset(text, ' ', length);
    refused_bytes(&aq_command_application_create, "", text, length - 1, AQ_E_INVALID, "nothing was written");
    free(text);
}

static void a_command_without_fields_takes_a_yes(void **state)
{
    (void)state;
    const struct aq_command *deallocate = &aq_command_application_deallocate;
    static const char *const yes[] = {"1", "yes\n", "true\n", "id=7", "{\"id\": 7}", "---\nid: 7\n", "{}"};
    for (size_t i = 0; i < AQ_LENGTH(yes); i++) {
        const struct aq_application_deallocate *record = accepted(deallocate, "7", yes[i]);
        assert_int_equal(record->id, 7);
    }
    refused(deallocate, "7", "0", "deallocate is \"0\", but must be 1, yes or true");
    refused(deallocate, "7", "no", "must be 1, yes or true");
    refused(deallocate, "7", "id=8", "id is 8, but the path names application 7: leave id out");
    refused(deallocate, "7", "{\"id\": [7]}", "id is a list, but must be a whole number");
    refused(deallocate, "7", "force=1", "force is not known");
    refused(deallocate, "7", "", "nothing was written");
}

static void a_bare_word_sets_the_field_that_the_command_declares(void **state)
{
    (void)state;
    const struct aq_node_maintenance *record = accepted(&aq_command_node_maintenance, "n1", "true\n");
    assert_string_equal(record->name, "n1");
    assert_true(record->maintenance);
    record = accepted(&aq_command_node_maintenance, "n1", "maintenance=false");
    assert_false(record->maintenance);
    refused(&aq_command_node_maintenance, "n1", "maybe", "maintenance is \"maybe\"");
    refused(&aq_command_user_update, "bob", "admin", "\"admin\" is not field=value");
    refused(&aq_command_user_update, "bob", "role=admin", "max_applications is missing");
}

static void labels_may_have_the_old_form(void **state)
{
    (void)state;
    const struct aq_label_create *record = accepted(
        &aq_command_label_create, "", "name: mac\ndriver: process\ndefinition:\n  command: sleep 1\n  cpu: 2\n");
    assert_int_equal(record->definitions.count, 1);
    const struct aq_definition *definition = AQ_ITEM(record->definitions, struct aq_definition, 0);
    assert_string_equal(definition->driver, "process");
    assert_int_equal(definition->resources.cpu, 2000);
    refused(&aq_command_label_create, "", "---\nname: mac\n", "definitions is missing");
    refused(&aq_command_label_create, "", "name: mac\ndefinitions:\n  - {driver: process, resources: {cpu: x}}\n",
            "definitions[0].resources.cpu");
}

/* bash's printf writes a document line by line. */
static void no_line_of_a_document_is_a_command(void **state)
{
    (void)state;
    const struct aq_command *create = &aq_command_application_create;
    refused(
        create, "", "label: mac\n",
        "\"label: mac\" is one line of a document: write label=mac, or write a document as a whole, as with cat <<X");
    refused(create, "", "label: 2, version: 1\n", "write label=2 version=1, or write");
    refused(create, "", "label: mac:2 lifetime: 1h\n", "write label=mac:2 lifetime=1h, or write");
    refused(create, "", "label: mac note: a\n", "of a document: write a document");
    refused(create, "", "label: my mac version: 1\n", "of a document: write a document");
    refused(create, "", "label: version: 1\n", "of a document: write a document");
    refused(create, "", "mac: 1\n", "is one line of a document: write a document as a whole"); /* it has no field mac */
    refused(create, "", "metadata: |\n", "is one line of a document: write a document as a whole");
    refused(create, "", "label:   \"a b\"\n", "write label='\"a b\"', or");
    refused(&aq_command_node_maintenance, "n1", "maintenance: true\n", "write maintenance=true, or");
    refused(&aq_command_user_update, "bob", "role: admin\n", "write role=admin, or");
    static const char *const lines[] = {"---\n",   "--- # label\n", "# a comment\n", "label:\n",      "%YAML 1.1\n",
                                        "- mac\n", "  mac\n",       "\tmac\n",       "  label=mac\n", "    - 1\n"};
    for (size_t i = 0; i < AQ_LENGTH(lines); i++)
        refused(create, "", lines[i], "is one line of a document: write a document as a whole, as with cat <<X");
    static const char *const parts[] = {"---\n", "# why\n", " 1\n", "  yes\n", "id: 7\n", "...\n"};
    for (size_t i = 0; i < AQ_LENGTH(parts); i++)
        refused(&aq_command_application_deallocate, "7", parts[i], "");
    refused(&aq_command_application_deallocate, "7", "# why\n---\n", "the document is empty");
    refused(&aq_command_application_deallocate, "7", "---\n# why\n", "the document is empty");
}

/* After such a text nothing acts before the file is opened again. */
static void parts_of_texts_are_known(void **state)
{
    (void)state;
    static const char *const parts[] = {"---\n", "label:\n",   "  mac\n",     "[\n",
                                        "{\n",   "label: |\n", "label=\"a\n", "a='\n"};
    static const char *const wholes[] = {"mac\n", "label=mac colour=red\n", "label='a' b=\"c\\\"\"\n", "}", ""};
    for (size_t i = 0; i < AQ_LENGTH(parts); i++)
        assert_true(control_is_part(parts[i], strlen(parts[i])));
    for (size_t i = 0; i < AQ_LENGTH(wholes); i++)
        assert_false(control_is_part(wholes[i], strlen(wholes[i])));
}

/* Programs with a buffer write a long document in pieces, and the first one is often a document by itself. */
static void no_piece_of_a_document_is_a_command(void **state)
{
    (void)state;
    static const size_t sizes[] = {512, 4096, 8192, 65536};
    for (size_t i = 0; i < AQ_LENGTH(sizes); i++) {
        char *text = aq_malloc(sizes[i] + 2);
        size_t used = (size_t)snprintf(text, sizes[i], "label: mac\nmetadata: {a: 1}\n# ");
        memset(text + used, 'x', sizes[i] - used);
        memcpy(text + sizes[i], "\n", 2);
        refused_bytes(&aq_command_application_create, "", text, sizes[i], AQ_E_INVALID,
                      " bytes were written, as programs write the parts of a text: write it as a whole, as with cat");
        text[sizes[i] - 1] = '\n'; /* a piece may end with a line */
        refused_bytes(&aq_command_application_create, "", text, sizes[i], AQ_E_INVALID, "end it with an empty line");
        accepted(&aq_command_application_create, "", text); /* a byte more */
        memset(text, ' ', sizes[i]);
        memcpy(text, "{\"label\": \"mac\"", 15);
        text[sizes[i] - 1] = '}'; /* JSON has an end */
        text[sizes[i]] = '\0';
        accepted(&aq_command_application_create, "", text);
        free(text);
    }
    char text[5002] = "label: mac\nmetadata: {a: 1}\n# ";
    memset(text + strlen(text), 'x', 5000 - strlen(text));
    refused_bytes(&aq_command_application_create, "", text, 5000, AQ_E_INVALID, "5000 bytes were written, as programs");
    text[5000] = '\n';
    accepted(&aq_command_application_create, "", text);
}

static void a_label_goes_by_number_name_and_version(void **state)
{
    (void)state;
    static const char *const forms[][2] = {{"mac:2", "mac:2"},
                                           {"label=mac:2", "mac:2"},
                                           {"label=7", "7"},
                                           {"---\nlabel: 7\n", "7"},
                                           {"{\"label\": \"mac:latest\"}", "mac:latest"}};
    for (size_t i = 0; i < AQ_LENGTH(forms); i++) {
        const struct aq_application_create *record = accepted(&aq_command_application_create, "", forms[i][0]);
        assert_string_equal(record->label, forms[i][1]);
    }
    refused(&aq_command_application_create, "", "mac:two",
            "label: \"mac:two\" is not a valid label: use its number, its name, or name:version");
    refused(&aq_command_application_create, "", "label=mac:02", "is not a valid label");
    refused(&aq_command_application_create, "", "label=:2", "is not a valid label");
}

static void help_lists_the_fields(void **state)
{
    (void)state;
    struct aq_buffer help = {0};
    control_help(&aq_command_application_create, "/aquarium/applications/new", &help);
    assert_non_null(strstr(help.data, "echo <label> > /aquarium/applications/new"));
    for (size_t i = 0; i < aq_command_application_create.record->count; i++)
        if (!(aq_command_application_create.record->fields[i].rules & AQ_INTERNAL))
            assert_non_null(strstr(help.data, aq_command_application_create.record->fields[i].help));
    assert_non_null(strstr(help.data, "(number, name, or name:version)"));
    aq_buffer_reset(&help);
    control_help(&aq_command_application_deallocate, "/x/deallocate", &help);
    assert_non_null(strstr(help.data, "echo 1 > /x/deallocate"));
    aq_buffer_reset(&help);
    control_help(&aq_command_user_create, "/x/new", &help);
    assert_null(strstr(help.data, "hash")); /* filled by the server */
    aq_buffer_free(&help);
}

static void what_is_created_belongs_to_the_mounts_project(void **state)
{
    (void)state;
    static const char *const right[] = {"mac", "label=mac", "label=mac project=web", "{\"label\": \"mac\"}"};
    struct aq_error error = {0};
    struct aq_application_create create;
    struct aq_buffer packed = {0};
    for (size_t i = 0; i < AQ_LENGTH(right); i++) {
        aq_buffer_reset(&packed);
        assert_int_equal(
            control_read(&aq_command_application_create, "", "web", right[i], strlen(right[i]), &packed, &error), 0);
        assert_int_equal(
            aq_record_unpack(&aq_application_create_record, &create, packed.data, packed.length, true, &arena, &error),
            0);
        assert_string_equal(create.project, "web");
    }
    const char *wrong = "label=mac project=ci";
    assert_int_equal(control_read(&aq_command_application_create, "", "web", wrong, strlen(wrong), &packed, &error),
                     -1);
    assert_string_equal(error.message, "project is \"ci\", but this mount is for project web");
    aq_buffer_reset(&packed); /* what belongs to no project is made as ever */
    wrong = "name=r may=label.read";
    assert_int_equal(control_read(&aq_command_role_create, "", "web", wrong, strlen(wrong), &packed, &error), 0);
    aq_buffer_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_application_in_every_form, forget),
        cmocka_unit_test(errors_name_what_is_wrong),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test_teardown(a_command_without_fields_takes_a_yes, forget),
        cmocka_unit_test_teardown(a_bare_word_sets_the_field_that_the_command_declares, forget),
        cmocka_unit_test_teardown(labels_may_have_the_old_form, forget),
        cmocka_unit_test(no_line_of_a_document_is_a_command),
        cmocka_unit_test_teardown(no_piece_of_a_document_is_a_command, forget),
        cmocka_unit_test(parts_of_texts_are_known),
        cmocka_unit_test_teardown(a_label_goes_by_number_name_and_version, forget),
        cmocka_unit_test(help_lists_the_fields),
        cmocka_unit_test_teardown(what_is_created_belongs_to_the_mounts_project, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
