/* aq labels edit mac: a row in an editor, as YAML; what was saved is sent. */
#include "schema/codec/command.h"
#include "schema/codec/yaml.h"
#include "tools/aq/action.h"
#include "tools/aq/body.h"
#include "tools/aq/editor.h"
#include "tools/aq/show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS_MAX = 100 /* of an editor that keeps saving what is refused */ };

struct edit {
    struct cli *cli;
    const struct aq_entity *entity;
    const struct aq_command *command; /* that is sent */
    json_t *fixed;                    /* fields that may not change: a label's name */
    char *path;                       /* the file that is edited */
    struct aq_buffer text;            /* its content when the editor was started last, without our comment */
};

/* What can be changed, in the order of the declaration. */
static json_t *changeable(const struct edit *edit, const json_t *row)
{
    json_t *document = json_object();
    for (size_t i = 0; i < edit->command->record->count; i++) {
        const struct aq_field *field = &edit->command->record->fields[i];
        json_t *value = json_object_get(row, field->name);
        bool is_member = edit->entity->member != NULL && strcmp(edit->entity->member, field->name) == 0;
        if (value != NULL && !is_member && aq_command_takes_field(edit->command, field))
            json_object_set(document, field->name, value);
    }
    return document;
}

/* A field that says which row it is stays as it is. */
static int check_fixed(const struct edit *edit, const json_t *document, struct aq_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach (edit->fixed, name, value)
        if (!json_equal(value, json_object_get(document, name)))
            return aq_fail(error, AQ_E_INVALID, "%s must stay %.64s: another %s is made with aq %s create", name,
                           json_string_value(value), edit->entity->name, edit->entity->plural);
    return 0;
}

/* Reads what was saved, and sends it. `error` says what must be mended, if anything. */
static enum cli_exit send(struct edit *edit, const char *key, struct aq_error *error)
{
    json_t *document = aq_yaml_parse(aq_buffer_string(&edit->text), edit->text.length, NULL, error);
    enum cli_exit code = CLI_USAGE;
    if (document != NULL && !json_is_object(document))
        aq_fail(error, AQ_E_INVALID, "it is not an object of fields");
    else if (document != NULL && check_fixed(edit, document, error) == 0)
        code = cli_write_object(edit->cli, edit->command, key, document, error);
    json_decref(document);
    return code;
}

/* Until what was saved is taken, or nothing is changed any more. */
static enum cli_exit edit_rounds(struct edit *edit, const char *key)
{
    struct aq_error error = {0};
    enum cli_exit code = CLI_DONE;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        bool changed = false;
        if (cli_editor_run(edit->path, &edit->text, round > 0 ? error.message : NULL, &changed, &error) != 0)
            return cli_fail(CLI_FAILED, "%s", error.message);
        if (!changed && round == 0) {
            cli_note("nothing was changed");
            unlink(edit->path);
            return CLI_DONE;
        }
        if (!changed)
            break;
        code = send(edit, key, &error);
        if (code == CLI_DONE)
            unlink(edit->path);
        if (code == CLI_DONE)
            return code;
        if (code == CLI_SERVER)
            break; /* another text would not help */
    }
    return cli_fail(code, "%s; the text is kept in %s", error.message, edit->path);
}

enum cli_exit cli_edit(struct cli *cli, const struct aq_entity *entity, const char *word)
{
    struct edit edit = {.cli = cli, .entity = entity, .command = cli_edit_command(entity)};
    struct cli_reply present;
    struct aq_buffer key = {0};
    struct aq_error error = {0};
    enum cli_exit code = cli_find(cli, entity, word, &present);
    if (code == CLI_DONE) {
        json_t *document = changeable(&edit, present.data);
        const char *group = entity->group;
        edit.fixed = json_object();
        if (group != NULL)
            json_object_set(edit.fixed, group, json_object_get(document, group));
        cli_row_key(entity->record, present.data, &key);
        aq_yaml_print(document, &edit.text);
        if (cli_editor_file(entity->name, &edit.path, &error) != 0)
            code = cli_fail(CLI_FAILED, "%s", error.message);
        else
            code = edit_rounds(&edit, edit.command->kind == AQ_CREATES ? NULL : aq_buffer_string(&key));
        json_decref(document);
    }
    cli_reply_close(&present);
    json_decref(edit.fixed);
    aq_buffer_free(&edit.text);
    aq_buffer_free(&key);
    free(edit.path);
    return code;
}
