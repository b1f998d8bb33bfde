/* Reads over REST: one application, and a page of 100, against the same HTTP library, driven in the same way, with a
 * constant answer of the same size. */
#include "tests/lib/agents.h"
#include "tests/lib/socket.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { NODES = 100, APPLICATIONS = 20000, ROUNDS = 9, CONNECTIONS = 16 };

/* ---- the constant --------------------------------------------------------------------------------------- */

struct constant {
    int pid;
    unsigned port;
};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_length, void **state)
{
    static int seen;
    const struct aq_buffer *body = context;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_length;
    if (*state == NULL) { /* answers at the second call, as is usual with this library */
        *state = &seen;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(body->length, body->data, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

/* The same loop as in controller/serve/serve.c. */
static void serve_constant(struct aq_buffer *body, int listen_fd)
{
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, answer, body,
                                                 MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                                                 4096U, MHD_OPTION_CONNECTION_TIMEOUT, 60U, MHD_OPTION_END);
    if (daemon == NULL)
        _exit(1);
    int epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    for (;;) {
        MHD_UNSIGNED_LONG_LONG wait;
        struct pollfd fd = {.fd = epoll, .events = POLLIN};
        poll(&fd, 1, MHD_get_timeout(daemon, &wait) == MHD_YES && wait < 60000 ? (int)wait : 60000);
        MHD_run(daemon);
    }
}

static void constant_start(struct constant *constant, struct aq_buffer *body)
{
    int fd = test_listen(&constant->port, 1024);
    pid_t parent = getpid();
    BENCH_MUST(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    constant->pid = fork();
    BENCH_MUST(constant->pid >= 0);
    if (constant->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        serve_constant(body, fd);
    }
    close(fd);
}

static void constant_stop(struct constant *constant)
{
    kill(constant->pid, SIGKILL);
    waitpid(constant->pid, NULL, 0);
}

/* ---- the reads ------------------------------------------------------------------------------------------ */

/* Another application each time, spread over all of them. */
static void fill_one(struct load *load, void *context, struct aq_buffer *out)
{
    uint64_t *next = context;
    char path[64];
    *next = (*next + 7919) % APPLICATIONS;
    snprintf(path, sizeof path, "/api/v1/application/%llu", (unsigned long long)*next + 1);
    load_get(load, path, out);
}

static void fill_page(struct load *load, void *context, struct aq_buffer *out)
{
    uint64_t *next = context;
    char path[64];
    *next = (*next + 7919) % (APPLICATIONS - 100);
    snprintf(path, sizeof path, "/api/v1/application/?after=%llu", (unsigned long long)*next + 1);
    load_get(load, path, out);
}

static double measure(unsigned port, const char *login, load_fill_fn *fill)
{
    struct load load;
    uint64_t next = 1;
    load_open(&load, port, login, CONNECTIONS);
    load_run(&load, 0.1, 0, fill, &next); /* the first request of a connection may cost a verification */
    load_run(&load, 0.6, 0, fill, &next);
    if (load.refused > 0)
        BENCH_DIE("%llu reads were refused", (unsigned long long)load.refused);
    double rate = load_rate(&load);
    load_close(&load);
    return rate;
}

static void compare(struct controller *cluster, const char *what, const char *path, load_fill_fn *fill)
{
    struct constant constant;
    struct aq_buffer body = {0};
    struct bench_rounds ours = {.count = 0}, bare = {.count = 0};
    load_ask(cluster->api_port, cluster->login, path, NULL, &body);
    bench_say("%s: %zu bytes", path, body.length);
    constant_start(&constant, &body);
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&ours, measure(cluster->api_port, cluster->login, fill));
        bench_round(&bare, measure(constant.port, cluster->login, fill));
    }
    constant_stop(&constant);
    aq_buffer_free(&body);
    bench_ratio(what, "/s", &ours, &bare, BENCH_AT_LEAST, 0.6);
}

int main(void)
{
    struct controller cluster;
    struct agents_fleet fleet;
    const struct aq_amounts capacity = {.cpu = 6400000, .ram = 1 << 26, .disk = 1 << 20, .slots = 20000};
    cluster_new(&cluster, NULL);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, NODES, &capacity);
    agents_join(&fleet);
    cluster_make_applications(&cluster, 0, APPLICATIONS);
    compare(&cluster, "reads of one application, 16 connections", "/api/v1/application/12345", fill_one);
    compare(&cluster, "reads of a page of 100 applications, 16 connections", "/api/v1/application/?after=12345",
            fill_page);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
