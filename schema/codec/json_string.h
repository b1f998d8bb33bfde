/* Texts as JSON strings. */
#ifndef AQ_SCHEMA_CODEC_JSON_STRING_H
#define AQ_SCHEMA_CODEC_JSON_STRING_H

#include "schema/base/memory.h"

/* Appends `text` in quotes, escaped. */
void aq_json_string(const char *text, size_t length, struct aq_buffer *out);

/* The same when the first quote has been written. */
void aq_json_string_rest(const char *text, size_t length, struct aq_buffer *out);

#endif
