/* What comes with a path: its segments and the parameters behind the question mark, checked and decoded.
 *
 * Handlers take the parameters they know, one by one; query_end() then refuses whatever nobody took, and names those
 * that are known, so that no list of them is kept anywhere. Texts live in the memory that was handed in. */
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
    const char *known[QUERY_KNOWN_MAX]; /* what was asked for */
    unsigned known_count;
};

/* Decodes %xx in place. Refused: broken escapes, NUL (written out or escaped), what is not UTF-8. `what` is for the
 * error. `plus`: a plus stands for a space. */
int query_decode(char *text, bool plus, const char *what, struct aq_error *error) AQ_MUST_CHECK;

/* "a=1&b=2", which is changed in place. Refused: too many, one that is given twice, bad encoding. */
int query_parse(struct query *query, char *text, struct aq_error *error) AQ_MUST_CHECK;

/* The path's segments, decoded in place; a slash that was written %2F stays inside its segment. One empty segment at
 * the end counts as none. `path` begins with '/'. */
int query_split_path(char *path, const char **segments, unsigned most, unsigned *count,
                     struct aq_error *error) AQ_MUST_CHECK;

/* NULL: not given. `name` must outlive the query. */
const char *query_take(struct query *query, const char *name);
/* Leaves `value` alone when the parameter is not given. */
int query_take_number(struct query *query, const char *name, uint64_t least, uint64_t most, uint64_t *value,
                      struct aq_error *error) AQ_MUST_CHECK;
int query_take_bool(struct query *query, const char *name, bool *value, struct aq_error *error) AQ_MUST_CHECK;
int query_end(const struct query *query, struct aq_error *error) AQ_MUST_CHECK;

/* A whole number as text, within bounds; `name` is for the error. */
int query_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *value,
                 struct aq_error *error) AQ_MUST_CHECK;

#endif
