/* Paths and other parts of URLs, decoded. */
#ifndef AQ_SCHEMA_CODEC_URL_H
#define AQ_SCHEMA_CODEC_URL_H

#include "schema/base/error.h"

#include <stdbool.h>

/* Decodes %xx in place. Fails on invalid escapes, on an escaped NUL, and on text that is not UTF-8. `what` is for the
 * error. `plus`: a plus is a space. */
int aq_url_decode(char *text, bool plus, const char *what, struct aq_error *error) AQ_MUST_CHECK;

/* Splits the path into its segments, decoded in place. A slash that was written %2F stays inside its segment. One slash
 * at the end is ignored. `path` must begin with a slash. */
int aq_url_split_path(char *path, const char **segments, unsigned most, unsigned *count,
                      struct aq_error *error) AQ_MUST_CHECK;

#endif
