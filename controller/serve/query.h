/* The segments of a path and the parameters after the question mark, checked and decoded.
 *
 * Steps take the parameters that they know, one by one. Then query_end() fails if any is left, and names those that
 * were asked for, so no list of them is kept anywhere. Texts stay in the memory that was passed in. */
#ifndef AQ_CONTROLLER_SERVE_QUERY_H
#define AQ_CONTROLLER_SERVE_QUERY_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUERY_ITEMS_MAX = 32, QUERY_KNOWN_MAX = 64 };

struct query {
    struct {
        const char *name, *value;
        bool taken;
    } items[QUERY_ITEMS_MAX];
    unsigned count;
    const char *known[QUERY_KNOWN_MAX]; /* the names that were asked for */
    unsigned known_count;
};

/* Decodes %xx in place. Fails on invalid escapes, on an escaped NUL, and on text that is not UTF-8. `what` is for the
 * error. `plus`: a plus is a space. */
int query_decode(char *text, bool plus, const char *what, struct aq_error *error) AQ_MUST_CHECK;

/* Parses "a=1&b=2", in place; NULL is empty. Fails on too many parameters, on one that is given twice, and where
 * query_decode() fails. */
int query_parse(struct query *query, char *text, struct aq_error *error) AQ_MUST_CHECK;

/* Splits the path into its segments, decoded in place. A slash that was written %2F stays inside its segment. One slash
 * at the end is ignored. `path` must begin with a slash. */
int query_split_path(char *path, const char **segments, unsigned most, unsigned *count,
                     struct aq_error *error) AQ_MUST_CHECK;

/* The value of the parameter; NULL: it is not given. `name` must outlive the query. */
const char *query_take(struct query *query, const char *name);
/* The value of the parameter <name><suffix>, which is a form of another: errors do not list it. */
const char *query_take_form(struct query *query, const char *name, const char *suffix);
/* These leave `value` alone if the parameter is not given. */
int query_take_number(struct query *query, const char *name, uint64_t least, uint64_t most, uint64_t *value,
                      struct aq_error *error) AQ_MUST_CHECK;
int query_take_bool(struct query *query, const char *name, bool *value, struct aq_error *error) AQ_MUST_CHECK;
/* Fails if a parameter was given that nobody took. */
int query_end(const struct query *query, struct aq_error *error) AQ_MUST_CHECK;

/* Reads a whole number within bounds; `name` is for the error. */
int query_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *value,
                 struct aq_error *error) AQ_MUST_CHECK;

#endif
