#include "controller/auth/credentials.h"

#include "controller/auth/proofs.h"
#include "controller/auth/uses.h"
#include "schema/base/address.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "schema/base/utf8.h"
#include "schema/model/token.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    JOBS_MAX = 64,
    WAITERS_MAX = 16384, /* for all jobs together */
    THREADS_MAX = 64,
    TOKEN_INPUT_MAX = 256
};

struct waiter {
    struct waiter *next;
    credentials_check_fn *done;
    void *context;
};

/* A token to verify, for all who wait for the result. */
struct job {
    struct job *next;
    unsigned char digest[PROOF_SIZE];
    char stored[TOKEN_HASH_SIZE]; /* the user's hash; empty: there is no such user */
    char token[TOKEN_INPUT_MAX + 1];
    struct attempts_source source; /* whose attempt it is, if it fails */
    struct waiter *waiters;
};

struct credentials {
    struct state *state;
    struct live *live; /* NULL: none */
    unsigned char key[crypto_generichash_KEYBYTES];

    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct proofs *proofs; /* this and the members down to `stopping` are guarded by mutex */
    struct attempts *attempts;
    struct uses *uses;
    bool uses_wait; /* to be written */
    struct credentials_figures figures;
    struct job *first, **last;
    struct job *running[THREADS_MAX];
    unsigned job_count, waiter_count;
    bool stopping;

    pthread_t threads[THREADS_MAX];
    unsigned thread_count;
};

/* ---- failures ------------------------------------------------------------------------------------------- */

/* Call with the mutex held. */
static void count_failure(struct credentials *credentials, const struct attempts_source *source)
{
    char address[AQ_ADDRESS_TEXT_SIZE], number[24];
    credentials->figures.failures++;
    uint64_t untold = attempts_count(credentials->attempts, source, aq_clock_boot_ms());
    if (untold == 0)
        return;
    aq_address_text(source->bytes, address);
    snprintf(number, sizeof number, "%" PRIu64, untold);
    aq_journal(AQ_WARN, "wrong user name or token", "address", address, "times", number, NULL);
}

static int refuse_wrong(struct aq_error *error)
{
    return aq_fail(error, AQ_E_UNAUTHENTICATED, "user name or token is wrong");
}

static int refuse_slowed(struct credentials *credentials, struct aq_error *error)
{
    credentials->figures.slowed++;
    return aq_fail(error, AQ_E_ATTEMPTS, "too many wrong user names or tokens came from this address; wait a second");
}

/* Call with the mutex held. Returns -1. */
static int refuse(struct credentials *credentials, const struct attempts_source *source, struct aq_error *error)
{
    bool slowed = !attempts_take(credentials->attempts, source, aq_clock_boot_ms());
    count_failure(credentials, source);
    return slowed ? refuse_slowed(credentials, error) : refuse_wrong(error);
}

/* ---- the pool ------------------------------------------------------------------------------------------- */

static void run_verify(struct credentials *credentials, struct job *job, unsigned thread)
{
    struct aq_error error = {0};
    bool good = token_matches_slowly(job->token, job->stored);
    if (!good)
        (void)refuse_wrong(&error);

    pthread_mutex_lock(&credentials->mutex);
    credentials->figures.slow_hashes++;
    proofs_add(credentials->proofs, job->digest, job->stored, good, aq_clock_ms());
    credentials->running[thread] = NULL; /* nobody can join its waiters any more */
    struct waiter *waiter = job->waiters;
    for (const struct waiter *each = waiter; each != NULL; each = each->next) {
        credentials->waiter_count--;
        if (!good)
            count_failure(credentials, &job->source);
    }
    if (good)
        attempts_give_back(credentials->attempts, &job->source);
    pthread_mutex_unlock(&credentials->mutex);
    while (waiter != NULL) {
        struct waiter *next = waiter->next;
        waiter->done(waiter->context, &error);
        free(waiter);
        waiter = next;
    }
}

struct worker {
    struct credentials *credentials;
    unsigned number;
};

/* Call with the mutex held, which is not held meanwhile. */
static void write_uses(struct credentials *credentials)
{
    struct use uses[USES_PENDING_MAX];
    size_t count = uses_take(credentials->uses, uses, aq_clock_boot_ms());
    credentials->uses_wait = false;
    pthread_mutex_unlock(&credentials->mutex);
    uses_write(uses, count, credentials->live);
    pthread_mutex_lock(&credentials->mutex);
}

/* Completes the queue before it ends: every job was promised a call. */
static void *worker_thread(void *context)
{
    struct worker *worker = context;
    struct credentials *credentials = worker->credentials;
    pthread_mutex_lock(&credentials->mutex);
    while (!credentials->stopping || credentials->first != NULL) {
        struct job *job = credentials->first;
        if (credentials->uses_wait) {
            write_uses(credentials);
            continue;
        }
        if (job == NULL) {
            pthread_cond_wait(&credentials->work, &credentials->mutex);
            continue;
        }
        credentials->first = job->next;
        if (credentials->first == NULL)
            credentials->last = &credentials->first;
        credentials->job_count--;
        credentials->running[worker->number] = job;
        pthread_mutex_unlock(&credentials->mutex);
        run_verify(credentials, job, worker->number);
        pthread_mutex_lock(&credentials->mutex);
        credentials->running[worker->number] = NULL;
        sodium_memzero(job, sizeof *job);
        free(job);
    }
    pthread_mutex_unlock(&credentials->mutex);
    free(worker);
    return NULL;
}

/* ---- slow ones ------------------------------------------------------------------------------------------ */

static void digest_of(const struct credentials *credentials, const char *name, const char *token,
                      unsigned char digest[PROOF_SIZE])
{
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, credentials->key, sizeof credentials->key, PROOF_SIZE);
    crypto_generichash_update(&hash, (const unsigned char *)name, strlen(name) + 1);
    crypto_generichash_update(&hash, (const unsigned char *)token, strlen(token));
    crypto_generichash_final(&hash, digest, PROOF_SIZE);
}

/* Call with the mutex held. Returns the job that verifies the same token, or NULL. */
static struct job *find_job(struct credentials *credentials, const unsigned char digest[PROOF_SIZE], const char *stored)
{
    for (unsigned i = 0; i < credentials->thread_count; i++) {
        struct job *job = credentials->running[i];
        if (job != NULL && memcmp(job->digest, digest, PROOF_SIZE) == 0 && strcmp(job->stored, stored) == 0)
            return job;
    }
    for (struct job *job = credentials->first; job != NULL; job = job->next)
        if (memcmp(job->digest, digest, PROOF_SIZE) == 0 && strcmp(job->stored, stored) == 0)
            return job;
    return NULL;
}

/* Call with the mutex held. Returns NULL with `error` if it cannot be verified now. */
static struct job *add_job(struct credentials *credentials, const unsigned char digest[PROOF_SIZE], const char *stored,
                           const char *token, const struct attempts_source *source, struct aq_error *error)
{
    if (credentials->job_count == JOBS_MAX) {
        aq_fail(error, AQ_E_BUSY, "%d tokens are already waiting to be verified; try again", JOBS_MAX);
        return NULL;
    }
    if (!attempts_take(credentials->attempts, source, aq_clock_boot_ms())) {
        count_failure(credentials, source);
        (void)refuse_slowed(credentials, error);
        return NULL;
    }
    struct job *job = aq_calloc(1, sizeof *job);
    memcpy(job->digest, digest, PROOF_SIZE);
    snprintf(job->stored, sizeof job->stored, "%s", stored);
    snprintf(job->token, sizeof job->token, "%s", token);
    job->source = *source;
    *credentials->last = job;
    credentials->last = &job->next;
    credentials->job_count++;
    pthread_cond_signal(&credentials->work);
    return job;
}

/* Call with the mutex held. */
static int wait_for_job(struct credentials *credentials, const unsigned char digest[PROOF_SIZE], const char *stored,
                        const char *token, const struct attempts_source *source, credentials_check_fn *done,
                        void *context, struct aq_error *error)
{
    if (credentials->waiter_count >= WAITERS_MAX)
        return aq_fail(error, AQ_E_BUSY, "%d requests are already waiting for a token to be verified; try again",
                       WAITERS_MAX);
    struct job *job = find_job(credentials, digest, stored);
    if (job == NULL && (job = add_job(credentials, digest, stored, token, source, error)) == NULL)
        return -1;
    struct waiter *waiter = aq_calloc(1, sizeof *waiter);
    *waiter = (struct waiter){job->waiters, done, context};
    job->waiters = waiter;
    credentials->waiter_count++;
    return 0;
}

/* ---- whose it is ---------------------------------------------------------------------------------------- */

/* Whose token may have been shown. */
struct found {
    bool there;
    struct aq_user user;
    struct aq_token token;
};

/* The name must be right, if there is one. */
static void find_user(struct state_txn *txn, const struct credentials_login *login, struct found *found,
                      struct aq_arena *arena)
{
    const struct aq_token *token = &found->token;
    found->there = (login->name == NULL || strcmp(login->name, token->user) == 0) &&
                   (token->expires_at == 0 || token->expires_at > login->time_ms) &&
                   state_user(txn, token->user, &found->user, arena) && found->user.number == token->user_number;
}

static void hash_token(struct credentials *credentials, const char *token, char hash[TOKEN_HASH_SIZE])
{
    token_hash(token, hash);
    pthread_mutex_lock(&credentials->mutex);
    credentials->figures.hashes++;
    pthread_mutex_unlock(&credentials->mutex);
}

/* By the hash: only the holder of the token can make it. Does one hash, whatever is found. */
static void find_whole(struct credentials *credentials, struct state_txn *txn, const struct credentials_login *login,
                       struct found *found, struct aq_arena *arena)
{
    char hash[TOKEN_HASH_SIZE];
    hash_token(credentials, login->token, hash);
    uint64_t id = state_token_of_hash(txn, hash);
    if (id != 0 && state_token(txn, id, &found->token, arena))
        find_user(txn, login, found, arena);
}

/* A token of an earlier build is the first one of its user. */
static void find_first(struct state_txn *txn, const struct credentials_login *login, struct found *found,
                       struct aq_arena *arena)
{
    if (login->name != NULL && aq_name_is_good(login->name, strlen(login->name)) &&
        state_user(txn, login->name, &found->user, arena) &&
        state_token(txn, found->user.first_token, &found->token, arena))
        find_user(txn, login, found, arena);
}

/* ---- checking ------------------------------------------------------------------------------------------- */

static int check_whole(struct credentials *credentials, const struct credentials_login *login,
                       const struct found *found, struct aq_error *error)
{
    pthread_mutex_lock(&credentials->mutex);
    int status = found->there ? 1 : refuse(credentials, &login->source, error);
    pthread_mutex_unlock(&credentials->mutex);
    return status;
}

static int check_other(struct credentials *credentials, const struct credentials_login *login,
                       const struct found *found, credentials_check_fn *done, void *context, struct aq_error *error)
{
    const char *name = login->name, *stored = found->there ? found->token.hash : "";
    unsigned char digest[PROOF_SIZE];
    pthread_mutex_lock(&credentials->mutex);
    if (name == NULL) { /* whose hash would it be compared with? */
        int status = refuse(credentials, &login->source, error);
        pthread_mutex_unlock(&credentials->mutex);
        return status;
    }
    digest_of(credentials, name, login->token, digest);
    enum proof proof = proofs_find(credentials->proofs, digest, stored, aq_clock_ms());
    int status = 1;
    if (proof == PROOF_BAD)
        status = refuse(credentials, &login->source, error);
    else if (proof == PROOF_NONE)
        status = wait_for_job(credentials, digest, stored, login->token, &login->source, done, context, error);
    pthread_mutex_unlock(&credentials->mutex);
    return status;
}

static void note_use(struct credentials *credentials, const struct credentials_login *login, uint64_t token)
{
    const struct use use = {.token = token, .wall_ms = login->wall_ms, .source = login->source};
    if (credentials->live == NULL)
        return;
    pthread_mutex_lock(&credentials->mutex);
    if (uses_note(credentials->uses, &use, aq_clock_boot_ms()) && !credentials->uses_wait) {
        credentials->uses_wait = true;
        pthread_cond_signal(&credentials->work);
    }
    pthread_mutex_unlock(&credentials->mutex);
}

int credentials_check(struct credentials *credentials, const struct credentials_login *login, struct aq_caller *caller,
                      struct aq_arena *arena, uint64_t *seq, credentials_check_fn *done, void *context,
                      struct aq_error *error)
{
    struct state_txn *txn;
    struct found found = {.there = false};
    if (strlen(login->token) > TOKEN_INPUT_MAX)
        return aq_fail(error, AQ_E_UNAUTHENTICATED, "the token has more than %d bytes", TOKEN_INPUT_MAX);
    if (state_read(credentials->state, &txn, error) != 0)
        return -1;
    const bool whole = token_is_whole(login->token);
    if (whole)
        find_whole(credentials, txn, login, &found, arena);
    else
        find_first(txn, login, &found, arena);
    if (found.there)
        *caller = rights_caller_with(txn, &found.user, &found.token, arena);
    *seq = state_seq(txn);
    state_end(txn);
    int status = whole ? check_whole(credentials, login, &found, error)
                       : check_other(credentials, login, &found, done, context, error);
    if (status == 1)
        note_use(credentials, login, found.token.id);
    return status;
}

void credentials_figures(struct credentials *credentials, struct credentials_figures *figures)
{
    pthread_mutex_lock(&credentials->mutex);
    *figures = credentials->figures;
    pthread_mutex_unlock(&credentials->mutex);
}

/* ---- open and close ------------------------------------------------------------------------------------- */

static int start_threads(struct credentials *credentials, unsigned threads, struct aq_error *error)
{
    while (credentials->thread_count < threads) {
        struct worker *worker = aq_calloc(1, sizeof *worker);
        *worker = (struct worker){credentials, credentials->thread_count};
        int failed = pthread_create(&credentials->threads[credentials->thread_count], NULL, worker_thread, worker);
        if (failed != 0) {
            free(worker);
            return aq_fail_errno(error, failed, "cannot start a thread for tokens");
        }
        pthread_mutex_lock(&credentials->mutex);
        credentials->thread_count++;
        pthread_mutex_unlock(&credentials->mutex);
    }
    return 0;
}

int credentials_open(struct credentials **out, struct state *state, struct live *live, unsigned threads,
                     struct aq_error *error)
{
    if (sodium_init() < 0)
        return aq_fail(error, AQ_E_INTERNAL, "cannot start libsodium");
    aq_assert(threads >= 1 && threads <= THREADS_MAX);
    struct credentials *credentials = aq_calloc(1, sizeof *credentials);
    credentials->state = state;
    credentials->live = live;
    credentials->last = &credentials->first;
    credentials->proofs = proofs_new();
    credentials->attempts = attempts_new();
    credentials->uses = uses_new();
    randombytes_buf(credentials->key, sizeof credentials->key);
    pthread_mutex_init(&credentials->mutex, NULL);
    pthread_cond_init(&credentials->work, NULL);
    if (start_threads(credentials, threads, error) != 0) {
        credentials_close(credentials);
        return -1;
    }
    *out = credentials;
    return 0;
}

void credentials_close(struct credentials *credentials)
{
    if (credentials == NULL)
        return;
    pthread_mutex_lock(&credentials->mutex);
    credentials->stopping = true;
    pthread_cond_broadcast(&credentials->work);
    pthread_mutex_unlock(&credentials->mutex);
    for (unsigned i = 0; i < credentials->thread_count; i++)
        pthread_join(credentials->threads[i], NULL);
    proofs_free(credentials->proofs);
    attempts_free(credentials->attempts);
    uses_free(credentials->uses);
    pthread_mutex_destroy(&credentials->mutex);
    pthread_cond_destroy(&credentials->work);
    sodium_memzero(credentials->key, sizeof credentials->key);
    free(credentials);
}
