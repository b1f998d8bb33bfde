/* GET /api/v1/log/verify: verifies the log on a thread of its own, one request at a time. */
#ifndef AQ_CONTROLLER_SERVE_VERIFY_H
#define AQ_CONTROLLER_SERVE_VERIFY_H

#include "controller/serve/request.h"

struct verifier;

/* Scans the log and replays it; may block. Appends a report in words. Returns 0 if the log is intact. */
typedef int verify_fn(void *context, struct aq_buffer *report, struct aq_error *error);

struct verifier *verifier_new(verify_fn *verify, void *context);
/* The server stops: answers the waiting request without an outcome, and accepts no more requests. */
void verifier_close(struct verifier *verifier);
void verifier_free(struct verifier *verifier); /* waits for the thread; NULL is fine */

#endif
