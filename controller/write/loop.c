#include "controller/write/loop.h"

#include "controller/log/thread.h"
#include "schema/base/bell.h"
#include "schema/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

enum {
    WATCHERS_MAX = 8,
    SLEEP_MS_MAX = 10000,
    APPEND_QUICK_MS = 20, /* appends that take less are done by the writer's thread */
    WATCHERS_REST_MS = 2, /* from one ring of the watchers' bells to the next */
};

struct writer_loop {
    struct writer *writer;
    struct log_store *store;
    struct log_thread *log;
    pthread_t thread;
    bool started;
    bool disk_is_slow; /* the last append took long. Whoever appended writes it, before the writer gets its job back */
    struct log_job *mine; /* to append after this turn, on this thread; NULL: none */
    int bell;             /* rung for a new request, a finished append, and to stop */
    int watchers[WATCHERS_MAX];
    size_t n_watchers;
    bool changed;             /* the watchers are not told yet */
    uint64_t watchers_due_ms; /* steady; they are not told before */
};

struct writer *writer_loop_writer(struct writer_loop *loop)
{
    return loop->writer;
}

int writer_loop_watch(struct writer_loop *loop, int bell, struct aq_error *error)
{
    aq_assert(!loop->started && loop->n_watchers < WATCHERS_MAX);
    /* A descriptor of its own: the watcher may close the other one while the writer still rings it, and the number may
     * then belong to another file. */
    int own = fcntl(bell, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return aq_fail_errno(error, errno, "no descriptor for a watcher of the writer");
    loop->watchers[loop->n_watchers++] = own;
    return 0;
}

/* ---- what the writer wants ---------------------------------------------------------------------------- */

/* The only voter has nothing to do until its append has ended: it does it itself, which saves two hand-overs. A disk
 * that is slow gets the log thread, so that turns are still taken when they are due. */
static void start_append(void *context, struct log_job *job)
{
    struct writer_loop *loop = context;
    if (loop->disk_is_slow)
        log_thread_put(loop->log, job);
    else
        loop->mine = job;
}

static void ring(void *context)
{
    struct writer_loop *loop = context;
    aq_bell_ring(loop->bell);
}

static void job_finished(struct writer_loop *loop, struct log_job *job)
{
    loop->disk_is_slow = job->took_ms >= APPEND_QUICK_MS;
    writer_appended(loop->writer, job);
}

/* On the log thread. */
static void job_finished_there(void *context, struct log_job *job)
{
    struct writer_loop *loop = context;
    job_finished(loop, job);
    ring(loop);
}

static void append_here(struct writer_loop *loop)
{
    struct log_job *job = loop->mine;
    loop->mine = NULL;
    log_job_do(job, loop->store);
    job_finished(loop, job);
}

static void note_change(void *context)
{
    struct writer_loop *loop = context;
    loop->changed = true;
}

/* ---- the thread --------------------------------------------------------------------------------------- */

/* After a quiet time watchers are told at once, and then every other millisecond: to wake three threads takes as long
 * as to decide a request, and the next one waits meanwhile. */
static void tell_watchers(struct writer_loop *loop, uint64_t now_ms)
{
    if (!loop->changed || now_ms < loop->watchers_due_ms)
        return;
    loop->changed = false;
    loop->watchers_due_ms = now_ms + WATCHERS_REST_MS;
    for (size_t i = 0; i < loop->n_watchers; i++)
        aq_bell_ring(loop->watchers[i]);
}

static void sleep_until(struct writer_loop *loop, uint64_t deadline_ms)
{
    struct aq_clocks now = aq_clocks_read();
    struct pollfd fd = {.fd = loop->bell, .events = POLLIN};
    if (poll(&fd, 1, aq_clocks_left_ms(&now, deadline_ms, SLEEP_MS_MAX)) > 0)
        aq_bell_clear(loop->bell);
}

/* The next start is sound, whatever has failed. */
_Noreturn static void give_up(const struct aq_error *error)
{
    aq_journal(AQ_ERROR, "the writer cannot go on", "error", error->message, NULL);
    aq_broken(__FILE__, __LINE__, error->message);
}

static void *loop_main(void *argument)
{
    struct writer_loop *loop = argument;
    for (;;) {
        struct aq_clocks now = aq_clocks_read();
        struct writer_next next;
        struct aq_error error = {0};
        if (writer_turn(loop->writer, &now, &next, &error) != 0)
            give_up(&error);
        if (next.ended)
            return NULL;
        tell_watchers(loop, now.steady_ms);
        if (loop->changed && loop->watchers_due_ms < next.deadline_ms)
            next.deadline_ms = loop->watchers_due_ms;
        if (loop->mine != NULL)
            append_here(loop);
        else if (next.deadline_ms > now.steady_ms)
            sleep_until(loop, next.deadline_ms);
    }
}

/* ---- open, start, stop, close ------------------------------------------------------------------------- */

int writer_loop_open(struct writer_loop **out, const struct writer_options *options, struct aq_error *error)
{
    struct writer_loop *loop = aq_calloc(1, sizeof *loop);
    struct aq_clocks now = aq_clocks_read();
    struct writer_options own = *options;
    own.append = start_append;
    own.wake = ring;
    own.changed = note_change;
    own.context = loop;
    loop->store = options->store;
    loop->bell = -1;
    if (writer_open(&loop->writer, &own, &now, error) == 0)
        loop->bell = aq_bell_open(error);
    if (loop->bell < 0) {
        writer_loop_close(loop);
        return -1;
    }
    *out = loop;
    return 0;
}

int writer_loop_start(struct writer_loop *loop, struct aq_error *error)
{
    if (log_thread_start(&loop->log, loop->store, job_finished_there, loop, error) != 0)
        return -1;
    int code = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (code != 0)
        return aq_fail_errno(error, code, "cannot start the writer");
    pthread_setname_np(loop->thread, "writer");
    loop->started = true;
    return 0;
}

void writer_loop_stop(struct writer_loop *loop)
{
    if (!loop->started)
        return;
    writer_stop(loop->writer);
    ring(loop);
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

void writer_loop_close(struct writer_loop *loop)
{
    if (loop == NULL)
        return;
    writer_loop_stop(loop);
    log_thread_stop(loop->log);
    writer_close(loop->writer);
    for (size_t i = 0; i < loop->n_watchers; i++)
        close(loop->watchers[i]);
    if (loop->bell >= 0)
        close(loop->bell);
    free(loop);
}
