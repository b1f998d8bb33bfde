/* Records as JSON, out and in, driven by their declarations; and the rules for JSON that comes from outside. */
#ifndef AQ_SCHEMA_CODEC_JSON_H
#define AQ_SCHEMA_CODEC_JSON_H

#include "schema/model/record.h"

#include <jansson.h>

enum {
    AQ_JSON_DEPTH_MAX = 32,       /* of documents and bodies */
    AQ_DOCUMENT_SIZE_MAX = 65536, /* bytes of one stored document, such as an application's metadata */
};

/* Appends the record as a JSON object. Secret fields are left out; a reference to nothing (0 or "") is null. */
void aq_record_to_json(const struct aq_record *record, const void *object, struct aq_buffer *out);
void aq_field_to_json(const struct aq_field *field, const void *object, struct aq_buffer *out);

/* The same from a record where it lies packed (pack.h), of an older edition too: no struct is made of it. Refused is
 * what aq_record_unpack() refuses when it is not strict; nothing is appended then. */
int aq_packed_to_json(const struct aq_record *record, const void *data, size_t length, struct aq_buffer *out,
                      struct aq_error *error) AQ_MUST_CHECK;

/* Appends `text` in quotes, escaped. */
void aq_json_string(const char *text, size_t length, struct aq_buffer *out);

/* Appends a JSON value: compact with `indent` 0, otherwise with so many blanks a level. Keys are sorted when `sorted`,
 * else in the order they came. A number is written in the shortest form that reads back as itself. */
void aq_json_write(const json_t *value, unsigned indent, bool sorted, struct aq_buffer *out);

/* Parses JSON text: bounded depth, no duplicate keys, nothing behind the end. NULL with `error`. */
json_t *aq_json_parse(const char *text, size_t length, struct aq_error *error) AQ_MUST_CHECK;

/* Is `text` a JSON object within the limits? */
int aq_json_check_document(const char *text, const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* Compact text with sorted keys: the one form in which documents are stored. In `arena`. */
const char *aq_json_compact(const json_t *value, struct aq_arena *arena);

/* Fills `object` (record->size bytes, need not be initialised) from a JSON object: presets where nothing is given,
 * unknown fields, internal fields, wrong types and bounds refused with the field's path. Numbers, words and documents
 * may also be given as texts, so that a line of field=value words can be read the same way. Memory comes from `arena`.
 * `where`, when not NULL, tells line and column of a value for the error (see yaml.h). */
struct aq_yaml_places;
int aq_record_from_json(const struct aq_record *record, void *object, const json_t *json,
                        const struct aq_yaml_places *where, struct aq_arena *arena,
                        struct aq_error *error) AQ_MUST_CHECK;

/* Later members win; objects are merged deeply. Both are JSON object texts; the result is compact, in `arena`. */
const char *aq_json_merge(const char *first, const char *second, struct aq_arena *arena);

#endif
