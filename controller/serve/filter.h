/* The parameters of lists: ?limit=, ?after=, ?reverse=, and the names of fields as filters.
 *
 * A filter is compared with the field's value as text. It has to be equal, or to match if it holds the wildcards * and
 * ?. A row must match all filters.
 *
 * Matching a long pattern against a large document could take seconds. So the length of patterns is limited, and the
 * steps of matching are counted for each answer. */
#ifndef AQ_CONTROLLER_SERVE_FILTER_H
#define AQ_CONTROLLER_SERVE_FILTER_H

#include "controller/serve/query.h"
#include "schema/model/record.h"

enum {
    LIST_LIMIT = 100,
    LIST_LIMIT_MAX = 1000,
    LIST_SCAN_MAX = 10000,      /* rows read for one answer */
    LIST_BYTES_MAX = 4 << 20,   /* of one answer; the rest is on the next page */
    FILTER_PATTERN_MAX = 256,   /* bytes of a pattern with wildcards */
    FILTER_STEPS_MAX = 16 << 20 /* characters compared for one answer */
};

struct filter {
    const struct aq_field *fields[QUERY_ITEMS_MAX];
    const char *patterns[QUERY_ITEMS_MAX];
    unsigned count;
    uint64_t steps; /* so far */
    struct aq_buffer scratch;
};

struct list_bounds {
    uint64_t limit;
    const char *after; /* NULL: from the beginning */
    bool reverse;
};

int list_bounds_take(struct list_bounds *bounds, struct query *query, struct aq_error *error) AQ_MUST_CHECK;

/* Takes every parameter that has the name of a field of the record. Call filter_free() even after a failure. */
int filter_take(struct filter *filter, const struct aq_record *record, struct query *query,
                struct aq_error *error) AQ_MUST_CHECK;
bool filter_matches(struct filter *filter, const void *row);
bool filter_is_spent(const struct filter *filter); /* true: the steps for one answer are used up */
void filter_free(struct filter *filter);

#endif
