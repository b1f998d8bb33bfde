/* Exchanges: each is a request on its way from the first byte to the last byte of its answer. libmicrohttpd calls in
 * with what arrives; an exchange finds out where the request leads and who sends it, takes its body, runs its steps
 * and sends the answer. Serving thread.
 *
 * An exchange is in one phase at a time. Every move is checked against one table, moves[] in exchange.c:
 *
 *   phase        may go to                   when
 *   HEAD         IDENTIFYING, BODY, SENDING  the route needs a user; it needs none; the body is far too large
 *   IDENTIFYING  VERIFYING, BODY             the token has to be verified; the caller is known, or refused
 *   VERIFYING    IDENTIFYING                 the token is verified
 *   BODY         RUNNING                     the body is complete
 *   RUNNING      RESTING, SENDING            a step rests; a step made the answer
 *   RESTING      RUNNING                     the request was woken, or has waited long enough
 *   SENDING      PAUSED                      a source has nothing to send now
 *   PAUSED       SENDING                     it has
 *
 * and from all but VERIFYING, RESTING and PAUSED to OVER. In these three the connection is suspended: nothing happens
 * on it until the exchange is resumed. */
#ifndef AQ_CONTROLLER_SERVE_EXCHANGE_H
#define AQ_CONTROLLER_SERVE_EXCHANGE_H

#include "controller/serve/connections.h"
#include "controller/serve/request.h"
#include "controller/serve/route.h"

struct exchanges;

/* All that is handed in must outlive the exchanges. `body_max`: bytes that a body may have. */
struct exchanges *exchanges_new(const struct backend *backend, const struct routes *routes,
                                struct connections *connections, uint64_t body_max);
void exchanges_free(struct exchanges *exchanges); /* none is under way; NULL is fine */

/* To be called by libmicrohttpd, with the exchanges as the context. */
void *exchange_begin(void *exchanges, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_take(void *exchanges, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_length, void **state);
void exchange_end(void *exchanges, struct MHD_Connection *connection, void **state,
                  enum MHD_RequestTerminationCode how);

/* Goes on with a request that rests, or whose source has something to send. */
void exchange_resume(struct request *request);
/* Goes on with all that were woken. */
void exchanges_resume_woken(struct exchanges *exchanges);
/* Ends waits for a seq: those for `seq` or less, and those that took too long at `now_ms`. */
void exchanges_check_waits(struct exchanges *exchanges, uint64_t seq, uint64_t now_ms);
/* When the next wait has taken too long; UINT64_MAX: never. */
uint64_t exchanges_due_ms(const struct exchanges *exchanges);
/* From here on, no exchange waits for a seq. */
void exchanges_close(struct exchanges *exchanges);
/* How many have their connection suspended. */
unsigned exchanges_suspended(const struct exchanges *exchanges);

#endif
