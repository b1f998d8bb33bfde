/* Records as JSON, out and in, driven by their declarations. */
#ifndef AQ_SCHEMA_CODEC_JSON_H
#define AQ_SCHEMA_CODEC_JSON_H

#include "schema/codec/json_string.h"
#include "schema/codec/json_value.h"
#include "schema/model/record.h"

/* Appends the record as a JSON object. Secret fields are left out; a reference to nothing (0 or "") is null. */
void aq_record_to_json(const struct aq_record *record, const void *object, struct aq_buffer *out);
void aq_field_to_json(const struct aq_field *field, const void *object, struct aq_buffer *out);

/* The same from a packed record (pack.h), of an older version too, without making a struct of it. Fails where a
 * non-strict aq_record_unpack() fails; nothing is appended then. */
int aq_packed_to_json(const struct aq_record *record, const void *data, size_t length, struct aq_buffer *out,
                      struct aq_error *error) AQ_MUST_CHECK;

/* Fills `object` (record->size bytes, need not be initialised) from a JSON object; what is not given keeps its preset.
 * Fails with the field's path for unknown and internal fields, wrong types and values out of bounds. Numbers, words and
 * documents may also be given as texts, so that a line of field=value words can be read the same way. Memory comes from
 * `arena`. `where`, when not NULL, gives line and column of a value for the error (see yaml.h). */
struct aq_yaml_places;
int aq_record_from_json(const struct aq_record *record, void *object, const json_t *json,
                        const struct aq_yaml_places *where, struct aq_arena *arena,
                        struct aq_error *error) AQ_MUST_CHECK;

#endif
