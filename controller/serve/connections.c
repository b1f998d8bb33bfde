#include "controller/serve/connections.h"

#include "schema/base/memory.h"

#include <stdlib.h>
#include <sys/socket.h>

struct connection {
    struct connection *older, *newer;
    int fd;
    bool listed;   /* among the unauthenticated ones */
    bool verifies; /* its token is being verified */
};

void connections_init(struct connections *connections, unsigned max, unsigned max_per_address)
{
    unsigned limit = max / 4 < max_per_address / 2 ? max / 4 : max_per_address / 2;
    *connections = (struct connections){.unauthenticated_max = limit > 0 ? limit : 1};
}

static void list_remove(struct connections *connections, struct connection *connection)
{
    if (!connection->listed)
        return;
    *(connection->older != NULL ? &connection->older->newer : &connections->oldest) = connection->newer;
    *(connection->newer != NULL ? &connection->newer->older : &connections->newest) = connection->older;
    connection->older = connection->newer = NULL;
    connection->listed = false;
    connections->unauthenticated--;
}

static void list_append(struct connections *connections, struct connection *connection)
{
    connection->older = connections->newest;
    *(connection->older != NULL ? &connection->older->newer : &connections->oldest) = connection;
    connections->newest = connection;
    connection->listed = true;
    connections->unauthenticated++;
}

/* Spares connections whose token is being verified; they are few. libmicrohttpd sees the end of the connection and
 * cleans up. */
static void drop_oldest(struct connections *connections)
{
    struct connection *connection = connections->oldest;
    while (connection != NULL && connection->verifies)
        connection = connection->newer;
    if (connection == NULL)
        return;
    list_remove(connections, connection);
    connections->dropped++;
    shutdown(connection->fd, SHUT_RDWR);
}

static void connection_closed(struct connections *connections, struct connection *connection)
{
    list_remove(connections, connection);
    connections->count--;
    free(connection);
}

void connections_notify(void *context, struct MHD_Connection *mhd, void **state,
                        enum MHD_ConnectionNotificationCode what)
{
    struct connections *connections = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        connection_closed(connections, *state);
        *state = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    aq_assert(info != NULL);
    struct connection *connection = aq_calloc(1, sizeof *connection);
    connection->fd = info->connect_fd;
    *state = connection;
    connections->count++;
    if (connections->unauthenticated >= connections->unauthenticated_max)
        drop_oldest(connections);
    list_append(connections, connection);
}

struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    aq_assert(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

void connection_used(struct connections *connections, struct connection *connection)
{
    if (!connection->listed)
        return;
    list_remove(connections, connection);
    list_append(connections, connection);
}

void connection_verifies(struct connection *connection, bool verifies)
{
    connection->verifies = verifies;
}

void connection_authenticated(struct connections *connections, struct connection *connection)
{
    list_remove(connections, connection);
}
