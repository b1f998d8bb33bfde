/* The open connections, and a limit for unauthenticated ones: those that have not shown a valid token.
 *
 * The number of connections is limited, and an idle one is closed only after api.timeout. A client could block the
 * server by opening connections and sending nothing, or a head that never ends. So only some connections may be
 * unauthenticated. When there is one too many, the one that has been silent for longest is closed. The metadata service
 * and the health checks need no token, so an unauthenticated connection may be in regular use. Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_CONNECTIONS_H
#define AQ_CONTROLLER_SERVE_CONNECTIONS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;

struct connections {
    struct connection *oldest, *newest; /* of the unauthenticated ones, by their last request */
    unsigned count, unauthenticated, unauthenticated_max;
    uint64_t dropped; /* closed to make room */
};

/* `max`: connections that the server takes, `max_per_address`: from one address. A quarter of all, but at most half of
 * those from one address, may be unauthenticated. */
void connections_init(struct connections *connections, unsigned max, unsigned max_per_address);

/* libmicrohttpd calls this, with the connections as context, when a connection is opened or closed. */
void connections_notify(void *connections, struct MHD_Connection *connection, void **state,
                        enum MHD_ConnectionNotificationCode what);

struct connection *connection_of(struct MHD_Connection *connection);
/* A request arrives on it. */
void connection_used(struct connections *connections, struct connection *connection);
/* A token of it is being verified, or no longer. Until then it is not closed to make room. */
void connection_verifies(struct connection *connection, bool verifies);
/* It has shown a valid token. */
void connection_authenticated(struct connections *connections, struct connection *connection);

#endif
