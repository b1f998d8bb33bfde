/* The open connections, and how many a user and an address may have.
 *
 * The number of connections is limited, and an idle one is closed only after api.timeout. So nobody may hold them all:
 *
 *   clients without a valid token  have a quarter of all, and at most half of those from one address: a client could
 *                                  open connections and send nothing, or a head that never ends. When there is one too
 *                                  many, the one that has been silent for longest is closed. The metadata service and
 *                                  the health checks need no token, so such a connection may be in regular use
 *   a user                         has api.connections_per_user. A request on one more is refused, and that one closed
 *   an address                     has api.connections_per_address, and all together have api.connections
 *
 * Users with the permission cluster.connect have no limit of their own, and some more connections are kept for them and
 * for what needs no login (health, metrics): on these, requests of others are refused. Connections of all listeners
 * count together; those on the local socket count by account instead of by address. Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_CONNECTIONS_H
#define AQ_CONTROLLER_SERVE_CONNECTIONS_H

#include "controller/serve/handshakes.h"
#include "controller/serve/listeners.h"
#include "controller/settings/settings.h"
#include "schema/model/access.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CONNECTIONS_KEPT = 64, /* beyond each limit, for cluster.connect and health */
    TALLIES_SETS = 1024
};

struct connection;
struct tally;

struct connections {
    const struct aq_config_api *config;
    struct connection *oldest, *newest; /* of the unauthenticated ones, by their last request */
    unsigned count, with_tls, unauthenticated, unauthenticated_max;
    uint64_t dropped;            /* closed to make room */
    uint64_t refused;            /* logins for which there was no room */
    enum listener_kind arriving; /* where the connection comes from that libmicrohttpd gets now */
    struct handshakes *handshakes;
    unsigned char key[16];
    struct tally *tallies[TALLIES_SETS]; /* how many connections an address or a user has */
};

void connections_init(struct connections *connections, const struct aq_config_api *config,
                      struct handshakes *handshakes);

/* Is there room for one more, even among those that are kept? If not, the caller closes it. If so, it goes to
 * libmicrohttpd at once, which calls connections_notify(). */
bool connections_admit(struct connections *connections, const struct arrival *arrival) AQ_MUST_CHECK;

/* libmicrohttpd calls this, with the connections as context, when a connection is opened or closed. */
void connections_notify(void *connections, struct MHD_Connection *connection, void **state,
                        enum MHD_ConnectionNotificationCode what);

struct connection *connection_of(struct MHD_Connection *connection);
enum listener_kind connection_kind(const struct connection *connection);
/* Of one on the local socket: the account at the other end (local_peer()). */
uid_t connection_uid(const struct connection *connection);
/* A request arrives on it. */
void connection_used(struct connections *connections, struct connection *connection);
/* A token of it is being verified, or no longer. Until then it is not closed to make room. */
void connection_verifies(struct connection *connection, bool verifies);
/* The user has shown a valid token on it. Fails with AQ_E_BUSY when there is no room for it; it is to be closed then.
 */
int connection_authenticated(struct connections *connections, struct connection *connection,
                             const struct aq_caller *caller, struct aq_error *error) AQ_MUST_CHECK;

#endif
