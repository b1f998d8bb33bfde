/* The serving thread: takes connections, polls libmicrohttpd's epoll descriptors and two bells, and runs what is ready.
 * (libmicrohttpd's own thread stalls with exactly 128 connections. And it listens in one place only, while we count the
 * connections of all.) */
#include "controller/serve/serve.h"

#include "controller/serve/connections.h"
#include "controller/serve/exchange.h"
#include "controller/serve/handshakes.h"
#include "controller/serve/listeners.h"
#include "controller/serve/metrics.h"
#include "controller/serve/network.h"
#include "controller/serve/openapi.h"
#include "controller/serve/rates.h"
#include "controller/serve/route.h"
#include "controller/serve/stream.h"
#include "controller/serve/verify.h"
#include "controller/serve/waits.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    POLL_MS_MAX = 60000,
    DRAIN_MS_MAX = 2000, /* for sending answers when the server stops */
    DRAIN_STEP_MS = 50,
    DRAIN_WARN_MS = 10000,
    ACCEPTS_A_TURN = CONNECTIONS_KEPT / 4, /* those that make room are closed in between */
    ACCEPT_AGAIN_MS = 100,                 /* after the process or the system had no descriptor left */
    BUSY_TURNS = 16,                       /* without a look at anything but what libmicrohttpd has to do */
    CONNECTION_MEMORY_MAX = 36864 /* bytes for a request's head; above 32 KiB libmicrohttpd maps and unmaps them */
};

/* What the thread polls; listeners follow the others. */
enum { FROM_WAKES, FROM_COMMITS, FROM_PLAIN, FROM_TLS, FROM_HANDSHAKES, FROM_LISTENERS };

/* Serving thread, except for `stopping` and `metrics.ready`. */
struct serve {
    const struct aq_config_controller *config;
    struct writer_loop *loop;
    struct writer *writer;
    struct MHD_Daemon *plain, *tls; /* tls is NULL: no listener needs it */
    bool plain_due, tls_due;        /* its descriptor is readable */
    int epoll_fd;
    int watch_bell; /* the writer rings it after a commit and after a change of leadership */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    bool draining;     /* the thread has seen `stopping` */
    uint64_t seen_seq; /* of the writer, when waits and streams were last checked */
    unsigned busy_turns;
    uint64_t accept_again_ms; /* 0: connections are taken */

    struct listeners listeners;
    struct handshakes handshakes;
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

/* ---- libmicrohttpd ------------------------------------------------------------------------------------------ */

static void log_library(void *context, const char *format, va_list args)
{
    char text[512];
    (void)context;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    aq_journal(AQ_DEBUG, "microhttpd", "says", text, NULL);
}

static int poll_also(struct serve *serve, int fd, unsigned from, struct aq_error *error)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = from};
    if (epoll_ctl(serve->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    return aq_fail_errno(error, errno, "cannot poll a descriptor");
}

/* Starts one with these flags and options, of which MHD_OPTION_END is the last. It gets its connections from us. */
#define START(serve, flags, ...)                                                                                       \
    MHD_start_daemon(                                                                                                  \
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (flags), 0, NULL,    \
        NULL, exchange_take, (serve)->exchanges, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,                        \
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)(serve)->config->api.connections + CONNECTIONS_KEPT,                    \
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(serve)->config->api.timeout, MHD_OPTION_CONNECTION_MEMORY_LIMIT,     \
        (size_t)CONNECTION_MEMORY_MAX, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, (serve)->exchanges,                \
        MHD_OPTION_NOTIFY_COMPLETED, exchange_end, (serve)->exchanges, MHD_OPTION_NOTIFY_CONNECTION,                   \
        connections_notify, &(serve)->connections, __VA_ARGS__)

static int add_daemon(struct serve *serve, struct MHD_Daemon *daemon, unsigned from, struct aq_error *error)
{
    if (daemon == NULL)
        return aq_fail(error, AQ_E_IO, "cannot start libmicrohttpd");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    aq_assert(info != NULL && info->epoll_fd >= 0);
    return poll_also(serve, info->epoll_fd, from, error);
}

static int start_daemons(struct serve *serve, struct presented *presented, struct aq_error *error)
{
    connections_init(&serve->connections, &serve->config->api, &serve->handshakes);
    serve->plain = START(serve, 0, MHD_OPTION_END);
    if (add_daemon(serve, serve->plain, FROM_PLAIN, error) != 0)
        return -1;
    if (serve->config->api.tls.address[0] == '\0')
        return 0;
    if (handshakes_init(&serve->handshakes, presented, serve->config->api.timeout * 1000, error) != 0 ||
        poll_also(serve, serve->handshakes.epoll_fd, FROM_HANDSHAKES, error) != 0)
        return -1;
    serve->tls = START(serve, MHD_USE_TLS, HANDSHAKES_OPTIONS, MHD_OPTION_END);
    return add_daemon(serve, serve->tls, FROM_TLS, error);
}

/* When it has something to do by itself; UINT64_MAX: it has not. `daemon` may be NULL. */
static uint64_t library_ms(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG ms;
    return daemon != NULL && MHD_get_timeout(daemon, &ms) == MHD_YES ? ms : UINT64_MAX;
}

/* ---- taking connections --------------------------------------------------------------------------------------- */

static void listen_or_not(struct serve *serve, bool listen)
{
    struct aq_error error;
    for (unsigned i = 0; i < serve->listeners.count; i++) {
        int fd = serve->listeners.list[i].fd;
        int status = listen ? poll_also(serve, fd, FROM_LISTENERS + i, &error)
                            : epoll_ctl(serve->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        aq_assert(status == 0);
    }
}

static void run_daemon(struct serve *serve, bool tls)
{
    *(tls ? &serve->tls_due : &serve->plain_due) = false;
    MHD_run(tls ? serve->tls : serve->plain);
    if (tls)
        handshakes_suspend(&serve->handshakes);
}

static void take_connection(struct serve *serve, const struct arrival *arrival)
{
    const bool tls = arrival->kind == LISTENER_TLS;
    if (!connections_admit(&serve->connections, arrival)) {
        close(arrival->fd);
        return;
    }
    /* Closes it if it fails. libmicrohttpd 1.0 only queues it, and tells us of it when it is run: before the next one
     * comes, so that what connections_admit() has noted is about this one. */
    (void)MHD_add_connection(tls ? serve->tls : serve->plain, arrival->fd, (const struct sockaddr *)&arrival->address,
                             arrival->length);
    run_daemon(serve, tls);
}

/* Without a descriptor to spare, clients that wait in the queue would keep the loop busy. */
static void take_connections(struct serve *serve, const struct listener *listener)
{
    struct arrival arrival;
    for (unsigned i = 0; i < ACCEPTS_A_TURN && serve->accept_again_ms == 0; i++) {
        if (listener_accept(listener, &arrival)) {
            take_connection(serve, &arrival);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            aq_journal(AQ_WARN, "cannot take connections", "error", strerror(errno), NULL);
            listen_or_not(serve, false);
            serve->accept_again_ms = aq_clock_boot_ms() + ACCEPT_AGAIN_MS;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
    }
}

static void listen_again(struct serve *serve, uint64_t now_ms)
{
    if (now_ms < serve->accept_again_ms || serve->draining)
        return;
    serve->accept_again_ms = 0;
    listen_or_not(serve, true);
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

/* Accepts no more connections, and ends streams and waits. Other requests that rest are woken as usual, and soon. */
static void begin_drain(struct serve *serve)
{
    serve->draining = true;
    if (serve->accept_again_ms == 0)
        listen_or_not(serve, false);
    if (serve->tls != NULL)
        handshakes_close(&serve->handshakes);
    verifier_close(serve->backend.verifier);
    streams_close(serve->backend.streams);
    waits_close(serve->backend.waits);
    hub_end_fetches(serve->backend.hub);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t due_ms(const struct serve *serve)
{
    return earlier(waits_due_ms(serve->backend.waits), streams_due_ms(serve->backend.streams));
}

static int poll_timeout(struct serve *serve)
{
    uint64_t now = aq_clock_boot_ms(), due = due_ms(serve), wait = serve->draining ? DRAIN_STEP_MS : POLL_MS_MAX;
    wait = earlier(wait, earlier(library_ms(serve->plain), library_ms(serve->tls)));
    if (serve->tls != NULL)
        due = earlier(due, handshakes_due_ms(&serve->handshakes));
    if (serve->accept_again_ms != 0)
        due = earlier(due, serve->accept_again_ms);
    if (due < now + wait)
        wait = due > now ? due - now : 0;
    return (int)wait;
}

/* Resumes what waited for a seq or a time. */
static void check_waits(struct serve *serve)
{
    uint64_t seq = writer_seq(serve->writer), now = aq_clock_boot_ms();
    if (seq == serve->seen_seq && now < due_ms(serve) && !serve->draining)
        return;
    if (seq != serve->seen_seq)
        streams_feed(serve->backend.streams, seq);
    serve->seen_seq = seq;
    waits_check(serve->backend.waits, seq, now);
    streams_check(serve->backend.streams, now);
}

/* While libmicrohttpd is busy, the rest is looked at now and then only: what a bell was rung for is done in each turn
 * anyway. */
static void wait_for_events(struct serve *serve)
{
    enum { EVENTS_MAX = FROM_LISTENERS + listener_kind_count };
    struct epoll_event events[EVENTS_MAX];
    int timeout = poll_timeout(serve);
    if (timeout == 0 && ++serve->busy_turns % BUSY_TURNS != 0)
        return;
    int count = epoll_wait(serve->epoll_fd, events, EVENTS_MAX, timeout);
    aq_assert(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        unsigned from = events[i].data.u32;
        if (from == FROM_WAKES)
            aq_bell_clear(serve->wakes.bell);
        else if (from == FROM_COMMITS)
            aq_bell_clear(serve->watch_bell);
        else if (from == FROM_PLAIN)
            serve->plain_due = true;
        else if (from == FROM_TLS)
            serve->tls_due = true;
        else if (from >= FROM_LISTENERS)
            take_connections(serve, &serve->listeners.list[from - FROM_LISTENERS]);
    }
}

/* One without connections has nothing to do. Of others, it cannot be told whether a connection was resumed. */
static void run_library(struct serve *serve)
{
    handshakes_resume(&serve->handshakes, aq_clock_boot_ms());
    if (serve->plain_due || serve->connections.count > serve->connections.with_tls)
        run_daemon(serve, false);
    if (serve->tls_due || serve->connections.with_tls > 0)
        run_daemon(serve, true);
}

static void serve_turn(struct serve *serve)
{
    wait_for_events(serve);
    exchanges_resume_woken(serve->exchanges);
    if (atomic_load(&serve->stopping) && !serve->draining)
        begin_drain(serve);
    check_waits(serve);
    run_library(serve);
    if (serve->accept_again_ms != 0)
        listen_again(serve, aq_clock_boot_ms());
}

/* Runs until every resting request has its outcome, and gives the answers a moment to be sent. A request that has come
 * in part has done nothing yet, and its rest may never come: it is not waited for. */
static void drain(struct serve *serve)
{
    uint64_t begun = aq_clock_boot_ms(), warned = begun;
    while (exchanges_suspended(serve->exchanges) > 0 ||
           (exchanges_complete(serve->exchanges) > 0 && aq_clock_boot_ms() < begun + DRAIN_MS_MAX)) {
        serve_turn(serve);
        if (aq_clock_boot_ms() > warned + DRAIN_WARN_MS) {
            warned = aq_clock_boot_ms();
            aq_journal(AQ_WARN, "stopping: waiting for the outcome of requests", NULL);
        }
    }
}

static void stop_daemons(struct serve *serve)
{
    if (serve->plain != NULL)
        MHD_stop_daemon(serve->plain);
    if (serve->tls != NULL)
        MHD_stop_daemon(serve->tls);
    serve->plain = serve->tls = NULL;
}

static void *serve_thread(void *context)
{
    struct serve *serve = context;
    while (!serve->draining)
        serve_turn(serve);
    drain(serve);
    stop_daemons(serve);
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
    if (read_networks(config, &networks, error) != 0 || listeners_check(config, error) != 0)
        return -1;
    return presented_check(&config->api.tls, error);
}

static void make_parts(struct serve *serve, const struct serve_options *options)
{
    const struct aq_config_api *api = &options->config->api;
    routes_gather(&serve->routes, api->get_deallocate);
    serve->openapi.routes = &serve->routes;
    serve->backend = (struct backend){
        .writer = writer_loop_writer(options->loop),
        .state = options->state,
        .issuer = options->issuer,
        .door = options->door,
        .live = options->live,
        .usage = options->usage,
        .metrics_rows = &options->config->usage.metrics,
        .credentials = options->credentials,
        .hub = options->hub,
        .presented = options->presented,
        .wakes = &serve->wakes,
        .waits = waits_new(exchange_resume),
        .streams = streams_new(writer_loop_writer(options->loop), options->state, api, exchange_resume),
        .verifier = verifier_new(options->verify, options->verify_context),
        .rates = rates_new(&options->config->api),
        .openapi = &serve->openapi,
        .metrics = &serve->metrics,
        .networks = &serve->networks,
        .connections = &serve->connections,
    };
    serve->exchanges = exchanges_new(&serve->backend, &serve->routes, &serve->connections, api);
}

static int open_polling(struct serve *serve, struct aq_error *error)
{
    serve->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (serve->epoll_fd < 0)
        return aq_fail_errno(error, errno, "cannot make an epoll descriptor");
    if (wakes_init(&serve->wakes, error) != 0 || (serve->watch_bell = aq_bell_open(error)) < 0 ||
        poll_also(serve, serve->wakes.bell, FROM_WAKES, error) != 0)
        return -1;
    return poll_also(serve, serve->watch_bell, FROM_COMMITS, error);
}

static int start_serving(struct serve *serve, struct presented *presented, struct aq_error *error)
{
    const struct aq_config_controller *config = serve->config;
    if (open_polling(serve, error) != 0 || read_networks(config, &serve->networks, error) != 0 ||
        start_daemons(serve, presented, error) != 0 || listeners_open(&serve->listeners, config, error) != 0 ||
        writer_loop_watch(serve->loop, serve->watch_bell, error) != 0)
        return -1;
    listen_or_not(serve, true);
    int failed = pthread_create(&serve->thread, NULL, serve_thread, serve);
    if (failed != 0)
        return aq_fail_errno(error, failed, "cannot start the serving thread");
    serve->started = true;
    return 0;
}

int serve_start(struct serve **out, const struct serve_options *options, struct aq_error *error)
{
    struct serve *serve = aq_calloc(1, sizeof *serve);
    serve->config = options->config;
    serve->loop = options->loop;
    serve->writer = writer_loop_writer(options->loop);
    serve->epoll_fd = serve->watch_bell = serve->wakes.bell = -1;
    make_parts(serve, options);
    if (start_serving(serve, options->presented, error) != 0) {
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
    rates_free(serve->backend.rates);
    stop_daemons(serve);
    handshakes_free(&serve->handshakes);
    listeners_close(&serve->listeners);
    exchanges_free(serve->exchanges);
    waits_free(serve->backend.waits);
    streams_free(serve->backend.streams);
    aq_buffer_free(&serve->openapi.text);
    wakes_free(&serve->wakes);
    if (serve->watch_bell >= 0)
        close(serve->watch_bell);
    if (serve->epoll_fd >= 0)
        close(serve->epoll_fd);
    free(serve);
}
