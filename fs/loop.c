#include "fs/loop.h"

#include "fs/kernel/files.h"
#include "fs/kernel/logs.h"
#include "fs/kernel/mount.h"
#include "fs/kernel/operations.h"
#include "fs/kernel/settling.h"
#include "fs/kernel/writes.h"
#include "fs/link/eventfeed.h"
#include "fs/link/news.h"
#include "fs/link/questions.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_TURN = 64 };

/* Handles requests of the kernel, up to a bound. False: the session is over. */
static bool serve_kernel(struct fuse_session *session, struct fuse_buf *buffer)
{
    for (int i = 0; i < REQUESTS_TURN; i++) {
        int got = fuse_session_receive_buf(session, buffer);
        if (got == -EAGAIN || got == -EINTR)
            return true;
        if (got <= 0)
            return false;
        fuse_session_process_buf(session, buffer);
    }
    return !fuse_session_exited(session);
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
        int ready = poll(fds, AQ_LENGTH(fds), behind ? 0 : tick_ms);
        if (ready < 0 && errno != EINTR)
            break;
        if (ready > 0 && fds[2].revents != 0 && signals->take(signals->fd))
            break;
        if (ready > 0 && fds[0].revents != 0 && !serve_kernel(session, &buffer))
            break;
        if ((ready > 0 && fds[1].revents != 0) || behind || aq_clock_ms() >= next_ms) {
            work(view);
            next_ms = aq_clock_ms() + (uint64_t)tick_ms;
        }
    }
    free(buffer.mem);
}

static int mount_and_serve(struct fileview *view, struct fuse_session *session, const struct fileview_signals *signals,
                           void (*ready)(void), struct aq_error *error)
{
    const char *mount = view->config->mount;
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
