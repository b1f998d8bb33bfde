#include "schema/codec/command.h"

#include "schema/codec/json.h"
#include "schema/model/key.h"

#include <stdio.h>
#include <string.h>

/* ---- who may give it -------------------------------------------------------------------------------------- */

const struct aq_permission *aq_command_permission(const struct aq_command *command)
{
    if (command->kind != AQ_INTERNAL_COMMAND)
        return aq_permission_of_command(command);
    return command->for_view != NULL ? aq_permission_of_view(aq_view_of(command->entity, command->for_view)) : NULL;
}

int aq_command_check_caller(const struct aq_command *command, const struct aq_caller *caller, struct aq_error *error)
{
    char action[AQ_ACTION_SIZE];
    if (caller->internal)
        return 0;
    aq_command_action(command, action);
    const struct aq_permission *permission = aq_command_permission(command);
    if (permission == NULL)
        return aq_fail(error, AQ_E_FORBIDDEN, "only agents and controllers may %s", action);
    return aq_access_check(caller, permission, action, error);
}

/* ---- what only the server sets ---------------------------------------------------------------------------- */

static bool is_empty(const struct aq_field *field, const void *object)
{
    if (aq_field_is_text(field)) {
        const char *text = aq_field_text(field, object);
        return text[0] == '\0' || (field->type == AQ_TYPE_DOCUMENT && strcmp(text, "{}") == 0);
    }
    if (field->type == AQ_TYPE_BYTES)
        return ((const struct aq_bytes *)AQ_AT_CONST(object, field))->length == 0;
    if (field->type == AQ_TYPE_LIST || field->type == AQ_TYPE_TEXTS)
        return ((const struct aq_list *)AQ_AT_CONST(object, field))->count == 0;
    return aq_field_number(field, object) == 0;
}

/* `all`: the record itself is internal. */
static int check_internal(const struct aq_record *record, const void *object, bool all, struct aq_error *error)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        const bool internal = all || (field->rules & AQ_INTERNAL);
        if (field->type == AQ_TYPE_RECORD) {
            if (check_internal(field->record, AQ_AT_CONST(object, field), internal, error) != 0)
                return -1;
        } else if (internal && !is_empty(field, object)) {
            return aq_fail(error, AQ_E_INVALID, "%s is set by the server: leave it out", field->name);
        }
    }
    return 0;
}

int aq_command_check_internal(const struct aq_command *command, const void *record, struct aq_error *error)
{
    return check_internal(command->record, record, false, error);
}

/* ---- its record ------------------------------------------------------------------------------------------- */

const struct aq_field *aq_command_key(const struct aq_command *command)
{
    return command->kind == AQ_CREATES ? NULL : &command->record->fields[0];
}

bool aq_command_takes_field(const struct aq_command *command, const struct aq_field *field)
{
    return field != aq_command_key(command) && !(field->rules & AQ_INTERNAL);
}

const struct aq_field *aq_command_token_field(const struct aq_command *command)
{
    const struct aq_field *field = aq_record_field(command->record, "hash");
    return field != NULL && (field->rules & AQ_INTERNAL) && aq_field_is_text(field) ? field : NULL;
}

const char *aq_command_past(const struct aq_command *command)
{
    static const char *const past[] = {[AQ_CREATES] = "created", [AQ_UPDATES] = "updated", [AQ_DELETES] = "deleted"};
    return command->kind < AQ_LENGTH(past) && past[command->kind] != NULL ? past[command->kind] : command->past;
}

bool aq_command_needs_only_key(const struct aq_command *command)
{
    if (aq_command_key(command) == NULL || command->kind == AQ_UPDATES)
        return false;
    for (size_t i = 1; i < command->record->count; i++)
        if (command->record->fields[i].rules & AQ_REQUIRED)
            return false;
    return true;
}

json_t *aq_command_from_word(const struct aq_command *command, const char *word, size_t length, struct aq_error *error)
{
    static const char *const yes[] = {"1", "yes", "true"};
    const int shown = (int)(length < 100 ? length : 100);
    if (command->value != NULL) {
        json_t *value = json_stringn(word, length);
        if (value != NULL)
            return json_pack("{s:o}", command->value, value);
        (void)aq_fail(error, AQ_E_INVALID, "%s is not valid UTF-8", command->value);
        return NULL;
    }
    if (!aq_command_needs_only_key(command)) {
        (void)aq_fail(error, AQ_E_INVALID, "\"%.*s\" is not field=value, and %s takes no single word", shown, word,
                      command->name);
        return NULL;
    }
    for (size_t i = 0; i < AQ_LENGTH(yes); i++)
        if (length == strlen(yes[i]) && memcmp(word, yes[i], length) == 0)
            return json_object();
    (void)aq_fail(error, AQ_E_INVALID, "%s is \"%.*s\", but must be 1, yes or true", command->verb, shown, word);
    return NULL;
}

/* Fails when the record names a row that is not that of the path. */
static int check_key(const struct aq_entity *entity, const struct aq_field *field, const struct aq_key *path,
                     const void *record, struct aq_error *error)
{
    const struct aq_key given = aq_key_in_field(field, record);
    char given_text[128], path_text[128];
    if (aq_key_equals(&given, path))
        return 0;
    aq_key_to_text(&given, given_text, sizeof given_text);
    aq_key_to_text(path, path_text, sizeof path_text);
    return aq_fail(error, AQ_E_INVALID, "%s is %s, but the path names %s %s: leave %s out", field->name, given_text,
                   entity->name, path_text, field->name);
}

int aq_command_from_json(const struct aq_command *command, const char *key, json_t *json,
                         const struct aq_yaml_places *where, void *record, struct aq_arena *arena,
                         struct aq_error *error)
{
    const struct aq_field *field = aq_command_key(command);
    const struct aq_entity *entity = command->entity;
    struct aq_key path = {0};
    if (field != NULL && aq_key_from_text(entity, key, &path, error) != 0)
        return -1;
    if (json_is_object(json)) {
        if (command->older_form != NULL && command->older_form(json, error) != 0)
            return -1;
        json_t *given = field == NULL ? NULL : json_object_get(json, field->name);
        if (field != NULL && (given == NULL || json_is_null(given)))
            json_object_set_new(json, field->name, json_string(key));
    }
    if (aq_record_from_json(command->record, record, json, where, arena, error) != 0)
        return -1;
    return field == NULL ? 0 : check_key(entity, field, &path, record, error);
}
