/* The open connections, and how many of them may be unauthenticated: may not have shown a valid token.
 *
 * There is room for a limited number of connections, and an idle one is closed only after api.timeout. So that nobody
 * can take all of them by connecting alone, or by sending a head that never ends, only some may be unauthenticated.
 * For one more, the one that has been silent for longest is closed. The metadata service and health checks need no
 * token, so an unauthenticated connection may well be in use. Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_CONNECTIONS_H
#define AQ_CONTROLLER_SERVE_CONNECTIONS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;

struct connections {
    struct connection *oldest, *newest; /* the unauthenticated ones, by their last request */
    unsigned count, unauthenticated, unauthenticated_max;
    uint64_t dropped; /* closed to make room */
};

/* For a server that takes `max` connections, and `max_per_address` from one address: a quarter of all, and at most half
 * of those from one address, may be unauthenticated. */
void connections_init(struct connections *connections, unsigned max, unsigned max_per_address);

/* To be called by libmicrohttpd, with the connections as the context. */
void connections_notify(void *connections, struct MHD_Connection *connection, void **state,
                        enum MHD_ConnectionNotificationCode what);

struct connection *connection_of(struct MHD_Connection *connection);
/* A request begins on it. */
void connection_used(struct connections *connections, struct connection *connection);
/* It is not closed while a token of it is being verified. */
void connection_verifies(struct connection *connection, bool verifies);
/* It has shown a valid token. */
void connection_authenticated(struct connections *connections, struct connection *connection);

#endif
