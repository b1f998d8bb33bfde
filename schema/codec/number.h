/* Numbers and times as text: what table cells, files and JSON show, and what people type. */
#ifndef AQ_SCHEMA_CODEC_NUMBER_H
#define AQ_SCHEMA_CODEC_NUMBER_H

#include "schema/model/record.h"

/* Appends the value: "4", "0.5", "512MiB", "1h30m", "NEW", "2026-11-20T22:57:13.123Z". */
void aq_number_to_text(const struct aq_field *field, uint64_t value, struct aq_buffer *out);

/* The same for all types but enums, without a check for room: `at` has AQ_PUT_NUMBER_MAX bytes (put.h). Returns the end
 * of what was written. */
char *aq_number_put(const struct aq_field *field, uint64_t value, char *at);

/* Reads a number of any type: "4", "1.5", "2GiB", "90m", "2026-11-20T22:57:13Z", a word of an enum, true or false. What
 * is finer than the type can hold is rounded up. Does not check the field's bounds. `path` is what the user calls the
 * field. */
int aq_number_from_text(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                        struct aq_error *error) AQ_MUST_CHECK;

/* Writes "2026-11-20T22:57:13.123Z" with a NUL, and returns the length. */
enum { AQ_TIME_TEXT_SIZE = 32 };
size_t aq_time_to_text(uint64_t time_ms, char out[AQ_TIME_TEXT_SIZE]);

#endif
