/* The parameters after the question mark, checked and decoded.
 *
 * Which parameters a query may have is declared: its form (parameters.h), which the route sets. Steps take them one by
 * one, within the declared bounds; taking another is a fault of the program. Then query_end() fails if any is left.
 * Texts stay in the memory that was passed in. */
#ifndef AQ_CONTROLLER_SERVE_QUERY_H
#define AQ_CONTROLLER_SERVE_QUERY_H

#include "schema/base/error.h"
#include "schema/model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUERY_ITEMS_MAX = 32, QUERY_FORM_MAX = 2 };

struct query_form {
    const struct aq_record *parameters[QUERY_FORM_MAX]; /* declared like settings; NULL: no more */
    const struct aq_record *filters;                    /* its fields filter rows (filter.h); NULL: there are none */
};

struct query {
    struct {
        const char *name, *value;
        bool taken;
    } items[QUERY_ITEMS_MAX];
    unsigned count;
    struct query_form form;
};

/* Parses "a=1&b=2", in place; NULL is empty. Fails on too many parameters, on one that is given twice, and where
 * aq_url_decode() fails. The form is empty then. */
int query_parse(struct query *query, char *text, struct aq_error *error) AQ_MUST_CHECK;

/* Calls `visit` for each parameter of the form, and what it is declared by: its own field, or the field that it
 * filters.
 */
typedef void query_visit_fn(void *context, const char *name, const struct aq_field *field, bool filters);
void query_form_visit(const struct query_form *form, query_visit_fn *visit, void *context);

/* A field filters rows by its name (status=NEW), for those that do not match by its name with a "!" (status!=NEW), and
 * a field such as created_at by created_since=. False: the field does not filter so. */
enum query_filter { QUERY_EQUAL, QUERY_UNLIKE, QUERY_SINCE, query_filter_count };
enum { QUERY_NAME_SIZE = 80 };
bool query_filter_name(const struct aq_field *field, enum query_filter how, char name[QUERY_NAME_SIZE]);
/* The value of a filter, whose name it gives. NULL: it is not given. */
const char *query_take_filter(struct query *query, const struct aq_field *field, enum query_filter how,
                              char name[QUERY_NAME_SIZE]);

/* The value of the parameter; NULL: it is not given. */
const char *query_take(struct query *query, const char *name);
/* These leave `value` alone if the parameter is not given. */
int query_take_number(struct query *query, const char *name, uint64_t *value, struct aq_error *error) AQ_MUST_CHECK;
int query_take_bool(struct query *query, const char *name, bool *value, struct aq_error *error) AQ_MUST_CHECK;
/* Fails if a parameter was given that nobody took. */
int query_end(const struct query *query, struct aq_error *error) AQ_MUST_CHECK;

/* Reads a time, or how long before `now_ms` it was; never 0. `name` is for the error. */
int query_since(const char *name, const char *text, uint64_t now_ms, uint64_t *since_ms,
                struct aq_error *error) AQ_MUST_CHECK;

/* Reads a whole number within bounds; `name` is for the error. */
int query_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *value,
                 struct aq_error *error) AQ_MUST_CHECK;

#endif
