/* Texts as JSON strings. */
#ifndef AQ_SCHEMA_CODEC_JSON_STRING_H
#define AQ_SCHEMA_CODEC_JSON_STRING_H

#include "schema/base/memory.h"

/* Appends `text` in quotes, escaped; so are characters that change what a reader sees (aq_utf8_harmful()). */
void aq_json_string(const char *text, size_t length, struct aq_buffer *out);

/* The same when the first quote has been written. */
void aq_json_string_rest(const char *text, size_t length, struct aq_buffer *out);

/* Appends JSON, which has such characters only in its strings, or other text, with these escaped in the same way. */
void aq_json_copy(const char *text, size_t length, struct aq_buffer *out);

#endif
