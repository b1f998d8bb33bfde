/* The one way in for commands.
 *
 * REST receives a JSON body and a key in the path; the file view a line, a word or a document, and a key in the
 * directory; the hub a record that aq-fs has packed. All of them check the caller and make the record here, so that a
 * command has one meaning, and its refusals one wording, on every face. decide checks the caller again, for commands
 * from every source. */
#ifndef AQ_SCHEMA_CODEC_COMMAND_H
#define AQ_SCHEMA_CODEC_COMMAND_H

#include "schema/model/access.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"

#include <jansson.h>

struct aq_yaml_places;

/* Fails with AQ_E_FORBIDDEN when the caller may not give the command at all, to no row: "bob may not create labels:
 * that takes the permission label.create, which the role user does not give". Internal commands are for agents and
 * controllers alone, unless they are given for callers. Whose row it is, decide checks. */
int aq_command_check_caller(const struct aq_command *command, const struct aq_caller *caller,
                            struct aq_error *error) AQ_MUST_CHECK;

/* What giving it takes; NULL: it comes from agents and controllers alone. */
const struct aq_permission *aq_command_permission(const struct aq_command *command);

/* Fails if a packed record from outside has a value in a field that only the server sets (AQ_INTERNAL).
 * aq_command_from_json() refuses such fields itself. */
int aq_command_check_internal(const struct aq_command *command, const void *record,
                              struct aq_error *error) AQ_MUST_CHECK;

/* Makes the command's `record` (command->record->size bytes, need not be initialised) from a JSON object of its fields,
 * in the present or in an older form. `key` is the row's key in the path or directory; it is ignored for commands that
 * create. The object may repeat the key; a different one is refused. May change `json`. Memory comes from `arena`;
 * `where` as in aq_record_from_json(). */
int aq_command_from_json(const struct aq_command *command, const char *key, json_t *json,
                         const struct aq_yaml_places *where, void *record, struct aq_arena *arena,
                         struct aq_error *error) AQ_MUST_CHECK;

/* Makes an object for aq_command_from_json() from one bare word: the value of the field that the command declares for
 * it, or 1, yes or true for a command that needs only its key. NULL with `error` for any other word. */
json_t *aq_command_from_word(const struct aq_command *command, const char *word, size_t length,
                             struct aq_error *error) AQ_MUST_CHECK;

/* The field that names the row; NULL for a command that creates. */
const struct aq_field *aq_command_key(const struct aq_command *command);

/* May a caller give this field? Not the key, which is in the path, and not what only the server sets. */
bool aq_command_takes_field(const struct aq_command *command, const struct aq_field *field);

/* The field that takes the hash of a new token, for a command that makes one; NULL for every other. */
const struct aq_field *aq_command_token_field(const struct aq_command *command);

/* "created", "updated" or "deleted", or what the command declares; NULL: nothing. */
const char *aq_command_past(const struct aq_command *command);

/* Does it say all to name the row? Not for an update: what is left out of it is set to nothing. */
bool aq_command_needs_only_key(const struct aq_command *command);

#endif
