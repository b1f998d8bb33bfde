/* YAML as JSON values: maps, lists and scalars. Aliases and tags are not allowed; depth, bytes and number of values are
 * bounded. The place of every value is kept for errors.
 *
 * A scalar without quotes is null if it is empty, `null` or `~`; a boolean if it is `true` or `false`; a number if JSON
 * would read it as one within 64 bits; otherwise a text, such as `yes`, `012`, `0x10` and `1.2.3`. A scalar in quotes
 * is always a text. */
#ifndef AQ_SCHEMA_CODEC_YAML_H
#define AQ_SCHEMA_CODEC_YAML_H

#include "schema/base/error.h"

#include <jansson.h>
#include <stddef.h>

enum { AQ_YAML_SIZE_MAX = 1 << 20, AQ_YAML_DEPTH_MAX = 32, AQ_YAML_VALUES_MAX = 100000 };

struct aq_yaml_places; /* where each value of a document was written */

/* Parses one document; an empty one is an empty object, and a second one is not allowed. Returns a new reference; NULL
 * with `error`, whose message begins with line and column: "3:7: ...". `*places` is set to the places of all values, or
 * to NULL on failure; the caller frees them. `places` may be NULL. */
json_t *aq_yaml_parse(const char *text, size_t length, struct aq_yaml_places **places,
                      struct aq_error *error) AQ_MUST_CHECK;
/* The same for any number of documents: returns a list of them, without those that are empty. */
json_t *aq_yaml_parse_all(const char *text, size_t length, struct aq_yaml_places **places,
                          struct aq_error *error) AQ_MUST_CHECK;

/* Finds the place of member `key` of `parent`, or of item `index` if `key` is NULL. Returns false if it is not known.
 * Lines and columns count from 1. */
_Bool aq_yaml_place(const struct aq_yaml_places *places, const json_t *parent, const char *key, size_t index,
                    unsigned *line, unsigned *column);
void aq_yaml_places_free(struct aq_yaml_places *places);

/* AQ_CLEANUP_YAML_PLACES struct aq_yaml_places *places = NULL; frees them on every way out of the scope. */
#define AQ_CLEANUP_YAML_PLACES AQ_CLEANUP(aq_cleanup_yaml_places)
static inline void aq_cleanup_yaml_places(struct aq_yaml_places **places)
{
    aq_yaml_places_free(*places);
}

/* Appends a JSON value as YAML, two blanks per level, ending in a line break. Read back, it is the same value. */
struct aq_buffer;
void aq_yaml_print(const json_t *value, struct aq_buffer *out);

#endif
