/* Metadata in the forms that scripts read: a part of it by its path, and shell assignments. */
#ifndef AQ_CONTROLLER_SERVE_METADATA_FORMAT_H
#define AQ_CONTROLLER_SERVE_METADATA_FORMAT_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <jansson.h>
#include <stdbool.h>

enum { METADATA_PREFIX_MAX = 64 };

/* The value at keys[0].keys[1]...; an item of a list by its number from 0. NULL: there is none. Owned by `json`. */
const json_t *metadata_at(const json_t *json, const char *const *keys, unsigned count);

/* A prefix is a shell variable's name: letters, digits and _, no digit first. Empty is fine. */
int metadata_check_prefix(const char *prefix, struct aq_error *error) AQ_MUST_CHECK;

/* One line PREFIX_KEY='value' for each leaf; keys in upper case with _ for whatever a shell does not take, keys of
 * nested objects joined by _; lists and their contents as JSON. `name` names a value that is no object. */
void metadata_to_env(const json_t *json, const char *prefix, const char *name, struct aq_buffer *out);

#endif
