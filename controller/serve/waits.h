/* Reads that wait until the tables show a seq, so that callers read their own writes. Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_WAITS_H
#define AQ_CONTROLLER_SERVE_WAITS_H

#include "controller/serve/request.h"

enum { WAIT_SEQ_MS = 5000 /* the longest wait */ };

struct waits;

/* `resume` is called for a request whose wait has ended: its step is to run. */
struct waits *waits_new(void (*resume)(struct request *request));
void waits_free(struct waits *waits); /* nothing waits; NULL is fine */

/* The request rests until `seq` is reached; then `request->step` runs, or an error is answered if it took too long. */
enum outcome waits_add(struct waits *waits, struct request *request, uint64_t seq);
/* Ends those that have reached it at `seq`, and those that are too late at `now_ms`, steady. */
void waits_check(struct waits *waits, uint64_t seq, uint64_t now_ms);
/* When the next one is too late; UINT64_MAX: never. */
uint64_t waits_due_ms(const struct waits *waits);
/* Lets the next waits_check(), and all later ones, end every wait. */
void waits_close(struct waits *waits);

#endif
