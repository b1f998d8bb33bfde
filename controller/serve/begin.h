/* How a request begins, whatever brings it in: its route is found; then, when its body is complete and its caller is
 * known, its first step runs. */
#ifndef AQ_CONTROLLER_SERVE_BEGIN_H
#define AQ_CONTROLLER_SERVE_BEGIN_H

#include "controller/serve/route.h"

/* Parses request->path, with its query, and finds the route. What is wrong is left in request->error, and answered by
 * request_begin(). */
void request_route(struct request *request, const struct routes *routes);

/* The first step. A caller that the route needs is in `user`, or the reason why there is none in `error`. */
request_step request_begin;

#endif
