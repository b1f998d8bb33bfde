/* The loop: waits on libmicrohttpd's epoll descriptor, on our own wake-up and on the writer's, and runs what is ready.
 * (The library's own thread stalls with exactly 128 connections.) */
#include "controller/serve/serve.h"

#include "controller/serve/service.h"
#include "controller/serve/steps.h"
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
    DRAIN_MS_MAX = 2000, /* how long answers may take to leave when we stop */
    DRAIN_STEP_MS = 50,
    DRAIN_WARN_MS = 10000
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
    const struct aq_config_api *api = &serve->options.config->api;
    door_init(&serve->door, (unsigned)api->connections, (unsigned)api->connections_per_address);
    serve->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, request_take, serve,
        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_LISTEN_SOCKET, serve->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)api->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)api->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)api->timeout,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_MAX, MHD_OPTION_URI_LOG_CALLBACK, request_begin,
        serve, MHD_OPTION_NOTIFY_COMPLETED, request_end, serve, MHD_OPTION_NOTIFY_CONNECTION, door_notify, &serve->door,
        MHD_OPTION_END);
    if (serve->daemon == NULL)
        return aq_fail(error, AQ_E_IO, "the HTTP library did not start");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(serve->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    aq_assert(info != NULL && info->epoll_fd >= 0);
    serve->epoll_fd = info->epoll_fd;
    return 0;
}

void serve_due(struct serve *serve, uint64_t when_ms)
{
    if (when_ms < serve->due_ms)
        serve->due_ms = when_ms;
}

unsigned serve_connections(struct serve *serve)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(serve->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info != NULL ? info->num_connections : 0;
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static void resume_woken(struct serve *serve)
{
    pthread_mutex_lock(&serve->mutex);
    struct request *request = serve->woken;
    serve->woken = NULL;
    if (serve->stopping && !serve->draining) {
        serve->draining = true;
        MHD_quiesce_daemon(serve->daemon);
    }
    pthread_mutex_unlock(&serve->mutex);
    while (request != NULL) {
        struct request *next = request->next;
        serve_resume(serve, request);
        request = next;
    }
}

static int poll_timeout(struct serve *serve)
{
    MHD_UNSIGNED_LONG_LONG library_ms;
    uint64_t now = serve_now_ms(), wait = POLL_MS_MAX;
    if (MHD_get_timeout(serve->daemon, &library_ms) == MHD_YES && library_ms < wait)
        wait = library_ms;
    if (serve->due_ms < now + wait)
        wait = serve->due_ms > now ? serve->due_ms - now : 0;
    return (int)wait;
}

static void clear(int fd, short events)
{
    eventfd_t count;
    if (events & POLLIN && eventfd_read(fd, &count) != 0)
        aq_assert(errno == EAGAIN);
}

/* Those who wait for a seq or for a time. Whoever begins to wait lowers due_ms. */
static void check_waits(struct serve *serve)
{
    uint64_t seq = writer_seq(serve->options.writer), now = serve_now_ms();
    if (seq == serve->seen_seq && now < serve->due_ms && !serve->draining)
        return;
    if (seq != serve->seen_seq)
        streams_feed(serve, seq);
    serve->seen_seq = seq;
    uint64_t waits = request_check_waits(serve, seq, now), streams = streams_check(serve, now);
    serve->due_ms = waits < streams ? waits : streams;
}

static void turn(struct serve *serve)
{
    struct pollfd fds[3] = {{serve->epoll_fd, POLLIN, 0}, {serve->wake_fd, POLLIN, 0}, {serve->watch_fd, POLLIN, 0}};
    int ready = poll(fds, AQ_LENGTH(fds), poll_timeout(serve));
    aq_assert(ready >= 0 || errno == EINTR);
    if (ready > 0) {
        clear(serve->wake_fd, fds[1].revents);
        clear(serve->watch_fd, fds[2].revents);
    }
    resume_woken(serve);
    check_waits(serve);
    MHD_run(serve->daemon);
}

/* What rests is woken by those who promised it; streams are told to end. Then the answers have a moment to leave. */
static void end_all(struct serve *serve)
{
    uint64_t begun = serve_now_ms(), warned = begun;
    verify_cancel(serve);
    streams_close(serve);
    while (serve->figures.resting > 0 || (serve->figures.requests_open > 0 && serve_now_ms() < begun + DRAIN_MS_MAX)) {
        serve->due_ms = serve_now_ms() + DRAIN_STEP_MS;
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
    end_all(serve);
    MHD_stop_daemon(serve->daemon);
    serve->daemon = NULL;
    return NULL;
}

/* ---- start and stop ------------------------------------------------------------------------------------- */

static int parse_networks(const struct aq_list *list, struct network networks[NETWORKS_MAX], struct aq_error *error)
{
    aq_assert(list->count <= NETWORKS_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        if (network_parse(&networks[i], AQ_TEXT_ITEM(*list, i), error))
            return aq_error_context(error, "meta.networks");
    return 0;
}

int serve_check(const struct aq_config_controller *config, struct aq_error *error)
{
    struct network networks[NETWORKS_MAX];
    struct addrinfo *found;
    if (parse_networks(&config->meta.networks, networks, error) != 0 || resolve(&config->api, &found, error) != 0)
        return -1;
    freeaddrinfo(found);
    return 0;
}

static int start(struct serve *serve, struct aq_error *error)
{
    const struct aq_config_controller *config = serve->options.config;
    serve->network_count = config->meta.networks.count;
    if (parse_networks(&config->meta.networks, serve->networks, error) ||
        open_socket(&config->api, &serve->listen_fd, error) || start_daemon(serve, error))
        return -1;
    unsigned port = port_of(serve->listen_fd);
    if (write_port(config->data, port, error))
        return -1;
    writer_watch(serve->options.writer, serve->watch_fd);
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
    serve->options = *options;
    serve->listen_fd = -1;
    serve->due_ms = UINT64_MAX;
    serve->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    serve->watch_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    aq_assert(serve->wake_fd >= 0 && serve->watch_fd >= 0);
    pthread_mutex_init(&serve->mutex, NULL);
    streams_init(&serve->streams);
    routes_gather(&serve->routes);
    if (start(serve, error)) {
        serve_stop(serve);
        return -1;
    }
    *out = serve;
    return 0;
}

void serve_ready(struct serve *serve)
{
    atomic_store(&serve->ready, true);
}

void serve_stop(struct serve *serve)
{
    if (serve == NULL)
        return;
    if (serve->started) {
        pthread_mutex_lock(&serve->mutex);
        serve->stopping = true;
        pthread_mutex_unlock(&serve->mutex);
        eventfd_write(serve->wake_fd, 1);
        pthread_join(serve->thread, NULL);
    }
    verify_join(serve);
    if (serve->daemon != NULL) {
        MHD_quiesce_daemon(serve->daemon); /* or it closes our socket */
        MHD_stop_daemon(serve->daemon);
    }
    if (serve->listen_fd >= 0)
        close(serve->listen_fd);
    while (serve->spare != NULL) {
        struct request *next = serve->spare->next;
        request_free(serve->spare);
        serve->spare = next;
    }
    streams_free(&serve->streams);
    aq_buffer_free(&serve->openapi);
    pthread_mutex_destroy(&serve->mutex);
    close(serve->wake_fd);
    if (!serve->started)
        close(serve->watch_fd); /* otherwise the writer goes on writing to it: it stays as long as the process */
    free(serve);
}
