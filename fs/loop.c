#include "fs/loop.h"

#include "fs/kernel/files.h"
#include "fs/kernel/logs.h"
#include "fs/kernel/mount.h"
#include "fs/kernel/operations.h"
#include "fs/kernel/settling.h"
#include "fs/kernel/throttle.h"
#include "fs/kernel/writes.h"
#include "fs/link/eventfeed.h"
#include "fs/link/news.h"
#include "fs/link/questions.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "schema/codec/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    REQUESTS_TURN = 64,
    CONNECT_MS = 1000, /* for the connection to a controller, before the mount */
    CONNECT_STEP_MS = 5,
};

static void handle(struct fileview *view, struct fuse_session *session, const struct fuse_buf *request, uint64_t ms)
{
    const uint64_t begun_us = aq_clock_us();
    fuse_session_process_buf(session, request);
    const uint64_t now_us = aq_clock_us();
    throttle_charge(view->filesystem->throttle, request, ms, now_us - begun_us, now_us);
}

/* libfuse has not seen the request, and would have to handle it to answer it. */
static void refuse(struct fuse_session *session, const struct fuse_buf *request)
{
    const struct fuse_out_header answer = {
        .len = sizeof answer, .error = -EAGAIN, .unique = throttle_request_number(request)};
    (void)!write(fuse_session_fd(session), &answer, sizeof answer); /* ENOENT: it was aborted meanwhile */
}

/* Handles requests of the kernel, up to a bound. False: the session is over. */
static bool serve_kernel(struct fileview *view, struct fuse_session *session, struct fuse_buf *buffer)
{
    const uint64_t ms = AQ_SETTING(view->config->work_per_uid);
    for (int i = 0; i < REQUESTS_TURN; i++) {
        int got = fuse_session_receive_buf(session, buffer);
        if (got == -EAGAIN || got == -EINTR)
            return true;
        if (got <= 0)
            return false;
        switch (throttle_take(view->filesystem->throttle, buffer, ms, aq_clock_us())) {
        case THROTTLE_NOW:
            handle(view, session, buffer, ms);
            break;
        case THROTTLE_REFUSED:
            refuse(session, buffer);
            break;
        case THROTTLE_LATER:
            break;
        }
    }
    return !fuse_session_exited(session);
}

/* Handles requests that had to wait. */
static void serve_waiting(struct fileview *view, struct fuse_session *session)
{
    struct fuse_buf request;
    const uint64_t ms = AQ_SETTING(view->config->work_per_uid);
    for (int i = 0; i < REQUESTS_TURN; i++) {
        if (!throttle_release(view->filesystem->throttle, &request, ms, aq_clock_us()))
            return;
        handle(view, session, &request, ms);
        free(request.mem);
    }
}

/* How long to wait for what comes, at most `most_ms`. */
static int patience_ms(const struct fileview *view, int most_ms)
{
    const uint64_t due_us = throttle_due_us(view->filesystem->throttle), now_us = aq_clock_us();
    if (due_us <= now_us)
        return 0;
    const uint64_t left_ms = (due_us - now_us) / 1000 + 1;
    return left_ms < (uint64_t)most_ms ? (int)left_ms : most_ms;
}

/* Everything except the kernel's requests: the controller's answers, new events, and timers. */
static void work(struct fileview *view)
{
    struct filesystem *filesystem = view->filesystem;
    questions_work(view->questions);
    news_work(view->news);
    writes_work(filesystem);
    logs_work(filesystem);
    if (eventfeed_work(view->feed))
        files_wake(filesystem);
    listings_work(filesystem->listings, aq_clock_ms());
    budget_trim(&filesystem->budget);
}

static void serve(struct fileview *view, struct fuse_session *session, const struct fileview_signals *signals)
{
    struct fuse_buf buffer = {0};
    struct pollfd fds[] = {
        {fuse_session_fd(session), POLLIN, 0}, {questions_fd(view->questions), POLLIN, 0}, {signals->fd, POLLIN, 0}};
    fcntl(fds[0].fd, F_SETFL, fcntl(fds[0].fd, F_GETFL) | O_NONBLOCK);
    uint64_t next_ms = 0;
    while (!fuse_session_exited(session)) {
        const int tick_ms = writes_are_settling(view->filesystem) ? SETTLING_TICK_MS : QUESTIONS_TICK_MS;
        const bool behind = eventfeed_is_behind(view->feed);
        int ready = poll(fds, AQ_LENGTH(fds), behind ? 0 : patience_ms(view, tick_ms));
        if (ready < 0 && errno != EINTR)
            break;
        if (ready > 0 && fds[2].revents != 0 && signals->take(signals->fd))
            break;
        if (ready > 0 && fds[0].revents != 0 && !serve_kernel(view, session, &buffer))
            break;
        serve_waiting(view, session);
        if ((ready > 0 && fds[1].revents != 0) || behind || aq_clock_ms() >= next_ms) {
            work(view);
            next_ms = aq_clock_ms() + (uint64_t)tick_ms;
        }
    }
    free(buffer.mem);
}

/* The first command after a mount would fail if its connection was still being made. Without a controller, reads work,
 * so the wait is short. */
static void wait_for_controller(const struct fileview *view, const struct fileview_signals *signals)
{
    struct pollfd fd = {.fd = signals->fd, .events = POLLIN};
    const uint64_t until_ms = aq_clock_ms() + CONNECT_MS;
    while (!questions_connected(view->questions) && aq_clock_ms() < until_ms && poll(&fd, 1, CONNECT_STEP_MS) == 0)
        ;
}

static int mount_and_serve(struct fileview *view, struct fuse_session *session, const struct fileview_signals *signals,
                           void (*ready)(void), struct aq_error *error)
{
    const char *mount = view->config->mount;
    wait_for_controller(view, signals);
    if (fuse_session_mount(session, mount) != 0)
        return aq_fail(error, AQ_E_IO, "cannot mount at %s: this needs root and /dev/fuse", mount);
    ready();
    serve(view, session, signals);
    filesystem_end_requests(view->filesystem);
    fuse_session_unmount(session);
    return 0;
}

/* The library's own messages would wait for standard error. */
static void log_library(enum fuse_log_level level, const char *format, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    aq_journal(level <= FUSE_LOG_ERR       ? AQ_ERROR
               : level <= FUSE_LOG_WARNING ? AQ_WARN
                                           : AQ_DEBUG,
               "libfuse", "says", text, NULL);
}

int loop_run(struct fileview *view, const struct fileview_signals *signals, void (*ready)(void), struct aq_error *error)
{
    char *words[] = {"aq-fs", "-o", "allow_other,default_permissions,fsname=aquarium,subtype=aq", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, words);
    fuse_set_log_func(log_library);
    if (mount_prepare(view->config->mount, error) != 0)
        return -1;
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, view->filesystem);
    fuse_opt_free_args(&args);
    if (session == NULL)
        return aq_fail(error, AQ_E_INTERNAL, "cannot create a FUSE session");
    int status = mount_and_serve(view, session, signals, ready, error);
    fuse_session_destroy(session);
    return status;
}
