#include "controller/hub/loop.h"

#include "controller/hub/endpoints.h"
#include "controller/hub/gate.h"
#include "schema/base/bell.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLEEP_MS_MAX = 1000 };

struct hub_loop {
    struct hub *hub;
    pthread_t thread;
    int bell;                /* rung at each commit, by `wake`, and to stop */
    int agents_fd, local_fd; /* readable when messages have come; -1: they are not read any more */
    atomic_bool stopping;
    struct aq_arena arena; /* of the addresses in join tokens */
};

static void ring(void *context)
{
    struct hub_loop *loop = context;
    aq_bell_ring(loop->bell);
}

static void sleep_until(const struct hub_loop *loop, uint64_t deadline_ms)
{
    const struct aq_clocks now = aq_clocks_read();
    struct pollfd fds[] = {{.fd = loop->bell, .events = POLLIN},
                           {.fd = loop->local_fd, .events = POLLIN},
                           {.fd = hub_gathers(loop->hub) ? -1 : loop->agents_fd, .events = POLLIN}};
    if (poll(fds, AQ_LENGTH(fds), aq_clocks_left_ms(&now, deadline_ms, SLEEP_MS_MAX)) > 0 && fds[0].revents != 0)
        aq_bell_clear(loop->bell);
}

static void *loop_main(void *argument)
{
    struct hub_loop *loop = argument;
    struct hub *hub = loop->hub;
    for (;;) {
        const struct aq_clocks now = aq_clocks_read();
        bool stopping = atomic_load(&loop->stopping);
        if (stopping) {
            hub_stop(hub);
            loop->agents_fd = loop->local_fd = -1;
        }
        uint64_t deadline_ms = hub_turn(hub, &now);
        if (stopping && hub_is_idle(hub))
            return NULL;
        if (deadline_ms > now.steady_ms)
            sleep_until(loop, deadline_ms);
    }
}

/* ---- start and stop ------------------------------------------------------------------------------------ */

int hub_loop_check(const struct aq_config_controller *config, struct aq_error *error)
{
    return gate_check(config->hub.address, error) == 0 ? issuer_check_addresses(&config->hub.advertise, error) : -1;
}

struct hub *hub_loop_hub(struct hub_loop *loop)
{
    return loop->hub;
}

static void free_loop(struct hub_loop *loop)
{
    hub_close(loop->hub);
    if (loop->bell >= 0)
        close(loop->bell);
    aq_arena_free(&loop->arena);
    free(loop);
}

static void close_carrier(struct hub_carrier *carrier)
{
    if (carrier != NULL)
        carrier->kind->close(carrier);
}

static int open_hub(struct hub_loop *loop, struct hub_options *options, struct aq_error *error)
{
    const struct aq_clocks now = aq_clocks_read();
    const struct aq_config_hub *config = &options->config->hub;
    uint64_t port;
    options->agents = options->local = NULL;
    loop->bell = aq_bell_open(error);
    if (loop->bell < 0 || endpoints_make_directory(options->config, error) != 0 ||
        endpoints_open_local(&options->local, options->config, error) != 0 ||
        endpoints_open_agents(&options->agents, options->config, &port, error) != 0 ||
        issuer_set_addresses(options->issuer, &config->advertise, config->address, port, &loop->arena, error) != 0) {
        close_carrier(options->local);
        close_carrier(options->agents);
        return -1;
    }
    loop->agents_fd = options->agents->kind->fd(options->agents);
    loop->local_fd = options->local->kind->fd(options->local);
    loop->hub = hub_open(options, &now);
    return 0;
}

static int start_thread(struct hub_loop *loop, struct aq_error *error)
{
    int code = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (code != 0)
        return aq_fail_errno(error, code, "cannot start the hub's thread");
    pthread_setname_np(loop->thread, "hub");
    return 0;
}

int hub_loop_start(struct hub_loop **out, const struct hub_options *options, struct writer_loop *writer,
                   struct aq_error *error)
{
    struct hub_loop *loop = aq_calloc(1, sizeof *loop);
    struct hub_options own = *options;
    own.writer = writer_loop_writer(writer);
    own.wake = ring;
    own.context = loop;
    if (open_hub(loop, &own, error) != 0 || writer_loop_watch(writer, loop->bell, error) != 0 ||
        start_thread(loop, error) != 0) {
        free_loop(loop);
        return -1;
    }
    *out = loop;
    return 0;
}

void hub_loop_stop(struct hub_loop *loop)
{
    if (loop == NULL)
        return;
    atomic_store(&loop->stopping, true);
    ring(loop);
    pthread_join(loop->thread, NULL);
    free_loop(loop);
}
