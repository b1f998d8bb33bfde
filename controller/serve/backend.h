/* What steps work with: the other modules of the controller, and the parts of the server that outlive a request.
 *
 * The server owns the parts of its own; the caller that started the server owns the rest. Everything outlives every
 * request. */
#ifndef AQ_CONTROLLER_SERVE_BACKEND_H
#define AQ_CONTROLLER_SERVE_BACKEND_H

#include "controller/auth/credentials.h"
#include "controller/auth/issuer.h"
#include "controller/hub/hub.h"
#include "controller/secrets/door.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/tls/presented.h"
#include "controller/usage/usage.h"
#include "controller/write/writer.h"

struct connections;
struct rates;
struct metrics;
struct networks;
struct openapi;
struct streams;
struct verifier;
struct waits;
struct wakes;

struct backend {
    struct writer *writer;
    struct state *state;
    struct live *live;            /* NULL: no heartbeats */
    struct usage *usage;          /* NULL: what nodes and workloads use is not kept */
    const uint64_t *metrics_rows; /* a setting: how many of them /metrics shows; NULL: none */
    struct credentials *credentials;
    const struct issuer *issuer;
    struct door *door;           /* NULL: there are no secrets */
    struct hub *hub;             /* NULL: no hub */
    struct presented *presented; /* NULL: nothing is served over TLS */

    struct wakes *wakes;
    struct waits *waits;
    struct streams *streams;
    struct verifier *verifier;
    struct openapi *openapi;
    struct metrics *metrics;
    const struct networks *networks; /* where the metadata service trusts addresses */
    const struct connections *connections;
    struct rates *rates;
};

#endif
