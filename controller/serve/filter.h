/* The parameters of lists: ?limit=, ?after=, ?reverse=, and the names of fields as filters.
 *
 * A filter is compared with the field's value as text. It has to be equal, or to match if it holds the wildcards * and
 * ?. Several values are separated by commas, of which one must match: status=NEW,ELECTED. `status!=ERROR` takes the
 * rows that do not match. Words of enumerations may be given in any case, numbers in any form. A field created_at is
 * also compared by ?created_since=, a time, or how long ago, such as 5m. A row must match all filters.
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

/* One condition. */
struct filter_item {
    const struct aq_field *field;
    const char **patterns; /* any of them */
    unsigned count;
    uint64_t words;    /* of an enumeration, instead of patterns: a bit for each word that matches */
    uint64_t since_ms; /* a time that is not before this; 0: patterns decide */
    bool opposite;     /* the rows that do not match */
};

struct filter {
    struct filter_item items[QUERY_ITEMS_MAX];
    unsigned count;
    uint64_t now_ms; /* what ?created_since=5m is counted from */
    uint64_t steps;  /* so far */
    struct aq_buffer scratch;
    struct aq_arena arena;
};

struct list_bounds {
    uint64_t limit;
    const char *after; /* NULL: from the beginning */
    bool reverse;
};

int list_bounds_take(struct list_bounds *bounds, struct query *query, struct aq_error *error) AQ_MUST_CHECK;

/* Takes every parameter that names a field of the record. `now_ms` is the log's time, since rows have times of the log.
 * Call filter_free() even after a failure. */
int filter_take(struct filter *filter, const struct aq_record *record, struct query *query, uint64_t now_ms,
                struct aq_error *error) AQ_MUST_CHECK;
bool filter_matches(struct filter *filter, const void *row);
uint64_t filter_fields(const struct filter *filter, const struct aq_record *record); /* that decide, as bits */
/* Can a row match that has this word in an enumeration? */
bool filter_takes_word(const struct filter *filter, const struct aq_field *field, uint32_t word);
/* The one value that this field must have, a text without wildcards; NULL: there is no such condition. */
const char *filter_only(const struct filter *filter, const struct aq_field *field);
/* Rows match only when this field is not before the returned time; 0: there is no such condition. */
uint64_t filter_since(const struct filter *filter, const char *field);
bool filter_is_spent(const struct filter *filter); /* true: the steps for one answer are used up */
void filter_free(struct filter *filter);

#endif
