/* The serving thread: polls libmicrohttpd's epoll descriptor and two bells, and runs what is ready. (libmicrohttpd's
 * own thread stalls with exactly 128 connections.) */
#include "controller/serve/serve.h"

#include "controller/serve/connections.h"
#include "controller/serve/exchange.h"
#include "controller/serve/metrics.h"
#include "controller/serve/network.h"
#include "controller/serve/openapi.h"
#include "controller/serve/route.h"
#include "controller/serve/stream.h"
#include "controller/serve/verify.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/listen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    POLL_MS_MAX = 60000,
    DRAIN_MS_MAX = 2000, /* for sending answers when the server stops */
    DRAIN_STEP_MS = 50,
    DRAIN_WARN_MS = 10000,
    CONNECTION_MEMORY_MAX = 36864 /* bytes for a request's head; above 32 KiB libmicrohttpd maps and unmaps them */
};

/* Serving thread, except for `stopping` and `metrics.ready`. */
struct serve {
    const struct aq_config_controller *config;
    struct writer *writer;
    struct MHD_Daemon *daemon;
    int listen_fd, epoll_fd;
    int watch_bell; /* the writer rings it after a commit and after a change of leadership */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    bool draining;     /* the thread has seen `stopping` */
    uint64_t seen_seq; /* of the writer, when waits and streams were last checked */

    struct exchanges *exchanges;
    struct connections connections;
    struct routes routes;
    struct backend backend;
    /* The backend refers to these. */
    struct wakes wakes;
    struct networks networks;
    struct openapi openapi;
    struct metrics metrics;
};

/* ---- listening ------------------------------------------------------------------------------------------ */

static int resolve_address(const struct aq_config_api *api, struct aq_listen_place *place, struct aq_error *error)
{
    *place = (struct aq_listen_place){.section = "api", .address = api->address, .port = api->port};
    if (aq_listen_resolve(place, error) != 0)
        return -1;
    if (!network_is_loopback((const struct sockaddr *)&place->socket_address) && !api->allow_plain)
        return aq_fail(error, AQ_E_INVALID,
                       "api.address is %s: without TLS only loopback is allowed, unless api.allow_plain is true",
                       api->address);
    return 0;
}

static int open_socket(const struct aq_config_api *api, int *listen_fd, struct aq_error *error)
{
    struct aq_listen_place place;
    if (resolve_address(api, &place, error) != 0)
        return -1;
    *listen_fd = aq_listen_open(&place, BACKLOG, error);
    return *listen_fd >= 0 ? 0 : -1;
}

static int write_port(const char *directory, unsigned port, struct aq_error *error)
{
    char path[1200], run[1200], text[16];
    snprintf(run, sizeof run, "%s/run", directory);
    snprintf(path, sizeof path, "%s/" AQ_FILE_API_PORT, directory);
    if (aq_directory_make(AT_FDCWD, run, 0755, error) != 0)
        return -1;
    int length = snprintf(text, sizeof text, "%u\n", port);
    return aq_file_replace_unsynced(AT_FDCWD, path, 0644, text, (size_t)length, error);
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
        return aq_fail(error, AQ_E_IO, "cannot start libmicrohttpd");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(serve->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    aq_assert(info != NULL && info->epoll_fd >= 0);
    serve->epoll_fd = info->epoll_fd;
    return 0;
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

/* Accepts no more connections, and ends streams and waits. Other requests that rest are woken as usual. */
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
    uint64_t now = aq_clock_ms(), due = due_ms(serve), wait = serve->draining ? DRAIN_STEP_MS : POLL_MS_MAX;
    if (MHD_get_timeout(serve->daemon, &library_ms) == MHD_YES && library_ms < wait)
        wait = library_ms;
    if (due < now + wait)
        wait = due > now ? due - now : 0;
    return (int)wait;
}

/* Resumes what waited for a seq or a time. */
static void check_waits(struct serve *serve)
{
    uint64_t seq = writer_seq(serve->writer), now = aq_clock_ms();
    if (seq == serve->seen_seq && now < due_ms(serve) && !serve->draining)
        return;
    if (seq != serve->seen_seq)
        streams_feed(serve->backend.streams, seq);
    serve->seen_seq = seq;
    exchanges_check_waits(serve->exchanges, seq, now);
    streams_check(serve->backend.streams, now);
}

static void serve_turn(struct serve *serve)
{
    struct pollfd fds[3] = {
        {serve->epoll_fd, POLLIN, 0}, {serve->wakes.bell, POLLIN, 0}, {serve->watch_bell, POLLIN, 0}};
    int ready = poll(fds, AQ_LENGTH(fds), poll_timeout(serve));
    aq_assert(ready >= 0 || errno == EINTR);
    if (fds[1].revents != 0)
        aq_bell_clear(serve->wakes.bell);
    if (fds[2].revents != 0)
        aq_bell_clear(serve->watch_bell);
    exchanges_resume_woken(serve->exchanges);
    if (atomic_load(&serve->stopping) && !serve->draining)
        begin_drain(serve);
    check_waits(serve);
    MHD_run(serve->daemon);
}

/* Runs until every resting request has its outcome, and gives the answers a moment to be sent. */
static void drain(struct serve *serve)
{
    uint64_t begun = aq_clock_ms(), warned = begun;
    while (exchanges_suspended(serve->exchanges) > 0 ||
           (serve->metrics.requests_open > 0 && aq_clock_ms() < begun + DRAIN_MS_MAX)) {
        serve_turn(serve);
        if (aq_clock_ms() > warned + DRAIN_WARN_MS) {
            warned = aq_clock_ms();
            aq_journal(AQ_WARN, "stopping: waiting for the outcome of requests", NULL);
        }
    }
}

static void *serve_thread(void *context)
{
    struct serve *serve = context;
    while (!serve->draining)
        serve_turn(serve);
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
    struct aq_listen_place place;
    return read_networks(config, &networks, error) == 0 && resolve_address(&config->api, &place, error) == 0 ? 0 : -1;
}

static void make_parts(struct serve *serve, const struct serve_options *options)
{
    const struct aq_config_api *api = &options->config->api;
    routes_gather(&serve->routes, api->get_deallocate);
    serve->openapi.routes = &serve->routes;
    serve->backend = (struct backend){
        .writer = options->writer,
        .state = options->state,
        .live = options->live,
        .credentials = options->credentials,
        .hub = options->hub,
        .wakes = &serve->wakes,
        .streams = streams_new(options->writer, options->state, api, exchange_resume),
        .verifier = verifier_new(options->verify, options->verify_context),
        .openapi = &serve->openapi,
        .metrics = &serve->metrics,
        .networks = &serve->networks,
        .connections = &serve->connections,
    };
    serve->exchanges = exchanges_new(&serve->backend, &serve->routes, &serve->connections, api);
}

static int start_serving(struct serve *serve, struct aq_error *error)
{
    const struct aq_config_controller *config = serve->config;
    if (wakes_init(&serve->wakes, error) != 0 || (serve->watch_bell = aq_bell_open(error)) < 0 ||
        read_networks(config, &serve->networks, error) != 0 ||
        open_socket(&config->api, &serve->listen_fd, error) != 0 || start_daemon(serve, error) != 0)
        return -1;
    unsigned port = aq_listen_port(serve->listen_fd);
    if (write_port(config->data, port, error) != 0)
        return -1;
    writer_watch(serve->writer, serve->watch_bell);
    int failed = pthread_create(&serve->thread, NULL, serve_thread, serve);
    if (failed != 0)
        return aq_fail_errno(error, failed, "cannot start the serving thread");
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
    serve->listen_fd = serve->watch_bell = -1;
    make_parts(serve, options);
    if (start_serving(serve, error) != 0) {
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
        aq_bell_ring(serve->wakes.bell);
        pthread_join(serve->thread, NULL);
    }
    verifier_free(serve->backend.verifier);
    if (serve->daemon != NULL) {
        MHD_quiesce_daemon(serve->daemon); /* otherwise libmicrohttpd closes our socket */
        MHD_stop_daemon(serve->daemon);
    }
    if (serve->listen_fd >= 0)
        close(serve->listen_fd);
    exchanges_free(serve->exchanges);
    streams_free(serve->backend.streams);
    aq_buffer_free(&serve->openapi.text);
    wakes_free(&serve->wakes);
    if (!serve->started && serve->watch_bell >= 0)
        close(serve->watch_bell); /* otherwise it stays open, since the writer still rings it */
    free(serve);
}
