/* Identifies the caller of a request: HTTP Basic authentication with a user's name and token, or a token alone as
 * Bearer. */
#ifndef AQ_CONTROLLER_SERVE_IDENTIFY_H
#define AQ_CONTROLLER_SERVE_IDENTIFY_H

#include "controller/serve/request.h"

/* True: request->caller is known, or request->error says why it is not. False: the token is being verified;
 * request_wake() will be called, and then identify() has to be called again. */
bool identify(struct request *request);

#endif
