#include "agent/metadata.h"

#include "agent/caller.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/json.h"
#include "schema/codec/metadata.h"
#include "schema/codec/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <microhttpd.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64, SEGMENTS_MAX = 32, RETRY_MS = 5000 };

static const char port_file[] = "metadata.port";

/* A connection, which is for one request. */
struct call {
    struct call *next; /* newer */
    struct MHD_Connection *held;
    uint64_t begin_ms;
    int fd;
    bool cut; /* it has had its time */
};

/* A network of a driver. */
struct place {
    struct metadata *metadata;
    const struct opened_driver *driver;
    struct driver_network network;
    int lock;          /* keeps the port from other agents; -1: the port is not held */
    int claim;         /* the socket that has the port, until it listens; -1: none */
    int links;         /* tells that a network device has come, until it listens; -1: none */
    unsigned dev;      /* index of the device on which it listens */
    uint64_t retry_ms; /* steady: when to try for the port again; 0: it is held */
    struct MHD_Daemon *daemon;
    struct call *oldest, **newest;
};

struct metadata {
    struct workloads *workloads;
    const struct aq_clocks *now;
    int directory;         /* keeps the port; the caller's */
    uint16_t wanted, port; /* of the settings; and the one that is held, or was last */
    struct place places[METADATA_NETWORKS_MAX];
    unsigned count;
    struct aq_arena arena; /* of one answer */
};

/* ---- connections ---------------------------------------------------------------------------------------- */

static void notify(void *context, struct MHD_Connection *connection, void **own,
                   enum MHD_ConnectionNotificationCode code)
{
    struct place *place = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct call *call = aq_calloc(1, sizeof *call);
        call->begin_ms = place->metadata->now->steady_ms;
        call->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        *place->newest = call;
        place->newest = &call->next;
        *own = call;
        return;
    }
    struct call **at = &place->oldest;
    while (*at != *own)
        at = &(*at)->next;
    struct call *call = *at;
    *at = call->next;
    if (place->newest == &call->next)
        place->newest = at;
    free(call);
}

static bool is_late(const struct call *call, uint64_t now_ms)
{
    return now_ms >= call->begin_ms + METADATA_CALL_MS;
}

static void resume(struct call *call)
{
    struct MHD_Connection *connection = call->held;
    call->held = NULL;
    if (connection != NULL)
        MHD_resume_connection(connection);
}

/* Those that are held look again: each turn may have brought the address of their workload. */
static void hurry_calls(struct place *place)
{
    for (struct call *call = place->oldest; call != NULL; call = call->next) {
        if (is_late(call, place->metadata->now->steady_ms) && !call->cut) {
            call->cut = true;
            shutdown(call->fd, SHUT_RDWR);
        }
        resume(call);
    }
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static enum MHD_Result send_answer(struct MHD_Connection *connection, unsigned status, const char *type,
                                   const struct aq_buffer *out)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(out->length, out->data, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_error(struct MHD_Connection *connection, const struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    const char *name = aq_error_name(error->code);
    aq_buffer_text(&out, "{\"message\":");
    aq_json_string(error->message, strlen(error->message), &out);
    aq_buffer_text(&out, ",\"data\":null,\"error\":");
    aq_json_string(name, strlen(name), &out);
    aq_buffer_text(&out, "}\n");
    return send_answer(connection, (unsigned)aq_error_http(error->code), "application/json", &out);
}

struct parameters {
    struct aq_arena *arena;
    const char *format, *prefix;
    unsigned count;
    struct aq_error error;
    bool failed;
};

static enum MHD_Result take_parameter(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct parameters *parameters = context;
    const bool format = strcmp(name, "format") == 0;
    const char **to = format ? &parameters->format : &parameters->prefix;
    (void)kind;
    if (!format && strcmp(name, "prefix") != 0)
        parameters->failed =
            aq_fail(&parameters->error, AQ_E_INVALID, "unknown parameter %.60s; known are: format, prefix", name) != 0;
    else if (*to != NULL)
        parameters->failed = aq_fail(&parameters->error, AQ_E_INVALID, "parameter %.100s is given twice", name) != 0;
    if (parameters->failed)
        return MHD_NO;
    char *text = aq_arena_text(parameters->arena, value != NULL ? value : "", value != NULL ? strlen(value) : 0);
    parameters->failed = aq_url_decode(text, true, name, &parameters->error) != 0;
    *to = text;
    return parameters->failed ? MHD_NO : MHD_YES;
}

static int read_wish(struct metadata *metadata, struct MHD_Connection *connection, const char *url,
                     struct aq_metadata_wish *wish, struct aq_error *error)
{
    unsigned count;
    char *path = aq_arena_text(&metadata->arena, url, strlen(url));
    const char **segments = aq_arena_alloc(&metadata->arena, SEGMENTS_MAX * sizeof *segments);
    struct parameters parameters = {.arena = &metadata->arena};
    if (aq_url_split_path(path, segments, SEGMENTS_MAX, &count, error) != 0)
        return -1;
    if (count < AQ_METADATA_PATH_PARTS || strcmp(segments[0], "meta") != 0 || strcmp(segments[1], "v1") != 0 ||
        strcmp(segments[2], "data") != 0)
        return aq_fail(error, AQ_E_NOT_FOUND, "only metadata is served here: /meta/v1/data");
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_parameter, &parameters);
    if (parameters.failed) {
        *error = parameters.error;
        return -1;
    }
    return aq_metadata_wish_read(wish, parameters.format, parameters.prefix, segments + AQ_METADATA_PATH_PARTS,
                                 count - AQ_METADATA_PATH_PARTS, error);
}

/* A browser in a workload may have been led here by a name (DNS rebinding). */
static bool host_is_good(const struct place *place, const char *host)
{
    const char *const good[] = {place->network.gateway, AQ_METADATA_ADDRESS};
    for (size_t i = 0; host != NULL && i < AQ_LENGTH(good); i++) {
        const size_t length = strlen(good[i]);
        if (strncmp(host, good[i], length) == 0 && (host[length] == '\0' || host[length] == ':'))
            return true;
    }
    return host == NULL;
}

static int check_call(const struct place *place, struct MHD_Connection *connection, const char *method,
                      struct aq_error *error)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return aq_fail(error, AQ_E_METHOD, "metadata is only read: use GET");
    if (!host_is_good(place, host))
        return aq_fail(error, AQ_E_FORBIDDEN, "the request is for the host %.100s, but metadata is served only as %s",
                       host, place->network.gateway);
    return 0;
}

static const struct workload *find_caller(const struct place *place, struct MHD_Connection *connection,
                                          struct aq_error *error)
{
    char address[INET_ADDRSTRLEN] = "";
    const struct sockaddr *peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (peer->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, address, sizeof address);
    return caller_find(place->metadata->workloads, place->driver, address, error);
}

/* With its secrets, which only it can ask for. */
static const char *render(struct metadata *metadata, const struct aq_assignment *assignment,
                          const struct aq_metadata_wish *wish, struct aq_buffer *out, struct aq_error *error)
{
    AQ_CLEANUP_SECRET_ARENA struct aq_arena arena = {0};
    struct aq_list secrets = {0};
    if (assignment->secrets.count > 0 &&
        secrets_load(&metadata->workloads->secrets, assignment->resource, &secrets, &arena, error) != 0)
        return NULL;
    return aq_metadata_render(aq_metadata_with_secrets(assignment->metadata, &secrets, &arena), wish, out, error);
}

static enum MHD_Result answer(struct place *place, struct MHD_Connection *connection, const char *url,
                              const struct workload *caller)
{
    struct metadata *metadata = place->metadata;
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    struct aq_assignment assignment;
    struct aq_metadata_wish wish;
    struct aq_error error;
    const char *type = NULL;
    aq_arena_reset(&metadata->arena);
    if (read_wish(metadata, connection, url, &wish, &error) == 0 &&
        home_assignment(metadata->workloads->home, caller->resource, &assignment, &metadata->arena, &error) == 0)
        type = render(metadata, &assignment, &wish, &out, &error);
    return type != NULL ? send_answer(connection, MHD_HTTP_OK, type, &out) : send_error(connection, &error);
}

static enum MHD_Result take_call(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **own)
{
    struct place *place = context;
    struct aq_error error;
    struct call *call = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    (void)version, (void)upload, (void)upload_size, (void)own;
    if (check_call(place, connection, method, &error) != 0)
        return send_error(connection, &error);
    const struct workload *caller = find_caller(place, connection, &error);
    if (caller != NULL)
        return answer(place, connection, url, caller);
    if (error.code != AQ_E_BUSY || place->metadata->now->steady_ms >= call->begin_ms + METADATA_HELD_MS)
        return send_error(connection, &error);
    MHD_suspend_connection(connection);
    call->held = connection;
    return MHD_YES;
}

/* The agent decodes texts itself: a %2F is part of its key. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

/* ---- listening -------------------------------------------------------------------------------------------- */

static int option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* A socket at the gateway, which need not be there yet (IP_FREEBIND). Returns its descriptor; -1 with errno. */
static int bind_at(const struct driver_network *network, unsigned port, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    AQ_CLEANUP_FD int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || inet_pton(AF_INET, network->gateway, &address.sin_addr) != 1 ||
        option(fd, IPPROTO_IP, IP_FREEBIND, 1) != 0 ||
        (type == SOCK_STREAM && option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0) ||
        (network->mark != 0 && option(fd, SOL_SOCKET, SO_MARK, (int)network->mark) != 0) ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return -1;
    int bound = fd;
    fd = -1;
    return bound;
}

/* Until they listen, several sockets can be bound to a TCP port, unless that fails for a minute after each connection.
 * A UDP port has one socket: the agent that has the one of this number has the port. Returns an error number or 0. */
static int claim_port(struct place *place, unsigned port)
{
    AQ_CLEANUP_FD int lock = bind_at(&place->network, port, SOCK_DGRAM);
    if (lock < 0)
        return errno;
    place->claim = bind_at(&place->network, port, SOCK_STREAM);
    if (place->claim < 0)
        return errno;
    place->lock = lock;
    lock = -1;
    return 0;
}

/* So that a later run of the agent has the port that workloads were told. */
static void keep_port(struct metadata *metadata, unsigned port)
{
    char text[16];
    struct aq_error error;
    int length = snprintf(text, sizeof text, "%u\n", port);
    if (port == metadata->port && port == metadata->wanted)
        return;
    metadata->port = (uint16_t)port;
    if (metadata->directory >= 0 &&
        aq_file_replace(metadata->directory, port_file, 0600, text, (size_t)length, &error) != 0)
        aq_journal(AQ_WARN, "the port of the metadata service cannot be kept", "error", error.message, NULL);
}

/* The port that the last run had, or else the first that no other agent or server of the host has. */
static int claim_free_port(struct place *place, struct aq_error *error)
{
    struct metadata *metadata = place->metadata;
    int number = 0;
    if (place->lock >= 0) { /* the network has come anew */
        place->claim = bind_at(&place->network, metadata->port, SOCK_STREAM);
        return place->claim >= 0 ? 0
                                 : aq_fail_errno(error, errno, "port %u of %s", metadata->port, place->network.gateway);
    }
    number = claim_port(place, metadata->port);
    for (unsigned i = 0; number == EADDRINUSE && i < METADATA_PORTS && metadata->wanted + i <= UINT16_MAX; i++) {
        number = claim_port(place, metadata->wanted + i);
        if (number == 0)
            keep_port(metadata, metadata->wanted + i);
    }
    return number == 0 ? 0
                       : aq_fail_errno(error, number, "ports %u to %u (metadata.port) of %s", metadata->wanted,
                                       metadata->wanted + METADATA_PORTS - 1, place->network.gateway);
}

static uint16_t kept_port(int directory, uint16_t wanted)
{
    char text[16];
    long port = directory >= 0 && aq_file_read_text(directory, port_file, text, sizeof text) > 0 ? atol(text) : 0;
    return port >= wanted && port < wanted + METADATA_PORTS && port <= UINT16_MAX ? (uint16_t)port : wanted;
}

/* From now on, and forgets what was told. */
static void watch_links(struct place *place)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    char bytes[8192];
    if (place->links < 0) {
        place->links = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (place->links < 0 || bind(place->links, (const struct sockaddr *)&address, sizeof address) != 0)
            aq_journal(AQ_WARN, "it is not told when a network comes", "device", place->network.device, "error",
                       strerror(errno), NULL);
    }
    while (place->links >= 0 && (recv(place->links, bytes, sizeof bytes, 0) > 0 || errno == ENOBUFS))
        ;
}

static void start_daemon(struct place *place)
{
    place->newest = &place->oldest;
    place->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, take_call, place,
                                     MHD_OPTION_LISTEN_SOCKET, place->claim, MHD_OPTION_CONNECTION_LIMIT,
                                     (unsigned)METADATA_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                                     (unsigned)METADATA_CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                     (size_t)METADATA_HEADERS_MAX, MHD_OPTION_NOTIFY_CONNECTION, notify, place,
                                     MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_END);
}

static void stop_listening(struct place *place)
{
    if (place->daemon != NULL) {
        for (struct call *call = place->oldest; call != NULL; call = call->next)
            resume(call);
        MHD_stop_daemon(place->daemon); /* closes the socket, too */
    }
    place->daemon = NULL;
    place->dev = 0;
}

/* Only what comes from the network's device reaches a socket that is bound to the device. */
static int listen_on_device(struct place *place, struct aq_error *error)
{
    const char *device = place->network.device;
    if (setsockopt(place->claim, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) != 0 ||
        listen(place->claim, BACKLOG) != 0)
        return aq_fail_errno(error, errno, "port %u (metadata.port) of %s on device %s", place->metadata->port,
                             place->network.gateway, device);
    start_daemon(place);
    if (place->daemon == NULL)
        return aq_fail(error, AQ_E_IO, "cannot start libmicrohttpd");
    place->claim = -1;
    return 0;
}

static void drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int listen_if_there(struct place *place, struct aq_error *error)
{
    if (place->claim < 0 && claim_free_port(place, error) != 0)
        return -1;
    watch_links(place); /* first, so that it does not come unseen */
    const unsigned dev = if_nametoindex(place->network.device);
    if (dev == 0)
        return 0;
    if (listen_on_device(place, error) != 0)
        return -1;
    place->dev = dev;
    drop(&place->links);
    aq_journal(AQ_INFO, "metadata is served", "device", place->network.device, "address", place->network.gateway, NULL);
    return 0;
}

/* Listens if the device is there, or is there anew. */
static void follow_device(struct place *place)
{
    struct aq_error error;
    const uint64_t now_ms = place->metadata->now->steady_ms;
    if (now_ms < place->retry_ms || (place->daemon != NULL && if_nametoindex(place->network.device) == place->dev))
        return;
    stop_listening(place);
    if (listen_if_there(place, &error) == 0) {
        place->retry_ms = 0;
        return;
    }
    if (place->retry_ms == 0)
        aq_journal(AQ_WARN, "metadata is not served: give this agent another metadata.port", "driver",
                   place->driver->type->declared->name, "error", error.message, NULL);
    place->retry_ms = now_ms + RETRY_MS;
    drop(&place->lock);
    drop(&place->claim);
    drop(&place->links);
}

/* ---- all of it --------------------------------------------------------------------------------------------- */

static void add_place(struct metadata *metadata, const struct opened_driver *driver)
{
    struct place *place = &metadata->places[metadata->count];
    *place = (struct place){.metadata = metadata, .driver = driver, .lock = -1, .claim = -1, .links = -1};
    if (driver->type->network == NULL || !driver->type->network(driver->driver, &place->network))
        return;
    metadata->count++;
    follow_device(place);
}

struct metadata *metadata_open(struct workloads *workloads, uint16_t port, int directory, const struct aq_clocks *now)
{
    struct metadata *metadata = aq_calloc(1, sizeof *metadata);
    *metadata = (struct metadata){
        .workloads = workloads, .now = now, .directory = directory, .wanted = port, .port = kept_port(directory, port)};
    for (uint32_t i = 0; port != 0 && i < workloads->drivers.count && metadata->count < METADATA_NETWORKS_MAX; i++)
        add_place(metadata, &workloads->drivers.opened[i]);
    return metadata;
}

void metadata_close(struct metadata *metadata)
{
    if (metadata == NULL)
        return;
    for (unsigned i = 0; i < metadata->count; i++) {
        stop_listening(&metadata->places[i]);
        drop(&metadata->places[i].lock);
        drop(&metadata->places[i].claim);
        drop(&metadata->places[i].links);
    }
    aq_arena_free(&metadata->arena);
    free(metadata);
}

uint16_t metadata_port(const struct metadata *metadata)
{
    for (unsigned i = 0; i < metadata->count; i++)
        if (metadata->places[i].retry_ms == 0)
            return metadata->port;
    return 0;
}

void metadata_work(struct metadata *metadata)
{
    for (unsigned i = 0; i < metadata->count; i++) {
        struct place *place = &metadata->places[i];
        follow_device(place);
        if (place->daemon == NULL)
            continue;
        hurry_calls(place);
        MHD_run(place->daemon);
    }
}

static uint64_t call_deadline_ms(const struct call *call)
{
    if (call->cut)
        return UINT64_MAX;
    return call->begin_ms + (call->held != NULL ? METADATA_HELD_MS : METADATA_CALL_MS);
}

uint64_t metadata_deadline_ms(const struct metadata *metadata)
{
    uint64_t deadline_ms = UINT64_MAX;
    for (unsigned i = 0; i < metadata->count; i++) {
        const struct place *place = &metadata->places[i];
        MHD_UNSIGNED_LONG_LONG left_ms;
        if (place->retry_ms != 0 && place->retry_ms < deadline_ms)
            deadline_ms = place->retry_ms;
        if (place->daemon != NULL && MHD_get_timeout(place->daemon, &left_ms) == MHD_YES &&
            metadata->now->steady_ms + left_ms < deadline_ms)
            deadline_ms = metadata->now->steady_ms + left_ms;
        for (const struct call *call = place->oldest; call != NULL; call = call->next)
            deadline_ms = call_deadline_ms(call) < deadline_ms ? call_deadline_ms(call) : deadline_ms;
    }
    return deadline_ms;
}

nfds_t metadata_fds(const struct metadata *metadata, struct pollfd fds[METADATA_NETWORKS_MAX])
{
    for (unsigned i = 0; i < metadata->count; i++) {
        const struct place *place = &metadata->places[i];
        const int fd = place->daemon == NULL ? place->links
                                             : MHD_get_daemon_info(place->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
        fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    return metadata->count;
}
