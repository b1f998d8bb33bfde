/* An exchange drives one request, from its first byte to the last byte of the answer. libmicrohttpd calls in with what
 * arrives. The exchange finds the route and the caller, takes the body, runs the steps and sends the answer. Serving
 * thread.
 *
 * An exchange is in one phase at a time. Every move is checked against one table, moves[] in exchange.c:
 *
 *   phase        may go to                   when
 *   HEAD         IDENTIFYING, BODY, SENDING  needs a user; needs none, or is refused; the body is far too large
 *   IDENTIFYING  VERIFYING, BODY             the token has to be verified; the caller is known, or is refused
 *   VERIFYING    IDENTIFYING                 the token was verified
 *   BODY         RUNNING                     the body is complete
 *   RUNNING      RESTING, SENDING            the step rests; the step made the answer
 *   RESTING      RUNNING                     the request was woken, or its wait for a seq ended
 *   SENDING      PAUSED                      the source of the answer has nothing to send now
 *   PAUSED       SENDING                     it has something to send
 *
 * Any phase but VERIFYING, RESTING and PAUSED may go to OVER, when the answer is sent or the connection ends. In these
 * three, the connection is suspended: libmicrohttpd does nothing with it until the exchange is resumed. */
#ifndef AQ_CONTROLLER_SERVE_EXCHANGE_H
#define AQ_CONTROLLER_SERVE_EXCHANGE_H

#include "controller/serve/connections.h"
#include "controller/serve/request.h"
#include "controller/serve/route.h"
#include "controller/settings/settings.h"

struct exchanges;

/* The arguments must outlive the exchanges. */
struct exchanges *exchanges_new(const struct backend *backend, const struct routes *routes,
                                struct connections *connections, const struct aq_config_api *config);
void exchanges_free(struct exchanges *exchanges); /* all are over; NULL is fine */

/* libmicrohttpd calls these, with the exchanges as context. */
void *exchange_begin(void *exchanges, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_take(void *exchanges, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_length, void **state);
void exchange_end(void *exchanges, struct MHD_Connection *connection, void **state,
                  enum MHD_RequestTerminationCode how);

/* Resumes the exchange of a request, whose connection is suspended. */
void exchange_resume(struct request *request);
/* Resumes all that request_wake() was called for. */
void exchanges_resume_woken(struct exchanges *exchanges);
/* How many connections are suspended. */
unsigned exchanges_suspended(const struct exchanges *exchanges);
/* How many requests are complete, and their answers not sent yet. */
unsigned exchanges_complete(const struct exchanges *exchanges);

#endif
