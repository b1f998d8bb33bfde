/* A JSON object, such as a resource's metadata, as environment variables: the metadata service writes them
 * (?format=env), and a workload gets them as AQ_META_<KEY>.
 *
 * Each value that is not an object is a variable. Its name is the prefix and the keys that lead to the value, joined by
 * '_': {"ssh": {"port": 22}} with the prefix "data" is data_SSH_PORT. The prefix stays as it is. Keys are in upper
 * case, and all but letters and digits is '_'. A '_' at the end of a part is not followed by another, and a key that
 * begins with the prefix does not get it twice. */
#ifndef AQ_SCHEMA_CODEC_VARIABLES_H
#define AQ_SCHEMA_CODEC_VARIABLES_H

#include "schema/base/error.h"

#include <jansson.h>

#define AQ_META_PREFIX "AQ_META_"

/* Calls `each` for every variable. `name` and `value` are valid during the call. A text is its own value, null an empty
 * one, and everything else JSON. If `json` is not an object, it is one variable, named by `key`. */
typedef void aq_variable_fn(void *context, const char *name, const char *value);
void aq_variables(const json_t *json, const char *prefix, const char *key, aq_variable_fn *each, void *context);

/* Fails if two values of a compact JSON object would be the same variable; names both, and the variable. */
int aq_variables_check(const char *document, const char *path, struct aq_error *error) AQ_MUST_CHECK;

#endif
