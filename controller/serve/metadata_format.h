/* Metadata for scripts: one value by its path, and shell assignments. */
#ifndef AQ_CONTROLLER_SERVE_METADATA_FORMAT_H
#define AQ_CONTROLLER_SERVE_METADATA_FORMAT_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <jansson.h>
#include <stdbool.h>

/* The value at keys[0].keys[1]...; the key of a list's item is its number, from 0. NULL: there is none. The value
 * belongs to `json`. */
const json_t *metadata_at(const json_t *json, const char *const *keys, unsigned count);

/* A prefix is the name of a shell variable: letters, digits and _, beginning with no digit. It may be empty. */
int metadata_check_prefix(const char *prefix, struct aq_error *error) AQ_MUST_CHECK;

/* Appends a line prefix_KEY='value' for each variable (schema/codec/variables.h). `name` is used as the key of a value
 * that is not an object. */
void metadata_to_env(const json_t *json, const char *prefix, const char *name, struct aq_buffer *out);

#endif
