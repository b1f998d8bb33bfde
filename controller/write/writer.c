#include "controller/write/writer.h"

#include "controller/log/replay.h"
#include "controller/log/replica.h"
#include "controller/write/batch.h"
#include "controller/write/budgets.h"
#include "controller/write/log_clock.h"
#include "controller/write/queue.h"
#include "schema/base/journal.h"
#include "schema/codec/pack.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <pthread.h>
#include <raft.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    SERVER_ID = 1,
    RETRY_MS = 1000 /* until tables that had no room are tried again */
};

struct writer {
    struct writer_options options;
    struct replica *replica;

    struct request_queue queue;         /* closed when the writer must end */
    _Atomic(struct log_job *) finished; /* the job whose append has ended; NULL: none */

    /* Only for the caller of writer_turn(). */
    struct aq_clocks now; /* of this turn */
    struct log_job job;
    bool job_busy; /* `job` is being appended */
    struct batch batch;
    struct budgets *budgets;
    uint64_t batch_index; /* raft index of the batch that is being committed; 0: none */
    bool log_full;        /* the log had no room for the last job */
    bool behind;          /* the tables lack entries of the log: they had no room for them */
    uint64_t retry_at_ms; /* behind: when they are tried again */

    /* Any thread. */
    pthread_mutex_t clock_lock; /* guards `clock` */
    struct log_clock clock;
    atomic_uint_fast64_t seq, commands, refusals, limited, events, batches, term, raft_index;
    atomic_bool leads;
};

/* ---- any thread --------------------------------------------------------------------------------------- */

int writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error)
{
    bool was_empty;
    aq_assert(request->count >= 1 && request->count <= AQ_BATCH_COMMANDS_MAX && request->done != NULL);
    if (request->key != NULL && strlen(request->key) > AQ_KEY_SIZE_MAX)
        return aq_fail(error, AQ_E_INVALID, "the idempotency key is %zu bytes long, more than %d", strlen(request->key),
                       AQ_KEY_SIZE_MAX);
    if (!atomic_load(&writer->leads))
        return aq_fail(error, AQ_E_NO_LEADER, "there is no leader; reads still work");
    request->set_aside = false;
    if (request_queue_put(&writer->queue, request, AQ_SETTING(writer->options.config->log.queue), &was_empty, error) !=
        0)
        return -1;
    if (was_empty)
        writer->options.wake(writer->options.context);
    return 0;
}

struct events *writer_events(struct writer *writer)
{
    return log_store_events(writer->options.store);
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
        .limited = atomic_load(&writer->limited),
        .events = atomic_load(&writer->events),
        .batches = atomic_load(&writer->batches),
        .queue_length = request_queue_length(&writer->queue),
        .term = atomic_load(&writer->term),
        .raft_index = atomic_load(&writer->raft_index),
    };
}

void writer_appended(struct writer *writer, struct log_job *job)
{
    struct log_job *before = atomic_exchange(&writer->finished, job);
    aq_assert(before == NULL);
}

void writer_stop(struct writer *writer)
{
    request_queue_close(&writer->queue);
}

/* ---- time: any thread --------------------------------------------------------------------------------- */

static void warn_of_clock(const char *words, int64_t jump_ms, uint64_t time_ms, uint64_t wall_ms)
{
    char jump[32], ahead[32];
    snprintf(jump, sizeof jump, "%+.3f", (double)jump_ms / 1000);
    snprintf(ahead, sizeof ahead, "%+.3f", (double)(int64_t)(time_ms - wall_ms) / 1000);
    aq_journal(AQ_WARN, words, "jump_s", jump, "log_ahead_s", ahead, NULL);
}

uint64_t writer_time_ms(struct writer *writer, const struct aq_clocks *now)
{
    int64_t jump_ms;
    pthread_mutex_lock(&writer->clock_lock);
    uint64_t time_ms = log_clock_read(&writer->clock, now->steady_ms, now->wall_ms, &jump_ms);
    pthread_mutex_unlock(&writer->clock_lock);
    if (jump_ms != 0)
        warn_of_clock("the wall clock has jumped: the log's time goes on, and returns to it slowly", jump_ms, time_ms,
                      now->wall_ms);
    return time_ms;
}

/* After the entry that was decided at `log_ms`. */
static void start_clock(struct writer *writer, uint64_t log_ms)
{
    uint64_t wall_ms = writer->now.wall_ms;
    pthread_mutex_lock(&writer->clock_lock);
    log_clock_start(&writer->clock, log_ms, writer->now.steady_ms, wall_ms);
    pthread_mutex_unlock(&writer->clock_lock);
    if (log_ms > wall_ms + LOG_CLOCK_JUMP_MS)
        warn_of_clock("the wall clock is behind the log's time, which goes on slower until both agree", 0, log_ms,
                      wall_ms);
}

/* ---- answers ------------------------------------------------------------------------------------------ */

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
        if (request->error.code == AQ_OK && !request->repeated)
            budgets_charge(writer->budgets, request, writer->now.steady_ms);
        atomic_fetch_add(request->error.code == AQ_OK ? &writer->commands : &writer->refusals, request->count);
        request->done(request);
    }
}

static int open_replica(struct writer *writer, struct aq_error *error)
{
    struct state_txn *txn;
    if (state_read(writer->options.state, &txn, error) != 0)
        return -1;
    struct replica_options options = {.id = SERVER_ID,
                                      .address = writer->options.config->name,
                                      .applied = state_applied_get(txn).index,
                                      .reserve_mib = AQ_SETTING(writer->options.config->log.disk_reserve)};
    atomic_store(&writer->seq, state_seq(txn)); /* what readers see already, before there is a leader */
    state_end(txn);
    return replica_open(&writer->replica, writer->options.store, &options, writer->now.steady_ms, error);
}

/* Gives away what raft wants durable, one job at a time: the next batch waits for it. */
static void start_job(struct writer *writer)
{
    if (writer->job_busy || !replica_job(writer->replica, &writer->job))
        return;
    writer->job_busy = true;
    writer->options.append(writer->options.context, &writer->job);
}

/* No room, now or at all: other failures of the store are final. */
static bool lacks_room(const struct aq_error *error)
{
    return error->code == AQ_E_NO_SPACE || error->code == AQ_E_BUSY;
}

/* The tables have no room for entries that the log has. They get them when there is room; until then, nothing more is
 * decided. */
static int fall_behind(struct writer *writer, const struct aq_error *why)
{
    if (!lacks_room(why))
        return -1; /* the next start rebuilds the tables */
    if (!writer->behind)
        aq_journal(AQ_WARN, "no room for the tables: nothing is decided until there is", "error", why->message, NULL);
    writer->behind = true;
    writer->retry_at_ms = writer->now.steady_ms + RETRY_MS;
    return 0;
}

/* Projects committed entries that the tables lack: at start, and after they had no room. */
static int catch_up(struct writer *writer, struct aq_error *error)
{
    struct aq_error why = {0};
    struct state_txn *txn;
    if (replay(writer->options.store, writer->options.state, writer->options.index, replica_commit(writer->replica),
               &why) != 0 ||
        state_read(writer->options.state, &txn, &why) != 0) {
        *error = why;
        return fall_behind(writer, &why);
    }
    atomic_store(&writer->seq, state_seq(txn));
    uint64_t log_ms = state_applied_get(txn).time_ms;
    state_end(txn);
    if (!atomic_load(&writer->leads))
        start_clock(writer, log_ms);
    if (writer->behind)
        aq_journal(AQ_INFO, "the tables have room again", NULL);
    writer->behind = false;
    return 0;
}

/* The writer leads when raft does and all entries of older terms are committed. (With several voters, raft commits them
 * only with an entry of the new term.) */
static int check_leadership(struct writer *writer, struct aq_error *error)
{
    bool leads = replica_leads(writer->replica) &&
                 (atomic_load(&writer->leads) || replica_commit(writer->replica) == replica_last(writer->replica));
    atomic_store(&writer->term, replica_term(writer->replica));
    if (leads == atomic_load(&writer->leads))
        return 0;
    if (leads && catch_up(writer, error) != 0)
        return -1;
    atomic_store(&writer->leads, leads);
    aq_journal(AQ_INFO, leads ? "leads" : "no longer leads", NULL);
    writer->options.changed(writer->options.context);
    return 0;
}

static void drop_batch(struct writer *writer, const struct aq_error *error)
{
    struct writer_request *requests = batch_abort(&writer->batch);
    writer->batch_index = 0;
    answer_requests(writer, requests, error);
}

/* The tables did not take what the log has. */
static int fail_batch(struct writer *writer, struct writer_request *requests, struct aq_error *why)
{
    int status = fall_behind(writer, why);
    struct aq_error unknown = *why;
    aq_error_context(&unknown, "decided, but not visible yet");
    unknown.code = AQ_E_UNKNOWN;
    answer_requests(writer, requests, &unknown);
    return status;
}

static int finish_batch(struct writer *writer, struct aq_error *error)
{
    struct aq_error none = {0};
    uint64_t seq = writer->batch.next_seq - 1;
    atomic_fetch_add(&writer->events, seq - writer->batch.place.seq);
    atomic_fetch_add(&writer->batches, 1);
    struct writer_request *requests = batch_commit(&writer->batch, &none);
    atomic_store(&writer->raft_index, writer->batch_index);
    writer->batch_index = 0;
    if (none.code != AQ_OK) {
        *error = none;
        return fail_batch(writer, requests, error);
    }
    atomic_store(&writer->seq, seq);
    answer_requests(writer, requests, &none);
    writer->options.changed(writer->options.context); /* after the answers: callers should not wait for the watchers */
    return 0;
}

/* A failed append leaves the log as it was. If it had no room, refuses the batch and restarts raft from what is on
 * disk. There is no way on after any other failure. */
static int handle_failed_job(struct writer *writer, const struct log_job *job, struct aq_error *error)
{
    if (!lacks_room(&job->error)) {
        *error = job->error;
        return -1;
    }
    if (!writer->log_full)
        aq_journal(AQ_WARN, "no room for the log", "error", job->error.message, NULL);
    writer->log_full = true;
    if (writer->batch_index != 0)
        drop_batch(writer, &job->error);
    replica_close(writer->replica);
    writer->replica = NULL;
    return open_replica(writer, error);
}

static int handle_finished_job(struct writer *writer, struct aq_error *error)
{
    struct log_job *job = atomic_exchange(&writer->finished, NULL);
    if (job == NULL)
        return 0;
    writer->job_busy = false;
    raft_free(job->memory);
    if (job->status != 0)
        return handle_failed_job(writer, job, error);
    if (job->count > 0) {
        writer->log_full = false;
        uint64_t last = job->entries[job->count - 1].index;
        if (replica_persisted(writer->replica, last, writer->now.steady_ms, error) != 0)
            return -1;
    }
    if (writer->batch_index != 0 && replica_commit(writer->replica) >= writer->batch_index)
        return finish_batch(writer, error);
    return 0;
}

/* The next request, if it fits into the batch. The first one always does. */
static struct writer_request *take_request(struct writer *writer, const struct batch *batch)
{
    const struct aq_config_log *bounds = &writer->options.config->log;
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
                       writer->now.steady_ms, &error) != 0) {
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
    uint64_t free_mib = log_store_free_mib(writer->options.store),
             reserve_mib = AQ_SETTING(writer->options.config->log.disk_reserve);
    replica_set_free_mib(writer->replica, free_mib, reserve_mib);
    if (free_mib >= reserve_mib)
        return true;
    (void)aq_fail(error, AQ_E_NO_SPACE,
                  "the log's disk has %" PRIu64 " MiB free, less than %" PRIu64 " (log.disk_reserve)", free_mib,
                  reserve_mib);
    return false;
}

static int start_batch(struct writer *writer, struct aq_error *error)
{
    struct aq_error why = {0};
    struct batch *batch = &writer->batch;
    struct writer_request *request;
    uint64_t time_ms = writer_time_ms(writer, &writer->now);
    if (batch_begin(batch, writer->options.state, writer->options.index, time_ms, error) != 0)
        return -1;
    while ((request = take_request(writer, batch)) != NULL) {
        if (!budgets_allow(writer->budgets, request, writer->now.steady_ms)) {
            request->set_aside = true;
            atomic_fetch_add(&writer->limited, 1);
        }
        if (batch_add(batch, request, error) != 0)
            return -1;
    }
    if (batch_failed(batch, &why) || !has_room(writer, &why))
        drop_batch(writer, &why);
    else if (batch->count == 0)
        answer_requests(writer, batch_abort(batch), &why); /* only refusals and repeated requests: nothing to log */
    else
        submit_batch(writer);
    return 0;
}

/* ---- the turn ----------------------------------------------------------------------------------------- */

static void refuse_waiting(struct writer *writer, enum aq_error_code code, const char *words)
{
    struct aq_error why = {0};
    (void)aq_fail(&why, code, "%s", words);
    answer_requests(writer, request_queue_take_all(&writer->queue), &why);
}

/* Refuses requests until the tables have room again, so that callers do not wait for it. */
static int retry_catching_up(struct writer *writer, struct aq_error *error)
{
    if (!writer->behind)
        return 0;
    if (writer->now.steady_ms >= writer->retry_at_ms) {
        if (catch_up(writer, error) != 0)
            return -1;
        writer->options.changed(writer->options.context);
    }
    if (writer->behind)
        refuse_waiting(writer, AQ_E_NO_SPACE, "the tables have no room for what was decided before");
    return 0;
}

/* Raft's own entries need room on the disk, too. */
static int run_raft_timer(struct writer *writer, struct aq_error *error)
{
    if (writer->now.steady_ms < replica_deadline_ms(writer->replica))
        return 0;
    replica_set_free_mib(writer->replica, log_store_free_mib(writer->options.store),
                         AQ_SETTING(writer->options.config->log.disk_reserve));
    return replica_timeout(writer->replica, writer->now.steady_ms, error);
}

static uint64_t next_deadline_ms(const struct writer *writer)
{
    uint64_t deadline_ms = replica_deadline_ms(writer->replica);
    if (writer->behind && writer->retry_at_ms < deadline_ms)
        deadline_ms = writer->retry_at_ms;
    return deadline_ms;
}

static bool is_idle(const struct writer *writer)
{
    return writer->batch_index == 0 && !writer->job_busy;
}

/* Decides what waits, unless something is under way. */
static int start_work(struct writer *writer, struct writer_next *next, struct aq_error *error)
{
    bool stop, waiting = request_queue_waits(&writer->queue, &stop);
    if (stop && is_idle(writer)) {
        atomic_store(&writer->leads, false);
        refuse_waiting(writer, AQ_E_NO_LEADER, "the controller is stopping");
        next->ended = true;
        return 0;
    }
    if (waiting && is_idle(writer) && !writer->behind && atomic_load(&writer->leads) && !stop &&
        start_batch(writer, error) != 0)
        return -1;
    start_job(writer);
    waiting = request_queue_waits(&writer->queue, &stop) && (atomic_load(&writer->leads) || stop);
    next->deadline_ms = waiting && is_idle(writer) ? writer->now.steady_ms : next_deadline_ms(writer);
    return 0;
}

int writer_turn(struct writer *writer, const struct aq_clocks *now, struct writer_next *next, struct aq_error *error)
{
    *next = (struct writer_next){0};
    writer->now = *now;
    (void)writer_time_ms(writer, now); /* a jump of the wall clock is told even if nothing is decided */
    if (handle_finished_job(writer, error) != 0 || check_leadership(writer, error) != 0 ||
        retry_catching_up(writer, error) != 0 || run_raft_timer(writer, error) != 0)
        return -1;
    return start_work(writer, next, error);
}

/* ---- open and close ----------------------------------------------------------------------------------- */

int writer_open(struct writer **out, const struct writer_options *options, const struct aq_clocks *now,
                struct aq_error *error)
{
    struct writer *writer = aq_calloc(1, sizeof *writer);
    writer->options = *options;
    writer->now = *now;
    writer->budgets = budgets_new(&options->config->log);
    request_queue_open(&writer->queue);
    pthread_mutex_init(&writer->clock_lock, NULL);
    start_clock(writer, 0);
    if (open_replica(writer, error) != 0) {
        writer_close(writer);
        return -1;
    }
    *out = writer;
    return 0;
}

void writer_close(struct writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->batch.txn != NULL)
        (void)batch_abort(&writer->batch);
    if (writer->job_busy)
        raft_free(writer->job.memory);
    (void)request_queue_take_all(&writer->queue);
    replica_close(writer->replica);
    place_index_free(writer->options.index);
    request_queue_free(&writer->queue);
    pthread_mutex_destroy(&writer->clock_lock);
    budgets_free(writer->budgets);
    free(writer);
}
