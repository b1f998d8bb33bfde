/* What is written into a control file, and what is read from one.
 *
 * One write is one whole command, in whichever form is handy:
 *     echo label=mac version=2 > applications/new      a line of field=value words
 *     echo mac > applications/new                      a bare word, where the command names a field for it
 *     echo 1 > applications/7/deallocate               1, yes or true, where there is nothing to say
 *     cat label.yml > labels/new                       a YAML or JSON document */
#ifndef AQ_FS_TREE_CONTROL_H
#define AQ_FS_TREE_CONTROL_H

#include "schema/model/command.h"
#include "schema/model/entity.h"

enum { CONTROL_SIZE_MAX = 128 << 10 };

/* Turns what was written into the command's packed record. `key` is that of the row in whose directory the file stands;
 * empty for a table's own. */
int control_read(const struct aq_command *command, const char *key, const char *text, size_t length,
                 struct aq_buffer *packed, struct aq_error *error) AQ_MUST_CHECK;

/* Appends how the command's file is used: `path` is where it stands. */
void control_help(const struct aq_command *command, const char *path, struct aq_buffer *out);

/* Appends one line about each field of a record. */
void control_help_fields(const struct aq_record *record, const char *indent, struct aq_buffer *out);

#endif
