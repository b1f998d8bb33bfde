/* Lists: which rows are wanted, and how many. Shared by all that answer lists.
 *
 * ?limit=, ?after=, ?reverse=, and any field's name as a filter: equal, or with * and ? as wildcards, compared with the
 * value's text form. Several must all match. */
#ifndef AQ_CONTROLLER_SERVE_FILTER_H
#define AQ_CONTROLLER_SERVE_FILTER_H

#include "controller/serve/query.h"
#include "schema/record.h"

enum {
    LIST_LIMIT = 100,
    LIST_LIMIT_MAX = 1000,
    LIST_SCAN_MAX = 10000,   /* rows looked at for one answer */
    LIST_BYTES_MAX = 4 << 20 /* of one answer: beyond that, the rest comes with the next */
};

struct filter {
    const struct aq_field *fields[QUERY_ITEMS_MAX];
    const char *patterns[QUERY_ITEMS_MAX];
    unsigned count;
    struct aq_buffer scratch;
};

struct list_bounds {
    uint64_t limit;
    const char *after; /* NULL: from the beginning */
    bool reverse;
};

int list_bounds_take(struct list_bounds *bounds, struct query *query, struct aq_error *error) AQ_MUST_CHECK;

/* Takes every parameter that is named as a field of the record. To be freed. */
void filter_take(struct filter *filter, const struct aq_record *record, struct query *query);
bool filter_matches(struct filter *filter, const void *row);
void filter_free(struct filter *filter);

#endif
