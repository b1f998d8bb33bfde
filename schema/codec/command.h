/* The one way in for commands.
 *
 * REST receives a JSON body and a key in the path; the file view a line, a word or a document, and a key in the
 * directory; the hub a record that aq-fs has packed. All of them check the caller and make the record here, so that a
 * command has one meaning, and its refusals one wording, on every face. decide checks the role again, for commands from
 * every source. */
#ifndef AQ_SCHEMA_CODEC_COMMAND_H
#define AQ_SCHEMA_CODEC_COMMAND_H

#include "schema/model/command.h"
#include "schema/model/entity.h"

#include <jansson.h>

struct aq_yaml_places;

/* Fails with AQ_E_FORBIDDEN when `role`, which is that of `author`, is not enough for the command: "only admins may
 * create labels; bob is a user". */
int aq_command_check_role(const struct aq_command *command, const char *author, enum aq_role role,
                          struct aq_error *error) AQ_MUST_CHECK;

/* The same for a caller from outside, who may not give internal commands, whatever the role. */
int aq_command_check_caller(const struct aq_command *command, const char *author, enum aq_role role,
                            struct aq_error *error) AQ_MUST_CHECK;

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

/* "created", "updated" or "deleted"; NULL for a command with a verb of its own. */
const char *aq_command_past(const struct aq_command *command);

/* Does the command require no field but its key? */
bool aq_command_needs_only_key(const struct aq_command *command);

#endif
