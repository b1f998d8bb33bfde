#include "controller/auth/credentials.h"

#include "controller/auth/proofs.h"
#include "schema/base/clock.h"
#include "schema/base/utf8.h"
#include "schema/codec/command.h"

#include <pthread.h>
#include <sodium.h>
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

/* A token to verify, for all who wait for the result, or one to make. */
struct job {
    struct job *next;
    unsigned char digest[PROOF_SIZE];
    char stored[TOKEN_HASH_SIZE]; /* the user's hash; empty: there is no such user */
    char token[TOKEN_INPUT_MAX + 1];
    struct waiter *waiters;

    const struct aq_command *command; /* that needs a token; NULL: the token is to be verified */
    void *record;
    struct aq_arena *arena;
    credentials_token_fn *made;
    void *context;
};

struct credentials {
    struct state *state;
    unsigned char key[crypto_generichash_KEYBYTES];
    char dummy[TOKEN_HASH_SIZE]; /* the hash for unknown users; no token matches it */

    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct proofs *proofs; /* this and the members down to `stopping` are guarded by mutex */
    struct job *first, **last;
    struct job *running[THREADS_MAX];
    unsigned job_count, waiter_count;
    bool stopping;

    pthread_t threads[THREADS_MAX];
    unsigned thread_count;
};

/* ---- commands that make a token ------------------------------------------------------------------------- */

bool credentials_makes_token(const struct aq_command *command)
{
    return aq_command_token_field(command) != NULL;
}

/* ---- the pool ------------------------------------------------------------------------------------------- */

static void run_make(struct job *job)
{
    struct aq_error error = {0};
    char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
    token_make(token);
    if (token_hash(token, hash, &error) == 0)
        *(const char **)AQ_AT(job->record, aq_command_token_field(job->command)) =
            aq_arena_text(job->arena, hash, strlen(hash));
    job->made(job->context, token, &error);
    sodium_memzero(token, sizeof token);
}

static void run_verify(struct credentials *credentials, struct job *job, unsigned thread)
{
    struct aq_error error = {0};
    bool unknown = job->stored[0] == '\0';
    const char *hash = unknown ? credentials->dummy : job->stored;
    bool matches = token_matches(job->token, hash);
    bool good = matches && !unknown;
    if (!good)
        aq_fail(&error, AQ_E_UNAUTHENTICATED, "user name or token is wrong");

    pthread_mutex_lock(&credentials->mutex);
    proofs_add(credentials->proofs, job->digest, job->stored, good, aq_clock_ms());
    credentials->running[thread] = NULL; /* nobody can join its waiters any more */
    struct waiter *waiter = job->waiters;
    for (const struct waiter *each = waiter; each != NULL; each = each->next)
        credentials->waiter_count--;
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

/* Completes the queue before it ends: every job was promised a call. */
static void *worker_thread(void *context)
{
    struct worker *worker = context;
    struct credentials *credentials = worker->credentials;
    pthread_mutex_lock(&credentials->mutex);
    while (!credentials->stopping || credentials->first != NULL) {
        struct job *job = credentials->first;
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
        if (job->command != NULL)
            run_make(job);
        else
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

/* Call with the mutex held. Takes over the job, and frees it on failure. */
static int enqueue(struct credentials *credentials, struct job *job, struct aq_error *error)
{
    if (credentials->job_count == JOBS_MAX) {
        sodium_memzero(job, sizeof *job);
        free(job);
        return aq_fail(error, AQ_E_BUSY, "%d tokens are already waiting to be verified; try again", JOBS_MAX);
    }
    *credentials->last = job;
    credentials->last = &job->next;
    credentials->job_count++;
    pthread_cond_signal(&credentials->work);
    return 0;
}

int credentials_fill(struct credentials *credentials, const struct aq_command *command, void *record,
                     struct aq_arena *arena, credentials_token_fn *done, void *context, struct aq_error *error)
{
    aq_assert(credentials_makes_token(command));
    struct job *job = aq_calloc(1, sizeof *job);
    job->command = command;
    job->record = record;
    job->arena = arena;
    job->made = done;
    job->context = context;
    pthread_mutex_lock(&credentials->mutex);
    int status = enqueue(credentials, job, error);
    pthread_mutex_unlock(&credentials->mutex);
    return status;
}

/* ---- checking ------------------------------------------------------------------------------------------- */

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
        if (job != NULL && job->command == NULL && memcmp(job->digest, digest, PROOF_SIZE) == 0 &&
            strcmp(job->stored, stored) == 0)
            return job;
    }
    for (struct job *job = credentials->first; job != NULL; job = job->next)
        if (job->command == NULL && memcmp(job->digest, digest, PROOF_SIZE) == 0 && strcmp(job->stored, stored) == 0)
            return job;
    return NULL;
}

/* Call with the mutex held. */
static int wait_for_job(struct credentials *credentials, const unsigned char digest[PROOF_SIZE], const char *stored,
                        const char *token, credentials_check_fn *done, void *context, struct aq_error *error)
{
    if (credentials->waiter_count >= WAITERS_MAX)
        return aq_fail(error, AQ_E_BUSY, "%d requests are already waiting for a token to be verified; try again",
                       WAITERS_MAX);
    struct job *job = find_job(credentials, digest, stored);
    if (job == NULL) {
        job = aq_calloc(1, sizeof *job);
        memcpy(job->digest, digest, PROOF_SIZE);
        snprintf(job->stored, sizeof job->stored, "%s", stored);
        snprintf(job->token, sizeof job->token, "%s", token);
        if (enqueue(credentials, job, error) != 0)
            return -1;
    }
    struct waiter *waiter = aq_calloc(1, sizeof *waiter);
    *waiter = (struct waiter){job->waiters, done, context};
    job->waiters = waiter;
    credentials->waiter_count++;
    return 0;
}

int credentials_check(struct credentials *credentials, const char *name, const char *token, struct aq_user *user,
                      struct aq_arena *arena, uint64_t *seq, credentials_check_fn *done, void *context,
                      struct aq_error *error)
{
    if (strlen(token) > TOKEN_INPUT_MAX)
        return aq_fail(error, AQ_E_UNAUTHENTICATED, "the token has more than %d bytes", TOKEN_INPUT_MAX);
    struct state_txn *txn;
    if (state_read(credentials->state, &txn, error) != 0)
        return -1;
    bool known = aq_name_is_good(name, strlen(name)) && state_user(txn, name, user, arena);
    *seq = state_seq(txn);
    state_end(txn);
    const char *stored = known ? user->hash : "";
    unsigned char digest[PROOF_SIZE];
    digest_of(credentials, name, token, digest);

    pthread_mutex_lock(&credentials->mutex);
    enum proof proof = proofs_find(credentials->proofs, digest, stored, aq_clock_ms());
    int status = 1;
    if (proof == PROOF_BAD)
        status = aq_fail(error, AQ_E_UNAUTHENTICATED, "user name or token is wrong");
    else if (proof == PROOF_NONE)
        status = wait_for_job(credentials, digest, stored, token, done, context, error);
    pthread_mutex_unlock(&credentials->mutex);
    return status;
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

int credentials_open(struct credentials **out, struct state *state, unsigned threads, struct aq_error *error)
{
    char token[TOKEN_SIZE];
    if (sodium_init() < 0)
        return aq_fail(error, AQ_E_INTERNAL, "cannot start libsodium");
    aq_assert(threads >= 1 && threads <= THREADS_MAX);
    struct credentials *credentials = aq_calloc(1, sizeof *credentials);
    credentials->state = state;
    credentials->last = &credentials->first;
    credentials->proofs = proofs_new();
    randombytes_buf(credentials->key, sizeof credentials->key);
    pthread_mutex_init(&credentials->mutex, NULL);
    pthread_cond_init(&credentials->work, NULL);
    token_make(token);
    if (token_hash(token, credentials->dummy, error) != 0 || start_threads(credentials, threads, error) != 0) {
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
    pthread_mutex_destroy(&credentials->mutex);
    pthread_cond_destroy(&credentials->work);
    sodium_memzero(credentials->key, sizeof credentials->key);
    free(credentials);
}
