/* Lists: which rows are wanted, and how many. Shared by all that answer lists.
 *
 * ?limit=, ?after=, ?reverse=, and any field's name as a filter: equal, or with * and ? as wildcards, compared with the
 * value's text form. Several must all match.
 *
 * A pattern of a few thousand letters compared with a document of many takes seconds: so patterns are short, and the
 * steps of one answer are counted. */
#ifndef AQ_CONTROLLER_SERVE_FILTER_H
#define AQ_CONTROLLER_SERVE_FILTER_H

#include "controller/serve/query.h"
#include "schema/model/record.h"

enum {
    LIST_LIMIT = 100,
    LIST_LIMIT_MAX = 1000,
    LIST_SCAN_MAX = 10000,      /* rows looked at for one answer */
    LIST_BYTES_MAX = 4 << 20,   /* of one answer: beyond that, the rest comes with the next */
    FILTER_PATTERN_MAX = 256,   /* bytes of a pattern with wildcards */
    FILTER_STEPS_MAX = 16 << 20 /* characters compared for one answer */
};

struct filter {
    const struct aq_field *fields[QUERY_ITEMS_MAX];
    const char *patterns[QUERY_ITEMS_MAX];
    unsigned count;
    uint64_t steps; /* taken so far */
    struct aq_buffer scratch;
};

struct list_bounds {
    uint64_t limit;
    const char *after; /* NULL: from the beginning */
    bool reverse;
};

int list_bounds_take(struct list_bounds *bounds, struct query *query, struct aq_error *error) AQ_MUST_CHECK;

/* Takes every parameter that is named as a field of the record. To be freed, even after a failure. */
int filter_take(struct filter *filter, const struct aq_record *record, struct query *query,
                struct aq_error *error) AQ_MUST_CHECK;
bool filter_matches(struct filter *filter, const void *row);
bool filter_is_spent(const struct filter *filter); /* true: enough compared, the rest is for the next answer */
void filter_free(struct filter *filter);

#endif
