#include "controller/write/writer.h"

#include "controller/log/replay.h"
#include "controller/log/replica.h"
#include "controller/log/thread.h"
#include "controller/write/batch.h"
#include "controller/write/queue.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "schema/codec/pack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <raft.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WATCHERS_MAX = 8, SERVER_ID = 1, MEND_MS = 1000 };

struct writer {
    const struct aq_config_controller *config;
    struct log_store *store;
    struct state *state;
    struct place_index *index;
    struct replica *replica;
    struct log_thread *log;
    pthread_t thread;
    bool started;
    int bell; /* rung for a request, a finished job, or to stop */
    int watchers[WATCHERS_MAX];
    size_t n_watchers;

    struct request_queue queue;         /* closed when the thread must end */
    _Atomic(struct log_job *) finished; /* by the log thread; one at a time */

    /* The writer's thread alone. */
    struct log_job job; /* under way when job_busy */
    bool job_busy;
    struct batch batch;
    uint64_t batch_index; /* raft index of the batch under way; 0: none */
    bool no_room;         /* the log had none: told once */
    bool behind;          /* the tables had no room for what the log has */
    uint64_t mend_at_ms;  /* when that is tried again */

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
        return aq_fail(error, AQ_E_NO_LEADER, "no leader stands; reads go on");
    bool was_empty;
    request->set_aside = false;
    if (request_queue_put(&writer->queue, request, writer->config->log.queue, &was_empty, error) != 0)
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

void writer_watch(struct writer *writer, int fd)
{
    aq_assert(!writer->started && writer->n_watchers < WATCHERS_MAX);
    /* Its own descriptor: the watcher may close its one while the writer goes on, and the number may come to mean
     * something else. */
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        aq_broken(__FILE__, __LINE__, "no descriptor is left for a watcher of the writer");
    writer->watchers[writer->n_watchers++] = own;
}

struct events *writer_events(struct writer *writer)
{
    return log_store_events(writer->store);
}

/* On the log thread. */
static void note_finished(void *context, struct log_job *job)
{
    struct writer *writer = context;
    struct log_job *before = atomic_exchange(&writer->finished, job);
    aq_assert(before == NULL);
    aq_bell_ring(writer->bell);
}

/* ---- the writer's thread ------------------------------------------------------------------------------ */

static void tell_watchers(struct writer *writer)
{
    for (size_t i = 0; i < writer->n_watchers; i++)
        aq_bell_ring(writer->watchers[i]);
}

/* Answers a list of requests; `error` not AQ_OK: all of them with it. */
static void answer(struct writer *writer, struct writer_request *requests, const struct aq_error *error)
{
    while (requests != NULL) {
        struct writer_request *request = requests;
        requests = request->next; /* the request is the asker's again once done was called */
        if (error->code != AQ_OK)
            request->error = *error;
        atomic_fetch_add(request->error.code == AQ_OK ? &writer->commands : &writer->refusals, request->count);
        request->done(request);
    }
}

/* A failure of our own, which no caller can mend. */
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
                                      .reserve_mib = writer->config->log.disk_reserve};
    state_end(txn);
    if (replica_open(&writer->replica, writer->store, &options, aq_clock_ms(), &error) != 0)
        give_up(&error);
}

/* Hands to the log thread what raft wants durable. One job at a time: a batch waits for the one before. */
static void start_job(struct writer *writer)
{
    if (!writer->job_busy && replica_job(writer->replica, &writer->job)) {
        writer->job_busy = true;
        log_thread_put(writer->log, &writer->job);
    }
}

/* The tables have no room for what the log has: they get it when there is. Until then nothing more is decided. */
static void fall_behind(struct writer *writer, const struct aq_error *why)
{
    if (why->code != AQ_E_NO_SPACE)
        give_up(why); /* the tables are made anew at the next start */
    if (!writer->behind)
        aq_journal(AQ_WARN, "no room for the tables: nothing is decided until there is", "error", why->message, NULL);
    writer->behind = true;
    writer->mend_at_ms = aq_clock_ms() + MEND_MS;
}

/* Entries that were committed without a batch of ours: what the tables lacked at start, or had no room for. */
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
    state_end(txn);
    if (writer->behind)
        aq_journal(AQ_INFO, "the tables have room again", NULL);
    writer->behind = false;
}

/* Leads for good once all entries of older terms are committed: with another voter, that would take an entry of our own
 * term first. */
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
    aq_journal(AQ_INFO, leads ? "leads" : "does not lead any more", NULL);
    tell_watchers(writer);
}

static void drop_batch(struct writer *writer, const struct aq_error *error)
{
    struct writer_request *requests = batch_abort(&writer->batch);
    writer->batch_index = 0;
    answer(writer, requests, error);
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
    } else { /* it is decided, but nobody can see it yet */
        fall_behind(writer, &error);
        aq_error_context(&error, "decided, but not to be seen yet");
        error.code = AQ_E_UNKNOWN;
    }
    bool seen = error.code == AQ_OK;
    answer(writer, requests, &error);
    if (seen) /* after the answers: who waits for one should not wait for the watchers to wake, too */
        tell_watchers(writer);
}

/* The append failed as a whole, so the log is as it was. Without room, the batch is refused and raft starts again from
 * what is on disk. Anything else cannot be mended here. */
static void take_failed_job(struct writer *writer, const struct log_job *job)
{
    if (job->error.code != AQ_E_NO_SPACE)
        give_up(&job->error);
    if (!writer->no_room)
        aq_journal(AQ_WARN, "no room for the log", "error", job->error.message, NULL);
    writer->no_room = true;
    if (writer->batch_index != 0)
        drop_batch(writer, &job->error);
    replica_close(writer->replica);
    open_replica(writer);
}

static void take_finished_job(struct writer *writer)
{
    struct aq_error error = {0};
    struct log_job *job = atomic_exchange(&writer->finished, NULL);
    if (job == NULL)
        return;
    writer->job_busy = false;
    raft_free(job->memory);
    if (job->status != 0) {
        take_failed_job(writer, job);
        return;
    }
    if (job->count > 0)
        writer->no_room = false;
    if (job->count > 0 &&
        replica_persisted(writer->replica, job->entries[job->count - 1].index, aq_clock_ms(), &error) != 0)
        give_up(&error);
    if (writer->batch_index != 0 && replica_commit(writer->replica) >= writer->batch_index)
        finish_batch(writer);
}

/* The next request that goes into the batch; the first one always does. */
static struct writer_request *take_request(struct writer *writer, const struct batch *batch)
{
    const struct aq_config_log *bounds = &writer->config->log;
    if (batch->commands == 0)
        return request_queue_take(&writer->queue, UINT64_MAX);
    if (batch->commands >= bounds->batch || batch->bytes >= bounds->batch_bytes)
        return NULL;
    return request_queue_take(&writer->queue, bounds->batch - batch->commands);
}

static void submit_batch(struct writer *writer)
{
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    struct batch *batch = &writer->batch;
    uint64_t index = replica_last(writer->replica) + 1;
    batch_pack(batch, index, &packed);
    if (packed.length > AQ_PACK_SIZE_MAX) /* it could never be read again */
        (void)aq_fail(&error, AQ_E_TOO_LARGE, "a batch of %zu bytes is more than an entry may have: %d", packed.length,
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

/* Refuses everything at the door while the disk is nearly full: better than failing in the middle. Asked each time, for
 * others fill the disk, too. */
static bool has_room(struct writer *writer, struct aq_error *error)
{
    uint64_t free_mib = log_store_free_mib(writer->store);
    replica_set_free_mib(writer->replica, free_mib);
    if (free_mib >= writer->config->log.disk_reserve)
        return true;
    (void)aq_fail(error, AQ_E_NO_SPACE,
                  "the log's disk has %" PRIu64 " MiB free, less than %" PRIu64 " (log.disk_reserve)", free_mib,
                  writer->config->log.disk_reserve);
    return false;
}

static void start_batch(struct writer *writer)
{
    struct aq_error error = {0}, none = {0};
    struct batch *batch = &writer->batch;
    struct writer_request *request;
    if (batch_begin(batch, writer->state, writer->index, aq_clock_wall_ms(), &error) != 0)
        give_up(&error);
    while ((request = take_request(writer, batch)) != NULL)
        batch_add(batch, request);
    if (batch_failed(batch, &error) || !has_room(writer, &error))
        drop_batch(writer, &error);
    else if (batch->count == 0)
        answer(writer, batch_abort(batch), &none); /* refusals and repeats: nothing to log */
    else
        submit_batch(writer);
}

static void sleep_until(struct writer *writer, uint64_t deadline_ms)
{
    uint64_t now = aq_clock_ms();
    struct pollfd fd = {.fd = writer->bell, .events = POLLIN};
    int wait = deadline_ms <= now ? 0 : deadline_ms - now > 10000 ? 10000 : (int)(deadline_ms - now);
    if (poll(&fd, 1, wait) > 0)
        aq_bell_clear(writer->bell);
}

static void refuse_waiting(struct writer *writer, enum aq_error_code code, const char *words)
{
    struct aq_error why = {0};
    (void)aq_fail(&why, code, "%s", words);
    answer(writer, request_queue_take_all(&writer->queue), &why);
}

/* Until the tables have room again, requests are refused, not kept waiting. */
static void mend(struct writer *writer)
{
    if (!writer->behind)
        return;
    if (aq_clock_ms() >= writer->mend_at_ms) {
        catch_up(writer);
        tell_watchers(writer);
    }
    if (writer->behind)
        refuse_waiting(writer, AQ_E_NO_SPACE, "the tables have no room: they need it before anything is decided");
}

/* What raft may do of itself depends on the disk's room, too. */
static void keep_time(struct writer *writer)
{
    struct aq_error error = {0};
    if (aq_clock_ms() < replica_deadline_ms(writer->replica))
        return;
    replica_set_free_mib(writer->replica, log_store_free_mib(writer->store));
    if (replica_timeout(writer->replica, aq_clock_ms(), &error) != 0)
        give_up(&error);
}

static uint64_t next_deadline_ms(const struct writer *writer)
{
    uint64_t deadline_ms = replica_deadline_ms(writer->replica);
    return writer->behind && writer->mend_at_ms < deadline_ms ? writer->mend_at_ms : deadline_ms;
}

static void *run(void *argument)
{
    struct writer *writer = argument;
    for (;;) {
        bool stop;
        take_finished_job(writer);
        check_leadership(writer);
        mend(writer);
        keep_time(writer);
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

/* ---- life --------------------------------------------------------------------------------------------- */

int writer_open(struct writer **out, const struct writer_options *options, struct aq_error *error)
{
    struct writer *writer = aq_calloc(1, sizeof *writer);
    writer->config = options->config;
    writer->store = options->store;
    writer->state = options->state;
    writer->index = options->index;
    request_queue_open(&writer->queue);
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
    if (log_thread_start(&writer->log, writer->store, note_finished, writer, error) != 0)
        return -1;
    int code = pthread_create(&writer->thread, NULL, run, writer);
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
    free(writer);
}
