/* What steps work with: the rest of the controller, and the parts of the server that live longer than one request.
 * Everything belongs to the server, or to those who started it, and outlives every request. */
#ifndef AQ_CONTROLLER_SERVE_BACKEND_H
#define AQ_CONTROLLER_SERVE_BACKEND_H

#include "controller/auth/credentials.h"
#include "controller/hub/hub.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"

struct connections;
struct metrics;
struct networks;
struct openapi;
struct streams;
struct verifier;
struct wakes;

struct backend {
    struct writer *writer;
    struct state *state;
    struct live *live; /* NULL: nothing is known of heartbeats */
    struct credentials *credentials;
    struct hub *hub; /* NULL: there is none */

    struct wakes *wakes;
    struct streams *streams;
    struct verifier *verifier;
    struct openapi *openapi;
    struct metrics *metrics;
    const struct networks *networks; /* whose callers the metadata service knows by their address */
    const struct connections *connections;
};

#endif
