#include "controller/write/writer.h"

#include "controller/log/thread.h"
#include "controller/write/turns.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

enum {
    WATCHERS_MAX = 8,
    SLEEP_MS_MAX = 10000,
    CLOCKS_APART_MS = 50, /* a thread that was held up for longer between two clocks reads them again */
    CLOCKS_TRIES = 3,
};

struct writer {
    struct turns *turns;
    struct log_store *store;
    struct log_thread *log;
    pthread_t thread;
    bool started;
    int bell; /* rung for a new request, a finished append, and to stop */
    int watchers[WATCHERS_MAX];
    size_t n_watchers;
};

static struct turns_clocks read_clocks(void)
{
    struct turns_clocks now = {.steady_ms = aq_clock_boot_ms()};
    uint64_t before_ms;
    int tries = 0;
    do {
        before_ms = now.steady_ms;
        now.wall_ms = aq_clock_wall_ms();
        now.steady_ms = aq_clock_boot_ms();
    } while (now.steady_ms - before_ms > CLOCKS_APART_MS && ++tries < CLOCKS_TRIES);
    return now;
}

/* ---- any thread --------------------------------------------------------------------------------------- */

int writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error)
{
    bool wake;
    if (turns_submit(writer->turns, request, &wake, error) != 0)
        return -1;
    if (wake)
        aq_bell_ring(writer->bell);
    return 0;
}

uint64_t writer_seq(const struct writer *writer)
{
    return turns_seq(writer->turns);
}

bool writer_is_leader(const struct writer *writer)
{
    return turns_leads(writer->turns);
}

uint64_t writer_time_ms(struct writer *writer)
{
    struct turns_clocks now = read_clocks();
    return turns_time_ms(writer->turns, &now);
}

void writer_figures(const struct writer *writer, struct writer_figures *figures)
{
    turns_figures(writer->turns, figures);
}

struct events *writer_events(struct writer *writer)
{
    return log_store_events(writer->store);
}

void writer_watch(struct writer *writer, int bell)
{
    aq_assert(!writer->started && writer->n_watchers < WATCHERS_MAX);
    /* A descriptor of its own: the watcher may close the other one while the writer still rings it, and the number may
     * then belong to another file. */
    int own = fcntl(bell, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        aq_broken(__FILE__, __LINE__, "no descriptor is left for a watcher of the writer");
    writer->watchers[writer->n_watchers++] = own;
}

/* ---- what the turns want ------------------------------------------------------------------------------ */

static void start_append(void *context, struct log_job *job)
{
    struct writer *writer = context;
    log_thread_put(writer->log, job);
}

/* On the log thread. */
static void job_finished(void *context, struct log_job *job)
{
    struct writer *writer = context;
    turns_appended(writer->turns, job);
    aq_bell_ring(writer->bell);
}

static void ring_watchers(void *context)
{
    struct writer *writer = context;
    for (size_t i = 0; i < writer->n_watchers; i++)
        aq_bell_ring(writer->watchers[i]);
}

/* ---- the writer's thread ------------------------------------------------------------------------------ */

static void sleep_until(struct writer *writer, uint64_t deadline_ms)
{
    uint64_t now_ms = aq_clock_boot_ms();
    struct pollfd fd = {.fd = writer->bell, .events = POLLIN};
    uint64_t wait_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    if (poll(&fd, 1, (int)(wait_ms < SLEEP_MS_MAX ? wait_ms : SLEEP_MS_MAX)) > 0)
        aq_bell_clear(writer->bell);
}

/* The next start is sound, whatever has failed. */
_Noreturn static void give_up(const struct aq_error *error)
{
    aq_journal(AQ_ERROR, "the writer cannot go on", "error", error->message, NULL);
    aq_broken(__FILE__, __LINE__, error->message);
}

static void *writer_main(void *argument)
{
    struct writer *writer = argument;
    for (;;) {
        struct turns_clocks now = read_clocks();
        struct turns_next next;
        struct aq_error error = {0};
        if (turns_take(writer->turns, &now, &next, &error) != 0)
            give_up(&error);
        if (next.ended)
            return NULL;
        if (next.deadline_ms > now.steady_ms)
            sleep_until(writer, next.deadline_ms);
    }
}

/* ---- open, start, stop, close ------------------------------------------------------------------------- */

int writer_open(struct writer **out, const struct writer_options *options, struct aq_error *error)
{
    struct writer *writer = aq_calloc(1, sizeof *writer);
    struct turns_clocks now = read_clocks();
    struct turns_options turns = {options->config, options->store, options->state, options->index,
                                  start_append,    ring_watchers,  writer};
    writer->store = options->store;
    writer->bell = -1;
    if (turns_open(&writer->turns, &turns, &now, error) == 0)
        writer->bell = aq_bell_open(error);
    if (writer->bell < 0) {
        writer_close(writer);
        return -1;
    }
    *out = writer;
    return 0;
}

int writer_start(struct writer *writer, struct aq_error *error)
{
    if (log_thread_start(&writer->log, writer->store, job_finished, writer, error) != 0)
        return -1;
    int code = pthread_create(&writer->thread, NULL, writer_main, writer);
    if (code != 0)
        return aq_fail_errno(error, code, "cannot start the writer");
    pthread_setname_np(writer->thread, "writer");
    writer->started = true;
    return 0;
}

void writer_stop(struct writer *writer)
{
    if (!writer->started)
        return;
    turns_stop(writer->turns);
    aq_bell_ring(writer->bell);
    pthread_join(writer->thread, NULL);
    writer->started = false;
}

void writer_close(struct writer *writer)
{
    if (writer == NULL)
        return;
    writer_stop(writer);
    log_thread_stop(writer->log);
    turns_close(writer->turns);
    for (size_t i = 0; i < writer->n_watchers; i++)
        close(writer->watchers[i]);
    if (writer->bell >= 0)
        close(writer->bell);
    free(writer);
}
