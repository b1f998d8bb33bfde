#include "controller/write/writer.h"

#include "controller/log/replay.h"
#include "controller/log/replica.h"
#include "controller/log/thread.h"
#include "controller/write/batch.h"
#include "controller/write/log_clock.h"
#include "controller/write/queue.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "schema/codec/pack.h"
#include "schema/codec/reload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <raft.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    WATCHERS_MAX = 8,
    SERVER_ID = 1,
    SLEEP_MS_MAX = 10000,
    RETRY_MS = 1000,      /* until tables that had no room are tried again */
    CLOCKS_APART_MS = 50, /* a thread that was held up for longer between two clocks reads them again */
    CLOCKS_TRIES = 3,
};

struct writer {
    const struct aq_config_controller *config;
    struct log_store *store;
    struct state *state;
    struct place_index *index;
    struct replica *replica;
    struct log_thread *log;
    pthread_t thread;
    bool started;
    int bell; /* rung for a new request, a finished job, and to stop */
    int watchers[WATCHERS_MAX];
    size_t n_watchers;

    struct request_queue queue;         /* closed when the thread must end */
    _Atomic(struct log_job *) finished; /* the job that the log thread has finished; NULL: none */

    /* Only for the writer's thread. */
    struct log_job job;
    bool job_busy; /* the log thread has `job` */
    struct batch batch;
    uint64_t batch_index; /* raft index of the batch that is being committed; 0: none */
    bool log_full;        /* the log had no room for the last job */
    bool behind;          /* the tables lack entries of the log: they had no room for them */
    uint64_t retry_at_ms; /* behind: when they are tried again */

    /* Any thread. */
    pthread_mutex_t clock_lock; /* guards `clock` */
    struct log_clock clock;
    atomic_uint_fast64_t seq, commands, refusals, events, batches, term, raft_index;
    atomic_bool leads;
};

/* ---- any thread --------------------------------------------------------------------------------------- */

int writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error)
{
    aq_assert(request->count >= 1 && request->count <= AQ_BATCH_COMMANDS_MAX && request->done != NULL);
    if (request->key != NULL && strlen(request->key) > AQ_KEY_SIZE_MAX)
        return aq_fail(error, AQ_E_INVALID, "the idempotency key is %zu bytes long, more than %d", strlen(request->key),
                       AQ_KEY_SIZE_MAX);
    if (!atomic_load(&writer->leads))
        return aq_fail(error, AQ_E_NO_LEADER, "there is no leader; reads still work");
    bool was_empty;
    request->set_aside = false;
    if (request_queue_put(&writer->queue, request, AQ_SETTING(writer->config->log.queue), &was_empty, error) != 0)
        return -1;
    if (was_empty)
        aq_bell_ring(writer->bell);
    return 0;
}

uint64_t writer_seq(const struct writer *writer)
{
    return atomic_load(&writer->seq);
}

bool writer_is_leader(const struct writer *writer)
{
    return atomic_load(&writer->leads);
}

void writer_figures(const struct writer *writer, struct writer_figures *figures)
{
    *figures = (struct writer_figures){
        .commands = atomic_load(&writer->commands),
        .refusals = atomic_load(&writer->refusals),
        .events = atomic_load(&writer->events),
        .batches = atomic_load(&writer->batches),
        .queue_length = request_queue_length(&writer->queue),
        .term = atomic_load(&writer->term),
        .raft_index = atomic_load(&writer->raft_index),
    };
}

/* ---- time: any thread --------------------------------------------------------------------------------- */

static void read_clocks(uint64_t *steady_ms, uint64_t *wall_ms)
{
    uint64_t before_ms;
    int tries = 0;
    *steady_ms = aq_clock_boot_ms();
    do {
        before_ms = *steady_ms;
        *wall_ms = aq_clock_wall_ms();
        *steady_ms = aq_clock_boot_ms();
    } while (*steady_ms - before_ms > CLOCKS_APART_MS && ++tries < CLOCKS_TRIES);
}

static void warn_of_clock(const char *words, int64_t jump_ms, uint64_t time_ms, uint64_t wall_ms)
{
    char jump[32], ahead[32];
    snprintf(jump, sizeof jump, "%+.3f", (double)jump_ms / 1000);
    snprintf(ahead, sizeof ahead, "%+.3f", (double)(int64_t)(time_ms - wall_ms) / 1000);
    aq_journal(AQ_WARN, words, "jump_s", jump, "log_ahead_s", ahead, NULL);
}

uint64_t writer_time_ms(struct writer *writer)
{
    uint64_t steady_ms, wall_ms;
    int64_t jump_ms;
    pthread_mutex_lock(&writer->clock_lock);
    read_clocks(&steady_ms, &wall_ms);
    uint64_t time_ms = log_clock_read(&writer->clock, steady_ms, wall_ms, &jump_ms);
    pthread_mutex_unlock(&writer->clock_lock);
    if (jump_ms != 0)
        warn_of_clock("the wall clock has jumped: the log's time goes on, and returns to it slowly", jump_ms, time_ms,
                      wall_ms);
    return time_ms;
}

/* After the entry that was decided at `log_ms`. */
static void start_clock(struct writer *writer, uint64_t log_ms)
{
    uint64_t steady_ms, wall_ms;
    pthread_mutex_lock(&writer->clock_lock);
    read_clocks(&steady_ms, &wall_ms);
    log_clock_start(&writer->clock, log_ms, steady_ms, wall_ms);
    pthread_mutex_unlock(&writer->clock_lock);
    if (log_ms > wall_ms + LOG_CLOCK_JUMP_MS)
        warn_of_clock("the wall clock is behind the log's time, which goes on slower until both agree", 0, log_ms,
                      wall_ms);
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

struct events *writer_events(struct writer *writer)
{
    return log_store_events(writer->store);
}

/* On the log thread. */
static void job_finished(void *context, struct log_job *job)
{
    struct writer *writer = context;
    struct log_job *before = atomic_exchange(&writer->finished, job);
    aq_assert(before == NULL);
    aq_bell_ring(writer->bell);
}

/* ---- the writer's thread ------------------------------------------------------------------------------ */

static void ring_watchers(struct writer *writer)
{
    for (size_t i = 0; i < writer->n_watchers; i++)
        aq_bell_ring(writer->watchers[i]);
}

/* Answers a list of requests. If `error` is not AQ_OK, all of them fail with it. */
static void answer_requests(struct writer *writer, struct writer_request *requests, const struct aq_error *error)
{
    while (requests != NULL) {
        struct writer_request *request = requests;
        requests = request->next; /* after done(), the request belongs to its caller again */
        if (error->code != AQ_OK) {
            request->error = *error;
            request->seq = atomic_load(&writer->seq); /* what it had seen may never be committed */
        }
        atomic_fetch_add(request->error.code == AQ_OK ? &writer->commands : &writer->refusals, request->count);
        request->done(request);
    }
}

/* Ends the process after a failure from which the writer cannot recover. */
_Noreturn static void give_up(const struct aq_error *error)
{
    aq_journal(AQ_ERROR, "the writer cannot go on", "error", error->message, NULL);
    aq_broken(__FILE__, __LINE__, error->message);
}

static void open_replica(struct writer *writer)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    if (state_read(writer->state, &txn, &error) != 0)
        give_up(&error);
    struct replica_options options = {.id = SERVER_ID,
                                      .address = writer->config->name,
                                      .applied = state_applied_get(txn).index,
                                      .reserve_mib = AQ_SETTING(writer->config->log.disk_reserve)};
    state_end(txn);
    if (replica_open(&writer->replica, writer->store, &options, aq_clock_ms(), &error) != 0)
        give_up(&error);
}

/* Gives the log thread what raft wants durable, one job at a time: the next batch waits for it. */
static void start_job(struct writer *writer)
{
    if (!writer->job_busy && replica_job(writer->replica, &writer->job)) {
        writer->job_busy = true;
        log_thread_put(writer->log, &writer->job);
    }
}

/* The tables have no room for entries that the log has. They get them when there is room; until then, nothing more is
 * decided. */
static void fall_behind(struct writer *writer, const struct aq_error *why)
{
    if (why->code != AQ_E_NO_SPACE)
        give_up(why); /* the next start rebuilds the tables */
    if (!writer->behind)
        aq_journal(AQ_WARN, "no room for the tables: nothing is decided until there is", "error", why->message, NULL);
    writer->behind = true;
    writer->retry_at_ms = aq_clock_ms() + RETRY_MS;
}

/* Projects committed entries that the tables lack: at start, and after they had no room. */
static void catch_up(struct writer *writer)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    if (replay(writer->store, writer->state, writer->index, replica_commit(writer->replica), &error) != 0 ||
        state_read(writer->state, &txn, &error) != 0) {
        fall_behind(writer, &error);
        return;
    }
    atomic_store(&writer->seq, state_seq(txn));
    uint64_t log_ms = state_applied_get(txn).time_ms;
    state_end(txn);
    if (!atomic_load(&writer->leads))
        start_clock(writer, log_ms);
    if (writer->behind)
        aq_journal(AQ_INFO, "the tables have room again", NULL);
    writer->behind = false;
}

/* The writer leads when raft does and all entries of older terms are committed. (With several voters, raft commits them
 * only with an entry of the new term.) */
static void check_leadership(struct writer *writer)
{
    bool leads = replica_leads(writer->replica) &&
                 (atomic_load(&writer->leads) || replica_commit(writer->replica) == replica_last(writer->replica));
    atomic_store(&writer->term, replica_term(writer->replica));
    if (leads == atomic_load(&writer->leads))
        return;
    if (leads)
        catch_up(writer);
    atomic_store(&writer->leads, leads);
    aq_journal(AQ_INFO, leads ? "leads" : "no longer leads", NULL);
    ring_watchers(writer);
}

static void drop_batch(struct writer *writer, const struct aq_error *error)
{
    struct writer_request *requests = batch_abort(&writer->batch);
    writer->batch_index = 0;
    answer_requests(writer, requests, error);
}

static void finish_batch(struct writer *writer)
{
    struct aq_error error = {0};
    uint64_t seq = writer->batch.next_seq - 1;
    atomic_fetch_add(&writer->events, seq - writer->batch.place.seq);
    atomic_fetch_add(&writer->batches, 1);
    struct writer_request *requests = batch_commit(&writer->batch, &error);
    atomic_store(&writer->raft_index, writer->batch_index);
    writer->batch_index = 0;
    if (error.code == AQ_OK) {
        atomic_store(&writer->seq, seq);
    } else {
        fall_behind(writer, &error);
        aq_error_context(&error, "decided, but not visible yet");
        error.code = AQ_E_UNKNOWN;
    }
    bool seen = error.code == AQ_OK;
    answer_requests(writer, requests, &error);
    if (seen) /* after the answers: callers should not wait until the watchers are woken */
        ring_watchers(writer);
}

/* A failed append leaves the log as it was. If it had no room, refuses the batch and restarts raft from what is on
 * disk. Gives up after any other failure. */
static void handle_failed_job(struct writer *writer, const struct log_job *job)
{
    if (job->error.code != AQ_E_NO_SPACE)
        give_up(&job->error);
    if (!writer->log_full)
        aq_journal(AQ_WARN, "no room for the log", "error", job->error.message, NULL);
    writer->log_full = true;
    if (writer->batch_index != 0)
        drop_batch(writer, &job->error);
    replica_close(writer->replica);
    open_replica(writer);
}

static void handle_finished_job(struct writer *writer)
{
    struct aq_error error = {0};
    struct log_job *job = atomic_exchange(&writer->finished, NULL);
    if (job == NULL)
        return;
    writer->job_busy = false;
    raft_free(job->memory);
    if (job->status != 0) {
        handle_failed_job(writer, job);
        return;
    }
    if (job->count > 0)
        writer->log_full = false;
    if (job->count > 0 &&
        replica_persisted(writer->replica, job->entries[job->count - 1].index, aq_clock_ms(), &error) != 0)
        give_up(&error);
    if (writer->batch_index != 0 && replica_commit(writer->replica) >= writer->batch_index)
        finish_batch(writer);
}

/* The next request, if it fits into the batch. The first one always does. */
static struct writer_request *take_request(struct writer *writer, const struct batch *batch)
{
    const struct aq_config_log *bounds = &writer->config->log;
    if (batch->commands == 0)
        return request_queue_take(&writer->queue, UINT64_MAX);
    uint64_t commands_max = AQ_SETTING(bounds->batch);
    if (batch->commands >= commands_max || batch->bytes >= AQ_SETTING(bounds->batch_bytes))
        return NULL;
    return request_queue_take(&writer->queue, commands_max - batch->commands);
}

static void submit_batch(struct writer *writer)
{
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    struct batch *batch = &writer->batch;
    uint64_t index = replica_last(writer->replica) + 1;
    batch_pack(batch, index, &packed);
    if (packed.length > AQ_PACK_SIZE_MAX) /* it could not be read again */
        (void)aq_fail(&error, AQ_E_TOO_LARGE, "the batch has %zu bytes; an entry may have at most %d", packed.length,
                      AQ_PACK_SIZE_MAX);
    if (error.code != AQ_OK || batch_failed(batch, &error) || state_check_room(batch->txn, &error) != 0) {
        drop_batch(writer, &error);
        return;
    }
    void *data = raft_malloc(packed.length);
    aq_assert(data != NULL);
    memcpy(data, packed.data, packed.length);
    if (replica_submit(writer->replica, RAFT_COMMAND, data, (uint32_t)packed.length, batch->place.seq + 1,
                       aq_clock_ms(), &error) != 0) {
        drop_batch(writer, &error);
        return;
    }
    aq_assert(replica_last(writer->replica) == index);
    writer->batch_index = index;
}

/* Nothing is accepted while the disk is nearly full, rather than failing in the middle. Checked for each batch, for
 * other programs may fill the disk. */
static bool has_room(struct writer *writer, struct aq_error *error)
{
    uint64_t free_mib = log_store_free_mib(writer->store), reserve_mib = AQ_SETTING(writer->config->log.disk_reserve);
    replica_set_free_mib(writer->replica, free_mib, reserve_mib);
    if (free_mib >= reserve_mib)
        return true;
    (void)aq_fail(error, AQ_E_NO_SPACE,
                  "the log's disk has %" PRIu64 " MiB free, less than %" PRIu64 " (log.disk_reserve)", free_mib,
                  reserve_mib);
    return false;
}

static void start_batch(struct writer *writer)
{
    struct aq_error error = {0}, none = {0};
    struct batch *batch = &writer->batch;
    struct writer_request *request;
    if (batch_begin(batch, writer->state, writer->index, writer_time_ms(writer), &error) != 0)
        give_up(&error);
    while ((request = take_request(writer, batch)) != NULL)
        batch_add(batch, request);
    if (batch_failed(batch, &error) || !has_room(writer, &error))
        drop_batch(writer, &error);
    else if (batch->count == 0)
        answer_requests(writer, batch_abort(batch), &none); /* only refusals and repeated requests: nothing to log */
    else
        submit_batch(writer);
}

static void sleep_until(struct writer *writer, uint64_t deadline_ms)
{
    uint64_t now = aq_clock_ms();
    struct pollfd fd = {.fd = writer->bell, .events = POLLIN};
    uint64_t wait_ms = deadline_ms > now ? deadline_ms - now : 0;
    if (poll(&fd, 1, (int)(wait_ms < SLEEP_MS_MAX ? wait_ms : SLEEP_MS_MAX)) > 0)
        aq_bell_clear(writer->bell);
}

static void refuse_waiting(struct writer *writer, enum aq_error_code code, const char *words)
{
    struct aq_error why = {0};
    (void)aq_fail(&why, code, "%s", words);
    answer_requests(writer, request_queue_take_all(&writer->queue), &why);
}

/* Refuses requests until the tables have room again, so that callers do not wait for it. */
static void retry_catching_up(struct writer *writer)
{
    if (!writer->behind)
        return;
    if (aq_clock_ms() >= writer->retry_at_ms) {
        catch_up(writer);
        ring_watchers(writer);
    }
    if (writer->behind)
        refuse_waiting(writer, AQ_E_NO_SPACE, "the tables have no room for what was decided before");
}

/* Raft's own entries need room on the disk, too. */
static void run_raft_timer(struct writer *writer)
{
    struct aq_error error = {0};
    if (aq_clock_ms() < replica_deadline_ms(writer->replica))
        return;
    replica_set_free_mib(writer->replica, log_store_free_mib(writer->store),
                         AQ_SETTING(writer->config->log.disk_reserve));
    if (replica_timeout(writer->replica, aq_clock_ms(), &error) != 0)
        give_up(&error);
}

static uint64_t next_deadline_ms(const struct writer *writer)
{
    uint64_t deadline_ms = replica_deadline_ms(writer->replica);
    return writer->behind && writer->retry_at_ms < deadline_ms ? writer->retry_at_ms : deadline_ms;
}

static void *writer_main(void *argument)
{
    struct writer *writer = argument;
    for (;;) {
        bool stop;
        (void)writer_time_ms(writer); /* a jump of the wall clock is told even if nothing is decided */
        handle_finished_job(writer);
        check_leadership(writer);
        retry_catching_up(writer);
        run_raft_timer(writer);
        bool waiting = request_queue_waits(&writer->queue, &stop);
        bool idle = writer->batch_index == 0 && !writer->job_busy;
        if (stop && idle)
            break;
        if (waiting && idle && !writer->behind && atomic_load(&writer->leads) && !stop)
            start_batch(writer);
        start_job(writer);
        waiting = request_queue_waits(&writer->queue, &stop) && (atomic_load(&writer->leads) || stop);
        if (!(waiting && writer->batch_index == 0 && !writer->job_busy))
            sleep_until(writer, next_deadline_ms(writer));
    }
    atomic_store(&writer->leads, false);
    refuse_waiting(writer, AQ_E_NO_LEADER, "the controller is stopping");
    return NULL;
}

/* ---- open, start, stop, close
 * --------------------------------------------------------------------------------------------- */

int writer_open(struct writer **out, const struct writer_options *options, struct aq_error *error)
{
    struct writer *writer = aq_calloc(1, sizeof *writer);
    writer->config = options->config;
    writer->store = options->store;
    writer->state = options->state;
    writer->index = options->index;
    request_queue_open(&writer->queue);
    pthread_mutex_init(&writer->clock_lock, NULL);
    start_clock(writer, 0);
    writer->bell = aq_bell_open(error);
    if (writer->bell < 0) {
        writer_close(writer);
        return -1;
    }
    open_replica(writer);
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
    request_queue_close(&writer->queue);
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
    replica_close(writer->replica);
    place_index_free(writer->index);
    for (size_t i = 0; i < writer->n_watchers; i++)
        close(writer->watchers[i]);
    if (writer->bell >= 0)
        close(writer->bell);
    request_queue_free(&writer->queue);
    pthread_mutex_destroy(&writer->clock_lock);
    free(writer);
}
