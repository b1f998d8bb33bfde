/* GET /api/v1/log/verify: scans the log and replays it, on a thread of its own; one at a time. */
#ifndef AQ_CONTROLLER_SERVE_VERIFY_H
#define AQ_CONTROLLER_SERVE_VERIFY_H

#include "controller/serve/request.h"

struct verifier;

/* Scans and replays the log; blocking. Appends a report in words. */
typedef int verify_fn(void *context, struct aq_buffer *report, struct aq_error *error);

struct verifier *verifier_new(verify_fn *verify, void *context);
/* The server stops: answers the request that waits, without an outcome, and begins no verification any more. */
void verifier_close(struct verifier *verifier);
void verifier_free(struct verifier *verifier); /* waits for the thread, if there is one; NULL is fine */

#endif
