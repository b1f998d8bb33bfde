/* What the drivers share in checking a label's options: each names the options it knows in a table, and every
 * message tells which option is wrong, what it was, and what would be right. */
#ifndef AQ_DRIVERS_OPTIONS_H
#define AQ_DRIVERS_OPTIONS_H

#include "schema/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Refuses what is no object, and any name that is not in `known` (ended by NULL). */
int options_check_names(const json_t *options, const char *driver, const char *const known[],
                        struct aq_error *error) AQ_MUST_CHECK;

/* The option, if it is there, must be a whole number from least to most. */
int options_check_number(const json_t *options, const char *name, int64_t least, int64_t most,
                         struct aq_error *error) AQ_MUST_CHECK;

/* The option, if it is there, must be a text without NUL. */
int options_check_text(const json_t *options, const char *name, struct aq_error *error) AQ_MUST_CHECK;

bool options_is_text(const json_t *value); /* a text without NUL */

/* Of checked options: the value, or what holds where it is not given. */
int64_t options_number(const json_t *options, const char *name, int64_t otherwise);
const char *options_text(const json_t *options, const char *name, const char *otherwise);

#endif
