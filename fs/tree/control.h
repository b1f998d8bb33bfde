/* Control files: parses what is written to one, and makes the help that is read from one.
 *
 * One write is one whole command, in one of these forms:
 *     echo label=mac version=2 > applications/new      a line of field=value words
 *     echo mac > applications/new                      one word, if the command has a field for it
 *     echo 1 > applications/7/deallocate               1, yes or true, if the command needs no fields
 *     cat label.yml > labels/new                       a YAML or JSON document */
#ifndef AQ_FS_TREE_CONTROL_H
#define AQ_FS_TREE_CONTROL_H

#include "schema/model/command.h"
#include "schema/model/entity.h"

enum { CONTROL_SIZE_MAX = 128 << 10 };

/* Programs with a buffer of their own write a long text in pieces: mostly of a multiple of 512 bytes, and rarely up to
 * the end of a line. The beginning of a document is often a document, so only JSON, which has an end, may look so. */
bool control_is_piece(const char *text, size_t length);

/* May what was refused be the first part of something longer: a piece, a line of a document, a quote that is not
 * closed? */
bool control_is_part(const char *text, size_t length);

/* Makes the packed record of a command from the text of a write. `key` is the key of the row that the file belongs to;
 * empty if it belongs to a table. What is created belongs to `project`, if that is not NULL and it can belong to one.
 */
int control_read(const struct aq_command *command, const char *key, const char *project, const char *text,
                 size_t length, struct aq_buffer *packed, struct aq_error *error) AQ_MUST_CHECK;

/* Appends the help of the control file at `path`. */
void control_help(const struct aq_command *command, const char *path, struct aq_buffer *out);

/* Appends one line for each field of a record. */
void control_help_fields(const struct aq_record *record, const char *indent, struct aq_buffer *out);

#endif
