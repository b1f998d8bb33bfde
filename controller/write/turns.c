#include "controller/write/turns.h"

#include "controller/log/replay.h"
#include "controller/log/replica.h"
#include "controller/write/batch.h"
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
    RETRY_MS = 1000, /* until tables that had no room are tried again */
};

struct turns {
    struct turns_options options;
    struct replica *replica;

    struct request_queue queue;         /* closed when the turns must end */
    _Atomic(struct log_job *) finished; /* the job whose append has ended; NULL: none */

    /* Only for turns. */
    struct turns_clocks now; /* of this turn */
    struct log_job job;
    bool job_busy; /* `job` is being appended */
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

int turns_submit(struct turns *turns, struct writer_request *request, bool *wake, struct aq_error *error)
{
    aq_assert(request->count >= 1 && request->count <= AQ_BATCH_COMMANDS_MAX && request->done != NULL);
    if (request->key != NULL && strlen(request->key) > AQ_KEY_SIZE_MAX)
        return aq_fail(error, AQ_E_INVALID, "the idempotency key is %zu bytes long, more than %d", strlen(request->key),
                       AQ_KEY_SIZE_MAX);
    if (!atomic_load(&turns->leads))
        return aq_fail(error, AQ_E_NO_LEADER, "there is no leader; reads still work");
    request->set_aside = false;
    return request_queue_put(&turns->queue, request, AQ_SETTING(turns->options.config->log.queue), wake, error);
}

uint64_t turns_seq(const struct turns *turns)
{
    return atomic_load(&turns->seq);
}

bool turns_leads(const struct turns *turns)
{
    return atomic_load(&turns->leads);
}

void turns_figures(const struct turns *turns, struct writer_figures *figures)
{
    *figures = (struct writer_figures){
        .commands = atomic_load(&turns->commands),
        .refusals = atomic_load(&turns->refusals),
        .events = atomic_load(&turns->events),
        .batches = atomic_load(&turns->batches),
        .queue_length = request_queue_length(&turns->queue),
        .term = atomic_load(&turns->term),
        .raft_index = atomic_load(&turns->raft_index),
    };
}

void turns_appended(struct turns *turns, struct log_job *job)
{
    struct log_job *before = atomic_exchange(&turns->finished, job);
    aq_assert(before == NULL);
}

void turns_stop(struct turns *turns)
{
    request_queue_close(&turns->queue);
}

/* ---- time: any thread --------------------------------------------------------------------------------- */

static void warn_of_clock(const char *words, int64_t jump_ms, uint64_t time_ms, uint64_t wall_ms)
{
    char jump[32], ahead[32];
    snprintf(jump, sizeof jump, "%+.3f", (double)jump_ms / 1000);
    snprintf(ahead, sizeof ahead, "%+.3f", (double)(int64_t)(time_ms - wall_ms) / 1000);
    aq_journal(AQ_WARN, words, "jump_s", jump, "log_ahead_s", ahead, NULL);
}

uint64_t turns_time_ms(struct turns *turns, const struct turns_clocks *now)
{
    int64_t jump_ms;
    pthread_mutex_lock(&turns->clock_lock);
    uint64_t time_ms = log_clock_read(&turns->clock, now->steady_ms, now->wall_ms, &jump_ms);
    pthread_mutex_unlock(&turns->clock_lock);
    if (jump_ms != 0)
        warn_of_clock("the wall clock has jumped: the log's time goes on, and returns to it slowly", jump_ms, time_ms,
                      now->wall_ms);
    return time_ms;
}

/* After the entry that was decided at `log_ms`. */
static void start_clock(struct turns *turns, uint64_t log_ms)
{
    uint64_t wall_ms = turns->now.wall_ms;
    pthread_mutex_lock(&turns->clock_lock);
    log_clock_start(&turns->clock, log_ms, turns->now.steady_ms, wall_ms);
    pthread_mutex_unlock(&turns->clock_lock);
    if (log_ms > wall_ms + LOG_CLOCK_JUMP_MS)
        warn_of_clock("the wall clock is behind the log's time, which goes on slower until both agree", 0, log_ms,
                      wall_ms);
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* Answers a list of requests. If `error` is not AQ_OK, all of them fail with it. */
static void answer_requests(struct turns *turns, struct writer_request *requests, const struct aq_error *error)
{
    while (requests != NULL) {
        struct writer_request *request = requests;
        requests = request->next; /* after done(), the request belongs to its caller again */
        if (error->code != AQ_OK) {
            request->error = *error;
            request->seq = atomic_load(&turns->seq); /* what it had seen may never be committed */
        }
        atomic_fetch_add(request->error.code == AQ_OK ? &turns->commands : &turns->refusals, request->count);
        request->done(request);
    }
}

static int open_replica(struct turns *turns, struct aq_error *error)
{
    struct state_txn *txn;
    if (state_read(turns->options.state, &txn, error) != 0)
        return -1;
    struct replica_options options = {.id = SERVER_ID,
                                      .address = turns->options.config->name,
                                      .applied = state_applied_get(txn).index,
                                      .reserve_mib = AQ_SETTING(turns->options.config->log.disk_reserve)};
    state_end(txn);
    return replica_open(&turns->replica, turns->options.store, &options, turns->now.steady_ms, error);
}

/* Gives away what raft wants durable, one job at a time: the next batch waits for it. */
static void start_job(struct turns *turns)
{
    if (!turns->job_busy && replica_job(turns->replica, &turns->job)) {
        turns->job_busy = true;
        turns->options.append(turns->options.context, &turns->job);
    }
}

/* The tables have no room for entries that the log has. They get them when there is room; until then, nothing more is
 * decided. */
static int fall_behind(struct turns *turns, const struct aq_error *why)
{
    if (why->code != AQ_E_NO_SPACE)
        return -1; /* the next start rebuilds the tables */
    if (!turns->behind)
        aq_journal(AQ_WARN, "no room for the tables: nothing is decided until there is", "error", why->message, NULL);
    turns->behind = true;
    turns->retry_at_ms = turns->now.steady_ms + RETRY_MS;
    return 0;
}

/* Projects committed entries that the tables lack: at start, and after they had no room. */
static int catch_up(struct turns *turns, struct aq_error *error)
{
    struct aq_error why = {0};
    struct state_txn *txn;
    if (replay(turns->options.store, turns->options.state, turns->options.index, replica_commit(turns->replica),
               &why) != 0 ||
        state_read(turns->options.state, &txn, &why) != 0) {
        *error = why;
        return fall_behind(turns, &why);
    }
    atomic_store(&turns->seq, state_seq(txn));
    uint64_t log_ms = state_applied_get(txn).time_ms;
    state_end(txn);
    if (!atomic_load(&turns->leads))
        start_clock(turns, log_ms);
    if (turns->behind)
        aq_journal(AQ_INFO, "the tables have room again", NULL);
    turns->behind = false;
    return 0;
}

/* The writer leads when raft does and all entries of older terms are committed. (With several voters, raft commits them
 * only with an entry of the new term.) */
static int check_leadership(struct turns *turns, struct aq_error *error)
{
    bool leads = replica_leads(turns->replica) &&
                 (atomic_load(&turns->leads) || replica_commit(turns->replica) == replica_last(turns->replica));
    atomic_store(&turns->term, replica_term(turns->replica));
    if (leads == atomic_load(&turns->leads))
        return 0;
    if (leads && catch_up(turns, error) != 0)
        return -1;
    atomic_store(&turns->leads, leads);
    aq_journal(AQ_INFO, leads ? "leads" : "no longer leads", NULL);
    turns->options.changed(turns->options.context);
    return 0;
}

static void drop_batch(struct turns *turns, const struct aq_error *error)
{
    struct writer_request *requests = batch_abort(&turns->batch);
    turns->batch_index = 0;
    answer_requests(turns, requests, error);
}

/* The tables did not take what the log has. */
static int fail_batch(struct turns *turns, struct writer_request *requests, struct aq_error *why)
{
    int status = fall_behind(turns, why);
    struct aq_error unknown = *why;
    aq_error_context(&unknown, "decided, but not visible yet");
    unknown.code = AQ_E_UNKNOWN;
    answer_requests(turns, requests, &unknown);
    return status;
}

static int finish_batch(struct turns *turns, struct aq_error *error)
{
    struct aq_error none = {0};
    uint64_t seq = turns->batch.next_seq - 1;
    atomic_fetch_add(&turns->events, seq - turns->batch.place.seq);
    atomic_fetch_add(&turns->batches, 1);
    struct writer_request *requests = batch_commit(&turns->batch, &none);
    atomic_store(&turns->raft_index, turns->batch_index);
    turns->batch_index = 0;
    if (none.code != AQ_OK) {
        *error = none;
        return fail_batch(turns, requests, error);
    }
    atomic_store(&turns->seq, seq);
    answer_requests(turns, requests, &none);
    turns->options.changed(turns->options.context); /* after the answers: callers should not wait for the watchers */
    return 0;
}

/* A failed append leaves the log as it was. If it had no room, refuses the batch and restarts raft from what is on
 * disk. There is no way on after any other failure. */
static int handle_failed_job(struct turns *turns, const struct log_job *job, struct aq_error *error)
{
    if (job->error.code != AQ_E_NO_SPACE) {
        *error = job->error;
        return -1;
    }
    if (!turns->log_full)
        aq_journal(AQ_WARN, "no room for the log", "error", job->error.message, NULL);
    turns->log_full = true;
    if (turns->batch_index != 0)
        drop_batch(turns, &job->error);
    replica_close(turns->replica);
    turns->replica = NULL;
    return open_replica(turns, error);
}

static int handle_finished_job(struct turns *turns, struct aq_error *error)
{
    struct log_job *job = atomic_exchange(&turns->finished, NULL);
    if (job == NULL)
        return 0;
    turns->job_busy = false;
    raft_free(job->memory);
    if (job->status != 0)
        return handle_failed_job(turns, job, error);
    if (job->count > 0) {
        turns->log_full = false;
        uint64_t last = job->entries[job->count - 1].index;
        if (replica_persisted(turns->replica, last, turns->now.steady_ms, error) != 0)
            return -1;
    }
    if (turns->batch_index != 0 && replica_commit(turns->replica) >= turns->batch_index)
        return finish_batch(turns, error);
    return 0;
}

/* The next request, if it fits into the batch. The first one always does. */
static struct writer_request *take_request(struct turns *turns, const struct batch *batch)
{
    const struct aq_config_log *bounds = &turns->options.config->log;
    if (batch->commands == 0)
        return request_queue_take(&turns->queue, UINT64_MAX);
    uint64_t commands_max = AQ_SETTING(bounds->batch);
    if (batch->commands >= commands_max || batch->bytes >= AQ_SETTING(bounds->batch_bytes))
        return NULL;
    return request_queue_take(&turns->queue, commands_max - batch->commands);
}

static void submit_batch(struct turns *turns)
{
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    struct batch *batch = &turns->batch;
    uint64_t index = replica_last(turns->replica) + 1;
    batch_pack(batch, index, &packed);
    if (packed.length > AQ_PACK_SIZE_MAX) /* it could not be read again */
        (void)aq_fail(&error, AQ_E_TOO_LARGE, "the batch has %zu bytes; an entry may have at most %d", packed.length,
                      AQ_PACK_SIZE_MAX);
    if (error.code != AQ_OK || batch_failed(batch, &error) || state_check_room(batch->txn, &error) != 0) {
        drop_batch(turns, &error);
        return;
    }
    void *data = raft_malloc(packed.length);
    aq_assert(data != NULL);
    memcpy(data, packed.data, packed.length);
    if (replica_submit(turns->replica, RAFT_COMMAND, data, (uint32_t)packed.length, batch->place.seq + 1,
                       turns->now.steady_ms, &error) != 0) {
        drop_batch(turns, &error);
        return;
    }
    aq_assert(replica_last(turns->replica) == index);
    turns->batch_index = index;
}

/* Nothing is accepted while the disk is nearly full, rather than failing in the middle. Checked for each batch, for
 * other programs may fill the disk. */
static bool has_room(struct turns *turns, struct aq_error *error)
{
    uint64_t free_mib = log_store_free_mib(turns->options.store),
             reserve_mib = AQ_SETTING(turns->options.config->log.disk_reserve);
    replica_set_free_mib(turns->replica, free_mib, reserve_mib);
    if (free_mib >= reserve_mib)
        return true;
    (void)aq_fail(error, AQ_E_NO_SPACE,
                  "the log's disk has %" PRIu64 " MiB free, less than %" PRIu64 " (log.disk_reserve)", free_mib,
                  reserve_mib);
    return false;
}

static int start_batch(struct turns *turns, struct aq_error *error)
{
    struct aq_error why = {0};
    struct batch *batch = &turns->batch;
    struct writer_request *request;
    uint64_t time_ms = turns_time_ms(turns, &turns->now);
    if (batch_begin(batch, turns->options.state, turns->options.index, time_ms, error) != 0)
        return -1;
    while ((request = take_request(turns, batch)) != NULL)
        batch_add(batch, request);
    if (batch_failed(batch, &why) || !has_room(turns, &why))
        drop_batch(turns, &why);
    else if (batch->count == 0)
        answer_requests(turns, batch_abort(batch), &why); /* only refusals and repeated requests: nothing to log */
    else
        submit_batch(turns);
    return 0;
}

/* ---- the turn ----------------------------------------------------------------------------------------- */

static void refuse_waiting(struct turns *turns, enum aq_error_code code, const char *words)
{
    struct aq_error why = {0};
    (void)aq_fail(&why, code, "%s", words);
    answer_requests(turns, request_queue_take_all(&turns->queue), &why);
}

/* Refuses requests until the tables have room again, so that callers do not wait for it. */
static int retry_catching_up(struct turns *turns, struct aq_error *error)
{
    if (!turns->behind)
        return 0;
    if (turns->now.steady_ms >= turns->retry_at_ms) {
        if (catch_up(turns, error) != 0)
            return -1;
        turns->options.changed(turns->options.context);
    }
    if (turns->behind)
        refuse_waiting(turns, AQ_E_NO_SPACE, "the tables have no room for what was decided before");
    return 0;
}

/* Raft's own entries need room on the disk, too. */
static int run_raft_timer(struct turns *turns, struct aq_error *error)
{
    if (turns->now.steady_ms < replica_deadline_ms(turns->replica))
        return 0;
    replica_set_free_mib(turns->replica, log_store_free_mib(turns->options.store),
                         AQ_SETTING(turns->options.config->log.disk_reserve));
    return replica_timeout(turns->replica, turns->now.steady_ms, error);
}

static uint64_t next_deadline_ms(const struct turns *turns)
{
    uint64_t deadline_ms = replica_deadline_ms(turns->replica);
    return turns->behind && turns->retry_at_ms < deadline_ms ? turns->retry_at_ms : deadline_ms;
}

static bool is_idle(const struct turns *turns)
{
    return turns->batch_index == 0 && !turns->job_busy;
}

/* Decides what waits, unless something is under way. */
static int start_work(struct turns *turns, struct turns_next *next, struct aq_error *error)
{
    bool stop, waiting = request_queue_waits(&turns->queue, &stop);
    if (stop && is_idle(turns)) {
        atomic_store(&turns->leads, false);
        refuse_waiting(turns, AQ_E_NO_LEADER, "the controller is stopping");
        next->ended = true;
        return 0;
    }
    if (waiting && is_idle(turns) && !turns->behind && atomic_load(&turns->leads) && !stop &&
        start_batch(turns, error) != 0)
        return -1;
    start_job(turns);
    waiting = request_queue_waits(&turns->queue, &stop) && (atomic_load(&turns->leads) || stop);
    next->deadline_ms = waiting && is_idle(turns) ? turns->now.steady_ms : next_deadline_ms(turns);
    return 0;
}

int turns_take(struct turns *turns, const struct turns_clocks *now, struct turns_next *next, struct aq_error *error)
{
    *next = (struct turns_next){0};
    turns->now = *now;
    (void)turns_time_ms(turns, now); /* a jump of the wall clock is told even if nothing is decided */
    if (handle_finished_job(turns, error) != 0 || check_leadership(turns, error) != 0 ||
        retry_catching_up(turns, error) != 0 || run_raft_timer(turns, error) != 0)
        return -1;
    return start_work(turns, next, error);
}

/* ---- open and close ----------------------------------------------------------------------------------- */

int turns_open(struct turns **out, const struct turns_options *options, const struct turns_clocks *now,
               struct aq_error *error)
{
    struct turns *turns = aq_calloc(1, sizeof *turns);
    turns->options = *options;
    turns->now = *now;
    request_queue_open(&turns->queue);
    pthread_mutex_init(&turns->clock_lock, NULL);
    start_clock(turns, 0);
    if (open_replica(turns, error) != 0) {
        turns_close(turns);
        return -1;
    }
    *out = turns;
    return 0;
}

void turns_close(struct turns *turns)
{
    if (turns == NULL)
        return;
    if (turns->batch.txn != NULL)
        (void)batch_abort(&turns->batch);
    if (turns->job_busy)
        raft_free(turns->job.memory);
    (void)request_queue_take_all(&turns->queue);
    replica_close(turns->replica);
    place_index_free(turns->options.index);
    request_queue_free(&turns->queue);
    pthread_mutex_destroy(&turns->clock_lock);
    free(turns);
}
