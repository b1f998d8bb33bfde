/* What the server counts for its metrics, and its health. */
#ifndef AQ_CONTROLLER_SERVE_METRICS_H
#define AQ_CONTROLLER_SERVE_METRICS_H

#include "controller/serve/request.h"
#include "schema/base/journal.h"

#include <stdatomic.h>

enum { STATUS_MAX = 600 };

struct metrics {
    atomic_bool ready; /* the start is complete; any thread */
    /* Serving thread: */
    uint64_t requests;
    unsigned requests_open;
    uint64_t answers[STATUS_MAX]; /* by HTTP status; 0: any other */
    uint64_t metadata_refused;    /* since several resources had the caller's address */
    struct aq_journal_count metadata_told;
};

static inline void metrics_count_answer(struct metrics *metrics, unsigned status)
{
    metrics->answers[status < STATUS_MAX ? status : 0]++;
}

/* Appends rows of nodes and of workloads, up to `most` of each, that the caller may see: none if the request shows no
 * token. */
int metrics_add_usage(struct request *request, uint64_t most, struct aq_buffer *out) AQ_MUST_CHECK;

#endif
