/* A JSON object, such as a resource's metadata, as environment variables: the metadata service writes them
 * (?format=env), and a workload gets them as AQ_META_<KEY>.
 *
 * Each value that is not an object is a variable. Its name is the prefix and the keys that lead to the value, joined by
 * '_': {"ssh": {"port": 22}} with the prefix "data" is data_SSH_PORT. The prefix stays as it is. Keys are in upper
 * case, and all but letters and digits is '_'. A '_' at the end of a part is not followed by another, and a key that
 * begins with AQ_META_ does not get that prefix twice. A name that is obeyed (below) gets AQ_META_ before it. */
#ifndef AQ_SCHEMA_CODEC_VARIABLES_H
#define AQ_SCHEMA_CODEC_VARIABLES_H

#include "schema/base/error.h"

#include <jansson.h>
#include <stdbool.h>

#define AQ_META_PREFIX "AQ_META_"

/* Calls `each` for every variable. `name` and `value` are valid during the call. A text is its own value, null an empty
 * one, and everything else JSON. If `json` is not an object, it is one variable, named by `key`. */
typedef void aq_variable_fn(void *context, const char *name, const char *value);
void aq_variables(const json_t *json, const char *prefix, const char *key, aq_variable_fn *each, void *context);

/* Does the JSON object set what `key` stands for, however it is spelled: the variable of that key, with AQ_META_ or
 * without a prefix, or one below it? "ssh" is set by {"SSH": 1}, {"ssh": {"port": 22}}, {"ssh_port": 22} and
 * {"AQ_META_SSH": 1}. */
bool aq_variables_set(const json_t *json, const char *key);

/* Is it a name that a shell, a loader or an interpreter obeys, such as PATH, BASH_ENV, LD_PRELOAD? What comes from
 * users must not become such a variable. */
bool aq_variable_is_obeyed(const char *name);

/* Fails if two values of a compact JSON object would be the same variable, with AQ_META_ or without a prefix; names
 * both, and the variable. */
int aq_variables_check(const char *document, const char *path, struct aq_error *error) AQ_MUST_CHECK;

#endif
