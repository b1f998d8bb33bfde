/* The loop: waits on libmicrohttpd's epoll descriptor, on our own wake-up and on the writer's, and runs what is ready.
 * (The library's own thread stalls with exactly 128 connections.) */
#include "controller/serve/serve.h"

#include "controller/serve/connections.h"
#include "controller/serve/exchange.h"
#include "controller/serve/metrics.h"
#include "controller/serve/network.h"
#include "controller/serve/openapi.h"
#include "controller/serve/route.h"
#include "controller/serve/stream.h"
#include "controller/serve/verify.h"
#include "schema/base/journal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    POLL_MS_MAX = 60000,
    DRAIN_MS_MAX = 2000, /* for answers to be sent when the server stops */
    DRAIN_STEP_MS = 50,
    DRAIN_WARN_MS = 10000,
    CONNECTION_MEMORY_MAX = 36864 /* bytes of a request's head; above 32 KiB the library maps it, and gives it back */
};

/* All of it is the serving thread's, but for `stopping`. */
struct serve {
    const struct aq_config_controller *config;
    struct writer *writer;
    struct MHD_Daemon *daemon;
    int listen_fd, epoll_fd;
    int watch_fd; /* readable when the writer committed, or leadership changed */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    bool draining;     /* the thread has seen that it is to stop */
    uint64_t seen_seq; /* of the writer, when waits and streams were last checked */

    struct exchanges *exchanges;
    struct connections connections;
    struct routes routes;
    struct backend backend;
    /* What the backend refers to. */
    struct wakes wakes;
    struct networks networks;
    struct openapi openapi;
    struct metrics metrics;
};

/* ---- listening ------------------------------------------------------------------------------------------ */

static int resolve(const struct aq_config_api *api, struct addrinfo **found, struct aq_error *error)
{
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)api->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    if (getaddrinfo(api->address, port, &hints, found) != 0)
        return aq_fail(error, AQ_E_INVALID, "api.address is \"%s\", but must be an IPv4 or IPv6 address", api->address);
    if (!network_is_loopback((*found)->ai_addr) && !api->allow_plain) {
        freeaddrinfo(*found);
        return aq_fail(error, AQ_E_INVALID,
                       "api.address is %s: without TLS only loopback is allowed, unless api.allow_plain is true",
                       api->address);
    }
    return 0;
}

static int open_socket(const struct aq_config_api *api, int *listen_fd, struct aq_error *error)
{
    struct addrinfo *found;
    if (resolve(api, &found, error))
        return -1;
    int on = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool listening = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                     bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int number = errno;
    freeaddrinfo(found);
    if (!listening) {
        if (fd >= 0)
            close(fd);
        return aq_fail_errno(error, number, "cannot listen on api.address %s, api.port %u", api->address,
                             (unsigned)api->port);
    }
    *listen_fd = fd;
    return 0;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return 0;
    return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port)
                                        : ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

/* In one move, so that no reader finds half of it. */
static int write_port(const char *directory, unsigned port, struct aq_error *error)
{
    char path[1200], fresh[1216], run[1200], text[16];
    snprintf(run, sizeof run, "%s/run", directory);
    snprintf(path, sizeof path, "%s/" AQ_FILE_API_PORT, directory);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    if (mkdir(run, 0755) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "%s", run);
    int length = snprintf(text, sizeof text, "%u\n", port);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return aq_fail_errno(error, errno, "%s", fresh);
    bool written = write(fd, text, (size_t)length) == length;
    int number = errno;
    close(fd);
    if (!written || rename(fresh, path) != 0)
        return aq_fail_errno(error, written ? errno : number, "%s", path);
    return 0;
}

static void log_library(void *context, const char *format, va_list args)
{
    char text[512];
    (void)context;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    aq_journal(AQ_DEBUG, "microhttpd", "says", text, NULL);
}

static int start_daemon(struct serve *serve, struct aq_error *error)
{
    const struct aq_config_api *api = &serve->config->api;
    connections_init(&serve->connections, (unsigned)api->connections, (unsigned)api->connections_per_address);
    serve->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, exchange_take, serve->exchanges,
        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_LISTEN_SOCKET, serve->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)api->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)api->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)api->timeout,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_MAX, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin,
        serve->exchanges, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, serve->exchanges, MHD_OPTION_NOTIFY_CONNECTION,
        connections_notify, &serve->connections, MHD_OPTION_END);
    if (serve->daemon == NULL)
        return aq_fail(error, AQ_E_IO, "the HTTP library did not start");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(serve->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    aq_assert(info != NULL && info->epoll_fd >= 0);
    serve->epoll_fd = info->epoll_fd;
    return 0;
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

/* Takes no more connections. Ends streams and waits; requests that rest are woken by the threads that work on them. */
static void begin_drain(struct serve *serve)
{
    serve->draining = true;
    MHD_quiesce_daemon(serve->daemon);
    verifier_close(serve->backend.verifier);
    streams_close(serve->backend.streams);
    exchanges_close(serve->exchanges);
}

static uint64_t due_ms(const struct serve *serve)
{
    uint64_t waits = exchanges_due_ms(serve->exchanges), streams = streams_due_ms(serve->backend.streams);
    return waits < streams ? waits : streams;
}

static int poll_timeout(struct serve *serve)
{
    MHD_UNSIGNED_LONG_LONG library_ms;
    uint64_t now = serve_now_ms(), due = due_ms(serve), wait = serve->draining ? DRAIN_STEP_MS : POLL_MS_MAX;
    if (MHD_get_timeout(serve->daemon, &library_ms) == MHD_YES && library_ms < wait)
        wait = library_ms;
    if (due < now + wait)
        wait = due > now ? due - now : 0;
    return (int)wait;
}

static void clear(int fd, short events)
{
    eventfd_t count;
    if (events & POLLIN && eventfd_read(fd, &count) != 0)
        aq_assert(errno == EAGAIN);
}

/* Goes on with what waits for a seq or a time. */
static void check_waits(struct serve *serve)
{
    uint64_t seq = writer_seq(serve->writer), now = serve_now_ms();
    if (seq == serve->seen_seq && now < due_ms(serve) && !serve->draining)
        return;
    if (seq != serve->seen_seq)
        streams_feed(serve->backend.streams, seq);
    serve->seen_seq = seq;
    exchanges_check_waits(serve->exchanges, seq, now);
    streams_check(serve->backend.streams, now);
}

static void turn(struct serve *serve)
{
    struct pollfd fds[3] = {{serve->epoll_fd, POLLIN, 0}, {serve->wakes.bell, POLLIN, 0}, {serve->watch_fd, POLLIN, 0}};
    int ready = poll(fds, AQ_LENGTH(fds), poll_timeout(serve));
    aq_assert(ready >= 0 || errno == EINTR);
    if (ready > 0) {
        clear(serve->wakes.bell, fds[1].revents);
        clear(serve->watch_fd, fds[2].revents);
    }
    exchanges_resume_woken(serve->exchanges);
    if (atomic_load(&serve->stopping) && !serve->draining)
        begin_drain(serve);
    check_waits(serve);
    MHD_run(serve->daemon);
}

/* Until every request that rests has its outcome, and answers had a moment to be sent. */
static void drain(struct serve *serve)
{
    uint64_t begun = serve_now_ms(), warned = begun;
    while (exchanges_suspended(serve->exchanges) > 0 ||
           (serve->metrics.requests_open > 0 && serve_now_ms() < begun + DRAIN_MS_MAX)) {
        turn(serve);
        if (serve_now_ms() > warned + DRAIN_WARN_MS) {
            warned = serve_now_ms();
            aq_journal(AQ_WARN, "stopping: requests still wait for their outcome", NULL);
        }
    }
}

static void *serve_thread(void *context)
{
    struct serve *serve = context;
    while (!serve->draining)
        turn(serve);
    drain(serve);
    MHD_stop_daemon(serve->daemon);
    serve->daemon = NULL;
    return NULL;
}

/* ---- start and stop ------------------------------------------------------------------------------------- */

static int read_networks(const struct aq_config_controller *config, struct networks *networks, struct aq_error *error)
{
    return networks_parse(networks, &config->meta.networks, error) == 0 ? 0 : aq_error_context(error, "meta.networks");
}

int serve_check(const struct aq_config_controller *config, struct aq_error *error)
{
    struct networks networks;
    struct addrinfo *found;
    if (read_networks(config, &networks, error) != 0 || resolve(&config->api, &found, error) != 0)
        return -1;
    freeaddrinfo(found);
    return 0;
}

static void make_parts(struct serve *serve, const struct serve_options *options)
{
    const struct aq_config_api *api = &options->config->api;
    wakes_init(&serve->wakes);
    routes_gather(&serve->routes, api->get_deallocate);
    serve->openapi.routes = &serve->routes;
    serve->backend = (struct backend){
        .writer = options->writer,
        .state = options->state,
        .live = options->live,
        .credentials = options->credentials,
        .hub = options->hub,
        .wakes = &serve->wakes,
        .streams = streams_new(options->writer, options->state, api->streams, exchange_resume),
        .verifier = verifier_new(options->verify, options->verify_context),
        .openapi = &serve->openapi,
        .metrics = &serve->metrics,
        .networks = &serve->networks,
        .connections = &serve->connections,
    };
    serve->exchanges = exchanges_new(&serve->backend, &serve->routes, &serve->connections, api->body_max);
}

static int start(struct serve *serve, struct aq_error *error)
{
    const struct aq_config_controller *config = serve->config;
    if (read_networks(config, &serve->networks, error) != 0 ||
        open_socket(&config->api, &serve->listen_fd, error) != 0 || start_daemon(serve, error) != 0)
        return -1;
    unsigned port = port_of(serve->listen_fd);
    if (write_port(config->data, port, error) != 0)
        return -1;
    writer_watch(serve->writer, serve->watch_fd);
    int failed = pthread_create(&serve->thread, NULL, serve_thread, serve);
    if (failed != 0)
        return aq_fail_errno(error, failed, "the serving thread");
    serve->started = true;
    char text[8];
    snprintf(text, sizeof text, "%u", port);
    aq_journal(AQ_INFO, "listening for requests", "address", config->api.address, "port", text, NULL);
    return 0;
}

int serve_start(struct serve **out, const struct serve_options *options, struct aq_error *error)
{
    struct serve *serve = aq_calloc(1, sizeof *serve);
    serve->config = options->config;
    serve->writer = options->writer;
    serve->listen_fd = -1;
    serve->watch_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    aq_assert(serve->watch_fd >= 0);
    make_parts(serve, options);
    if (start(serve, error) != 0) {
        serve_stop(serve);
        return -1;
    }
    *out = serve;
    return 0;
}

void serve_ready(struct serve *serve)
{
    atomic_store(&serve->metrics.ready, true);
}

void serve_stop(struct serve *serve)
{
    if (serve == NULL)
        return;
    if (serve->started) {
        atomic_store(&serve->stopping, true);
        eventfd_write(serve->wakes.bell, 1);
        pthread_join(serve->thread, NULL);
    }
    verifier_free(serve->backend.verifier);
    if (serve->daemon != NULL) {
        MHD_quiesce_daemon(serve->daemon); /* otherwise it closes our socket */
        MHD_stop_daemon(serve->daemon);
    }
    if (serve->listen_fd >= 0)
        close(serve->listen_fd);
    exchanges_free(serve->exchanges);
    streams_free(serve->backend.streams);
    aq_buffer_free(&serve->openapi.text);
    wakes_free(&serve->wakes);
    if (!serve->started)
        close(serve->watch_fd); /* otherwise the writer goes on writing to it: it stays open as long as the process */
    free(serve);
}
