/* The way in for commands: what every command passes before it is decided, whichever face it comes from.
 *
 * REST has a JSON body and a key in the path; the file view has a line, a word or a document, and a key in the
 * directory; the hub gets records that aq-fs has packed. They check the caller and make the record here, so that a
 * command means the same, and is refused in the same words, wherever it comes in. decide checks the role once more, for
 * commands from every source. */
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

/* The same for a caller from outside: it may not give internal commands, whatever its role. */
int aq_command_check_caller(const struct aq_command *command, const char *author, enum aq_role role,
                            struct aq_error *error) AQ_MUST_CHECK;

/* Fails when a record that came packed has a value in a field that only the server sets (AQ_INTERNAL). Records made by
 * aq_command_from_json() have none. */
int aq_command_check_internal(const struct aq_command *command, const void *record,
                              struct aq_error *error) AQ_MUST_CHECK;

/* Makes the command's `record` (command->record->size bytes, need not be initialised) from an object of its fields, in
 * the present or in an older form. `key` is the text of the path or directory that names the row; commands that create
 * take none. The object may name the row as well, but not another one. `json` may be changed. Memory comes from
 * `arena`; `where` as in aq_record_from_json(). */
int aq_command_from_json(const struct aq_command *command, const char *key, json_t *json,
                         const struct aq_yaml_places *where, void *record, struct aq_arena *arena,
                         struct aq_error *error) AQ_MUST_CHECK;

/* An object for aq_command_from_json() from one bare word: the value of the field that the command declares for it, or,
 * where the key says everything, 1, yes or true. NULL with `error` for every other word. */
json_t *aq_command_from_word(const struct aq_command *command, const char *word, size_t length,
                             struct aq_error *error) AQ_MUST_CHECK;

/* The field that names the row; NULL for a command that creates. */
const struct aq_field *aq_command_key(const struct aq_command *command);

/* Is this a field that callers give? All but the key, which the path says, and what the server sets. */
bool aq_command_takes_field(const struct aq_command *command, const struct aq_field *field);

/* The field that takes the hash of a new token, for a command that makes one; NULL for every other. */
const struct aq_field *aq_command_token_field(const struct aq_command *command);

/* "created", "updated", "deleted": what the command did to the row. NULL for a command with a verb of its own. */
const char *aq_command_past(const struct aq_command *command);

/* Does the key say everything that must be said? */
bool aq_command_needs_only_key(const struct aq_command *command);

#endif
