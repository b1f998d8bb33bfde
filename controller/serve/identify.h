/* Finds out who sends a request, by HTTP Basic: a user's name and token. */
#ifndef AQ_CONTROLLER_SERVE_IDENTIFY_H
#define AQ_CONTROLLER_SERVE_IDENTIFY_H

#include "controller/serve/request.h"

/* True: request->user is known, or request->error says why it is not. False: the token is being verified, and
 * request_wake() will be called; then identify() has to be called again. */
bool identify(struct request *request);

#endif
