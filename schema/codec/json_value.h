/* JSON values: read within bounds, written in one form, merged. */
#ifndef AQ_SCHEMA_CODEC_JSON_VALUE_H
#define AQ_SCHEMA_CODEC_JSON_VALUE_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <jansson.h>
#include <stdbool.h>

enum {
    AQ_JSON_DEPTH_MAX = 32,       /* of documents and bodies */
    AQ_DOCUMENT_SIZE_MAX = 65536, /* bytes of one stored document, such as an application's metadata */
};

/* AQ_CLEANUP_JSON json_t *json = ...; gives the reference back on every way out of the scope. */
#define AQ_CLEANUP_JSON AQ_CLEANUP(json_decrefp)

/* Parses JSON text: bounded depth, no duplicate keys, nothing after the end. Returns a new reference; NULL with
 * `error`. */
json_t *aq_json_parse(const char *text, size_t length, struct aq_error *error) AQ_MUST_CHECK;

/* Fails unless `text` is a JSON object within the limits. `path` is what the user calls it. */
int aq_json_check_document(const char *text, const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* Appends a JSON value: compact with `indent` 0, otherwise with so many blanks a level. Keys are sorted when `sorted`,
 * else in the order they came. A number is written in the shortest form that reads back as itself. */
void aq_json_write(const json_t *value, unsigned indent, bool sorted, struct aq_buffer *out);

/* Compact text with sorted keys, in `arena`: the one form in which documents are stored. */
const char *aq_json_compact(const json_t *value, struct aq_arena *arena);

/* Is there nothing in a text of a document: NULL, no text, or {}? */
bool aq_json_is_empty(const char *document);
/* Merges two JSON object texts deeply; members of `second` win. The result is compact, in `arena`. */
const char *aq_json_merge(const char *first, const char *second, struct aq_arena *arena);

#endif
