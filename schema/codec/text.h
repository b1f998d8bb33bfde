/* Fields as text, and a command as one line of field=value words. For numbers see number.h. */
#ifndef AQ_SCHEMA_CODEC_TEXT_H
#define AQ_SCHEMA_CODEC_TEXT_H

#include "schema/codec/number.h"

#include <jansson.h>

/* Appends one field, as `cat` of its file shows it: texts as they are, records and lists as one "name=value" line per
 * leaf, arguments quoted as for a shell, without a line break at the end. Characters that change what a reader sees
 * (aq_utf8_harmful()) are escaped: documents may have them, and texts of earlier builds. */
void aq_field_to_text(const struct aq_field *field, const void *object, struct aq_buffer *out);

/* Reads and checks a field of one value, or a list of texts: separated by commas, or as in a document, [a, b];
 * arguments as words of a shell. `path` is what the user calls the field. */
int aq_field_from_text(const struct aq_field *field, void *object, const char *text, const char *path,
                       struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Reads "label=mac version=2 metadata='{"a": 1}'" as a JSON object of texts, with quotes and backslashes as in a shell.
 * "a.b=1" makes {"a": {"b": "1"}}. Returns a new reference; NULL with `error`. */
json_t *aq_line_parse(const char *line, size_t length, struct aq_error *error) AQ_MUST_CHECK;

/* The number of letters to change to turn one name into the other, for "did you mean"; 99 for long texts. */
unsigned aq_text_distance(const char *a, const char *b);

#endif
