/* Does a value have the form that an OpenAPI document says? Knows what our documents use of JSON schema. */
#ifndef AQ_TESTS_LIB_OPENAPI_CHECK_H
#define AQ_TESTS_LIB_OPENAPI_CHECK_H

#include "schema/base/memory.h"

#include <jansson.h>
#include <stdbool.h>

/* False: `why` says where and what. */
bool openapi_conforms(const json_t *document, const json_t *schema, const json_t *value, const char *path,
                      struct aq_buffer *why);

/* Checks a schema itself: types, references, bounds, required properties. */
bool openapi_schema_is_sound(const json_t *document, const json_t *schema, const char *path, struct aq_buffer *why);

/* What a reference leads to; NULL: nothing. Returns other schemas as they are. */
const json_t *openapi_resolve(const json_t *document, const json_t *schema);

#endif
