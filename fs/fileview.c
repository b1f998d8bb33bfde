#include "fs/fileview.h"

#include "fs/kernel/mount.h"
#include "fs/kernel/operations.h"
#include "schema/codec/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { START_MS = 30000, RETRY_MS = 200, REQUESTS_TURN = 64, RETURNED_BYTES = 4 << 20 };

uint64_t fileview_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int fileview_complain(struct fileview *view, uid_t uid, const char *doing, const struct aq_error *error)
{
    complaints_add(view->complaints, uid, doing, error, fileview_now_ms());
    return aq_error_errno(error->code);
}

/* ---- open and close ----------------------------------------------------------------------------------- */

static int open_data(struct fileview *view, const char *directory, struct aq_error *error)
{
    if (view->state == NULL && state_open(&view->state, directory, STATE_READ, 0, error) != 0)
        return -1;
    if (view->live == NULL && live_open(&view->live, directory, STATE_READ, error) != 0)
        return -1;
    if (view->events == NULL && events_open(&view->events, directory, error) != 0)
        return -1;
    if (view->questions == NULL && questions_open(&view->questions, directory, error) != 0)
        return -1;
    return 0;
}

/* Tables that the controller has to look through or to make anew are waited for as long as that takes. */
static bool is_to_be_mended(const struct aq_error *error)
{
    return error->code == AQ_E_BUSY || error->code == AQ_E_CORRUPT;
}

int fileview_open(struct fileview *view, const struct aq_config_fs *config, int signals, struct aq_error *error)
{
    struct pollfd told_to_end = {signals, POLLIN, 0};
    *view = (struct fileview){.config = config};
    int status = open_data(view, config->data, error);
    if (status != 0)
        aq_journal(AQ_INFO, "waiting for the controller", "data", config->data, "error", error->message, NULL);
    for (int waited = 0; status != 0 && waited < START_MS; waited += is_to_be_mended(error) ? 0 : RETRY_MS) {
        if (poll(&told_to_end, 1, RETRY_MS) > 0)
            break;
        status = open_data(view, config->data, error);
    }
    if (status != 0) {
        fileview_close(view);
        return aq_error_context(error, "%s is not (yet) a controller's data directory", config->data);
    }
    aq_record_init(&aq_now_record, &view->now, &view->now_arena);
    view->callers = callers_open();
    view->complaints = complaints_open();
    view->inodes = inodes_open();
    view->listings = listings_open();
    view->waker = waker_open();
    view->opened_ms = fileview_now_ms();
    news_begin(view);
    return 0;
}

void fileview_close(struct fileview *view)
{
    waker_close(view->waker);
    questions_close(view->questions);
    events_close(view->events);
    live_close(view->live);
    state_close(view->state);
    callers_close(view->callers);
    complaints_close(view->complaints);
    inodes_close(view->inodes);
    listings_close(view->listings);
    eventfile_free(&view->eventfile);
    aq_arena_free(&view->arena);
    aq_arena_free(&view->now_arena);
    *view = (struct fileview){0};
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

/* Handles what the kernel asks, up to a bound. False: the session is over. */
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

/* What many files held, and was freed below something small that stays, glibc does not return by itself. */
static void give_memory_back(struct fileview *view)
{
    if (view->open_peak - view->open_bytes < RETURNED_BYTES)
        return;
    malloc_trim(0);
    view->open_peak = view->open_bytes;
}

static void loop(struct fileview *view, int signals)
{
    struct fuse_session *session = view->session;
    struct fuse_buf buffer = {0};
    struct pollfd fds[] = {
        {fuse_session_fd(session), POLLIN, 0}, {questions_fd(view->questions), POLLIN, 0}, {signals, POLLIN, 0}};
    fcntl(fds[0].fd, F_SETFL, fcntl(fds[0].fd, F_GETFL) | O_NONBLOCK);
    uint64_t next_ms = 0;
    while (!fuse_session_exited(session)) {
        const int tick_ms = settling_any(view) ? SETTLING_TICK_MS : QUESTIONS_TICK_MS;
        int ready = poll(fds, AQ_LENGTH(fds), view->event_behind ? 0 : tick_ms);
        if (ready < 0 && errno != EINTR)
            break;
        if (ready > 0 && fds[2].revents != 0)
            break;
        if (ready > 0 && fds[0].revents != 0 && !serve_kernel(session, &buffer))
            break;
        if ((ready > 0 && fds[1].revents != 0) || view->event_behind || fileview_now_ms() >= next_ms) {
            questions_work(view->questions);
            news_work(view);
            listings_work(view->listings, fileview_now_ms());
            give_memory_back(view);
            next_ms = fileview_now_ms() + (uint64_t)tick_ms;
        }
    }
    free(buffer.mem);
}

/* What was still open when somebody unmounted lazily. */
static void drop_open(struct fileview *view)
{
    while (view->files != NULL)
        open_file_free(view->files);
    while (view->directories != NULL)
        open_directory_free(view->directories);
}

int fileview_run(struct fileview *view, int signals, void (*ready)(void), struct aq_error *error)
{
    char *words[] = {"aq-fs", "-o", "allow_other,default_permissions,fsname=aquarium,subtype=aq", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, words);
    if (mount_prepare(view->config->mount, error) != 0)
        return -1;
    view->session = fuse_session_new(&args, &operations, sizeof operations, view);
    if (view->session == NULL) {
        fuse_opt_free_args(&args);
        return aq_fail(error, AQ_E_INTERNAL, "cannot make a FUSE session");
    }
    int status = 0;
    if (fuse_session_mount(view->session, view->config->mount) != 0) {
        status =
            aq_fail(error, AQ_E_IO, "cannot mount at %s: is /dev/fuse there, and are we root?", view->config->mount);
    } else {
        ready();
        loop(view, signals);
        waiting_end_all(view);
        waker_close(view->waker); /* before the session that it notifies through is gone */
        view->waker = NULL;
        fuse_session_unmount(view->session);
    }
    fuse_session_destroy(view->session);
    fuse_opt_free_args(&args);
    drop_open(view);
    return status;
}
