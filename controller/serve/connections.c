#include "controller/serve/connections.h"

#include "controller/serve/local.h"
#include "schema/base/address.h"
#include "schema/base/memory.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TALLY_NAME_SIZE = 72 };

/* How many connections someone has: an address or a user. */
struct tally {
    struct tally *next; /* of the same set */
    char name[TALLY_NAME_SIZE];
    unsigned count;
};

struct connection {
    struct connection *older, *newer;
    int fd;
    enum listener_kind kind;
    uid_t uid; /* LISTENER_LOCAL: of the other end */
    struct handshake handshake;
    bool listed;   /* among the unauthenticated ones */
    bool verifies; /* its token is being verified */
    bool kept;     /* it has one of the places that are kept */
    struct tally *address;
    struct tally *user; /* NULL: it has shown no valid token */
};

void connections_init(struct connections *connections, const struct aq_config_api *config,
                      struct handshakes *handshakes)
{
    _Static_assert(sizeof connections->key == crypto_shorthash_KEYBYTES, "the key of a short hash");
    unsigned max = (unsigned)config->connections, max_per_address = (unsigned)config->connections_per_address;
    unsigned limit = max / 4 < max_per_address / 2 ? max / 4 : max_per_address / 2;
    *connections =
        (struct connections){.config = config, .unauthenticated_max = limit > 0 ? limit : 1, .handshakes = handshakes};
    randombytes_buf(connections->key, sizeof connections->key);
}

/* ---- tallies -------------------------------------------------------------------------------------------- */

static struct tally **tally_set(struct connections *connections, const char *name)
{
    unsigned char hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, (const unsigned char *)name, strlen(name), connections->key);
    return &connections->tallies[(hash[0] | hash[1] << 8) % TALLIES_SETS];
}

static struct tally *tally_find(struct connections *connections, const char *name)
{
    struct tally *tally = *tally_set(connections, name);
    while (tally != NULL && strcmp(tally->name, name) != 0)
        tally = tally->next;
    return tally;
}

static struct tally *tally_take(struct connections *connections, const char *name)
{
    struct tally **set = tally_set(connections, name), *tally = tally_find(connections, name);
    if (tally == NULL) {
        tally = aq_calloc(1, sizeof *tally);
        snprintf(tally->name, sizeof tally->name, "%s", name);
        tally->next = *set;
        *set = tally;
    }
    tally->count++;
    return tally;
}

static void tally_give_back(struct connections *connections, struct tally *tally)
{
    if (tally == NULL || --tally->count > 0)
        return;
    struct tally **link = tally_set(connections, tally->name);
    while (*link != tally)
        link = &(*link)->next;
    *link = tally->next;
    free(tally);
}

static void name_address(const struct sockaddr *address, char name[TALLY_NAME_SIZE])
{
    unsigned char bytes[AQ_ADDRESS_BYTES];
    char hex[2 * sizeof bytes + 1];
    (void)aq_address_bytes(address, bytes);
    snprintf(name, TALLY_NAME_SIZE, "address %s",
             sodium_bin2hex(hex, sizeof hex, bytes, aq_address_host_length(bytes)));
}

static void name_account(uid_t uid, char name[TALLY_NAME_SIZE])
{
    snprintf(name, TALLY_NAME_SIZE, "uid %u", (unsigned)uid);
}

/* ---- those without a token ------------------------------------------------------------------------------ */

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

/* One of the address; NULL: of any. Spares connections whose token is being verified; they are few. libmicrohttpd sees
 * the end of the connection and cleans up. */
static void drop_oldest(struct connections *connections, const struct tally *address)
{
    struct connection *connection = connections->oldest;
    while (connection != NULL && (connection->verifies || (address != NULL && connection->address != address)))
        connection = connection->newer;
    if (connection == NULL)
        return;
    list_remove(connections, connection);
    connections->dropped++;
    shutdown(connection->fd, SHUT_RDWR);
    handshake_give_up(&connection->handshake);
}

static void connection_closed(struct connections *connections, struct connection *connection)
{
    handshake_end(&connection->handshake);
    list_remove(connections, connection);
    tally_give_back(connections, connection->address);
    tally_give_back(connections, connection->user);
    connections->count--;
    connections->with_tls -= connection->kind == LISTENER_TLS;
    free(connection);
}

/* How many connections there are beyond those that everybody may have. */
static uint64_t excess(const struct connections *connections, const struct connection *connection)
{
    const struct aq_config_api *config = connections->config;
    uint64_t all = connections->count > config->connections ? connections->count - config->connections : 0;
    uint64_t here = connection->address->count > config->connections_per_address
                        ? connection->address->count - config->connections_per_address
                        : 0;
    return all > here ? all : here;
}

/* The places that are kept stay free for the next client: half of them are emptied in time. */
static void make_room(struct connections *connections, const struct connection *connection)
{
    bool here = connection->address->count > connections->config->connections_per_address;
    if (excess(connections, connection) > CONNECTIONS_KEPT / 2)
        drop_oldest(connections, here ? connection->address : NULL);
    else if (connections->unauthenticated >= connections->unauthenticated_max)
        drop_oldest(connections, NULL);
}

bool connections_admit(struct connections *connections, const struct arrival *arrival)
{
    char name[TALLY_NAME_SIZE];
    const struct aq_config_api *config = connections->config;
    connections->arriving = arrival->kind;
    if (connections->count >= config->connections + CONNECTIONS_KEPT)
        return false;
    if (arrival->kind == LISTENER_LOCAL) /* its clients are trusted to some degree, and counted later */
        return true;
    name_address((const struct sockaddr *)&arrival->address, name);
    const struct tally *tally = tally_find(connections, name);
    return tally == NULL || tally->count < config->connections_per_address + CONNECTIONS_KEPT;
}

static void find_peer(struct connection *connection, struct MHD_Connection *mhd, char name[TALLY_NAME_SIZE])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    aq_assert(info != NULL);
    connection->fd = info->connect_fd; /* libmicrohttpd 1.0 overwrites it when it is asked for something else */
    if (connection->kind == LISTENER_LOCAL) {
        connection->uid = local_peer(connection->fd);
        name_account(connection->uid, name);
        return;
    }
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    aq_assert(info != NULL && info->client_addr != NULL);
    name_address(info->client_addr, name);
}

void connections_notify(void *context, struct MHD_Connection *mhd, void **state,
                        enum MHD_ConnectionNotificationCode what)
{
    struct connections *connections = context;
    char name[TALLY_NAME_SIZE];
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        connection_closed(connections, *state);
        *state = NULL;
        return;
    }
    struct connection *connection = aq_calloc(1, sizeof *connection);
    connection->kind = connections->arriving;
    find_peer(connection, mhd, name);
    connection->address = tally_take(connections, name);
    if (connection->kind == LISTENER_TLS)
        handshake_begin(connections->handshakes, &connection->handshake, mhd, connection->fd);
    *state = connection;
    connections->count++;
    connections->with_tls += connection->kind == LISTENER_TLS;
    connection->kept = excess(connections, connection) > 0;
    make_room(connections, connection);
    list_append(connections, connection);
}

struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    aq_assert(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

enum listener_kind connection_kind(const struct connection *connection)
{
    return connection->kind;
}

uid_t connection_uid(const struct connection *connection)
{
    return connection->uid;
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

/* Before a user's name in the name of its tally: no address begins so. */
static const char user_prefix[] = "user ";

/* Users with cluster.connect may have more: they must get in to end what others have too many of. */
static int check_room(struct connections *connections, const struct connection *connection,
                      const struct aq_caller *caller, struct aq_error *error)
{
    uint64_t most = AQ_SETTING(connections->config->connections_per_user);
    if (aq_rights_scope(&caller->rights, aq_permission_named("cluster.connect")) != AQ_SCOPE_NONE)
        return 0;
    if (connection->kept)
        return aq_fail(error, AQ_E_BUSY, "all connections are in use; a few are kept for those with cluster.connect");
    if (connection->user->count > most)
        return aq_fail(error, AQ_E_BUSY, "user %s has %" PRIu64 " connections already (api.connections_per_user)",
                       caller->name, most);
    return 0;
}

int connection_authenticated(struct connections *connections, struct connection *connection,
                             const struct aq_caller *caller, struct aq_error *error)
{
    if (connection->user == NULL || strcmp(connection->user->name + sizeof user_prefix - 1, caller->name) != 0) {
        char name[TALLY_NAME_SIZE];
        snprintf(name, sizeof name, "%s%s", user_prefix, caller->name);
        struct tally *tally = tally_take(connections, name);
        tally_give_back(connections, connection->user);
        connection->user = tally;
    }
    connection->kept = connection->kept && excess(connections, connection) > 0;
    list_remove(connections, connection);
    if (check_room(connections, connection, caller, error) == 0)
        return 0;
    connections->refused++;
    return -1;
}
