/* Values as people write and read them: one field as text (what `cat` of its file shows, what a cell of a table
 * holds), and a command as one line of field=value words. */
#ifndef AQ_SCHEMA_CODEC_TEXT_H
#define AQ_SCHEMA_CODEC_TEXT_H

#include "schema/model/record.h"

#include <jansson.h>

/* The value alone: "4", "0.5", "512MiB", "1h30m", "NEW", "2026-11-20T22:57:13.123Z". */
void aq_number_to_text(const struct aq_field *field, uint64_t value, struct aq_buffer *out);
/* The same where AQ_PUT_NUMBER_MAX bytes have room (put.h), for all but words. Returns where it ended. */
char *aq_number_put(const struct aq_field *field, uint64_t value, char *at);

/* One field: texts as they are, records and lists as one "name=value" line per leaf, without a last line break. */
void aq_field_to_text(const struct aq_field *field, const void *object, struct aq_buffer *out);

/* Reads a number of any type ("4", "1.5", "2GiB", "90m", "2026-11-20T22:57:13Z", a word of an enum, true/false). */
int aq_number_from_text(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                        struct aq_error *error) AQ_MUST_CHECK;

/* Reads and checks a single-valued field, or a list of texts separated by commas; `path` is for the error. */
int aq_field_from_text(const struct aq_field *field, void *object, const char *text, const char *path,
                       struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* "label=mac version=2 metadata='{"a": 1}'" as a JSON object of texts; quotes and backslash as in a shell.
 * "a.b=1" makes {"a": {"b": "1"}}. NULL with `error` on failure; else the caller's reference. */
json_t *aq_line_parse(const char *line, size_t length, struct aq_error *error) AQ_MUST_CHECK;

/* "2026-11-20T22:57:13.123Z" (25 bytes with its NUL). Returns the length. */
enum { AQ_TIME_TEXT_SIZE = 32 };
size_t aq_time_to_text(uint64_t time_ms, char out[AQ_TIME_TEXT_SIZE]);

/* How many letters must change to turn one name into the other, for "did you mean"; 99 for long texts. */
unsigned aq_text_distance(const char *a, const char *b);

#endif
