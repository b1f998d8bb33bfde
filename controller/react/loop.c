#include "controller/react/loop.h"

#include "schema/base/bell.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SLEEP_MS_MAX = 10000 };

struct react_loop {
    struct react *react;
    pthread_t thread;
    int bell; /* rung at each commit, when no command is under way any more, and to stop */
    atomic_bool stop;
};

static void ring(void *context)
{
    struct react_loop *loop = context;
    aq_bell_ring(loop->bell);
}

/* Waits for the bell; -1: whatever time it takes. */
static void await_bell(struct react_loop *loop, int timeout_ms)
{
    struct pollfd fd = {.fd = loop->bell, .events = POLLIN};
    if (poll(&fd, 1, timeout_ms) > 0)
        aq_bell_clear(loop->bell);
}

static void *loop_main(void *argument)
{
    struct react_loop *loop = argument;
    while (!atomic_load(&loop->stop)) {
        struct aq_clocks now = aq_clocks_read();
        uint64_t deadline_ms = react_turn(loop->react, &now);
        now = aq_clocks_read();
        await_bell(loop, aq_clocks_left_ms(&now, deadline_ms, SLEEP_MS_MAX));
    }
    while (!react_is_idle(loop->react))
        await_bell(loop, -1);
    return NULL;
}

static void free_loop(struct react_loop *loop)
{
    react_close(loop->react);
    close(loop->bell);
    free(loop);
}

static int start_thread(struct react_loop *loop, struct aq_error *error)
{
    int code = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (code != 0)
        return aq_fail_errno(error, code, "cannot start react");
    pthread_setname_np(loop->thread, "react");
    return 0;
}

int react_loop_start(struct react_loop **out, struct writer_loop *writer, const struct react_options *wanted,
                     struct aq_error *error)
{
    int bell = aq_bell_open(error);
    if (bell < 0)
        return -1;
    struct react_loop *loop = aq_calloc(1, sizeof *loop);
    struct react_options options = *wanted;
    options.writer = writer_loop_writer(writer);
    options.wake = ring;
    options.context = loop;
    loop->bell = bell;
    loop->react = react_open(&options);
    if (writer_loop_watch(writer, bell, error) != 0 || start_thread(loop, error) != 0) {
        free_loop(loop);
        return -1;
    }
    *out = loop;
    return 0;
}

void react_loop_stop(struct react_loop *loop)
{
    if (loop == NULL)
        return;
    atomic_store(&loop->stop, true);
    aq_bell_ring(loop->bell);
    pthread_join(loop->thread, NULL);
    free_loop(loop);
}
