/* YAML as the JSON values we know: maps, lists, plain scalars (null, true/false, numbers, text). No aliases, no tags,
 * no second document, bounded depth, bytes and values. Every value's place is kept for errors.
 *
 * What a scalar without quotes means: nothing, `null` and `~` are null; `true` and `false` are themselves; what JSON
 * would read as a number within 64 bits is that number; all else is text, so `yes`, `012`, `0x10` and `1.2.3` are.
 * Anything in quotes is text. */
#ifndef AQ_SCHEMA_CODEC_YAML_H
#define AQ_SCHEMA_CODEC_YAML_H

#include "schema/base/error.h"

#include <jansson.h>
#include <stddef.h>

enum { AQ_YAML_SIZE_MAX = 1 << 20, AQ_YAML_DEPTH_MAX = 32, AQ_YAML_VALUES_MAX = 100000 };

struct aq_yaml_places; /* where each value of a document was written */

/* NULL with "3:7: ..." (line 3, column 7) in `error`. An empty document is an empty object. `places` may be NULL;
 * otherwise the caller frees what it receives; on failure that is NULL. */
json_t *aq_yaml_parse(const char *text, size_t length, struct aq_yaml_places **places,
                      struct aq_error *error) AQ_MUST_CHECK;

/* Place of member `key` (NULL: of item `index`) of `parent`; false: not known. Lines and columns count from 1. */
_Bool aq_yaml_place(const struct aq_yaml_places *places, const json_t *parent, const char *key, size_t index,
                    unsigned *line, unsigned *column);
void aq_yaml_places_free(struct aq_yaml_places *places);

/* AQ_CLEANUP_YAML_PLACES struct aq_yaml_places *places = NULL; frees them on every way out of the scope. */
#define AQ_CLEANUP_YAML_PLACES AQ_CLEANUP(aq_cleanup_yaml_places)
static inline void aq_cleanup_yaml_places(struct aq_yaml_places **places)
{
    aq_yaml_places_free(*places);
}

/* A JSON value as YAML, two spaces a level, ending in a line break. Read back, it is the same value. */
struct aq_buffer;
void aq_yaml_print(const json_t *value, struct aq_buffer *out);

#endif
