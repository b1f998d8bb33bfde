#include "drivers/libvirt/pool.h"

#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* Threads that may be at work besides those that are stuck, and threads in all. */
enum { THREADS_BUSY = 4, THREADS_MOST = 36, STACK_SIZE = 512 << 10, CLOSE_MS = 2000 };

struct queue {
    struct pool_job *first, **last;
};

/* Only the owner uses `open`; the lock guards everything else. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work, ended;
    int bell;
    bool closing;
    struct queue waiting, over;
    unsigned threads, idle, stuck;
    struct pool_job **open; /* jobs whose done() has not been called */
    size_t open_count, open_capacity;
};

static void queue_add(struct queue *queue, struct pool_job *job)
{
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
}

static struct pool_job *queue_take(struct queue *queue)
{
    struct pool_job *job = queue->first;
    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    return job;
}

struct pool *pool_open(int bell)
{
    struct pool *pool = aq_calloc(1, sizeof *pool);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pool->waiting.last = &pool->waiting.first;
    pool->over.last = &pool->over.first;
    pool->bell = bell;
    return pool;
}

static void threads_provide(struct pool *pool);

/* With the lock held. The thread of the job is replaced. */
static void mark_stuck(struct pool *pool, struct pool_job *job)
{
    job->is_stuck = true;
    pool->stuck++;
    threads_provide(pool);
}

static void *thread_main(void *context)
{
    struct pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    while (!pool->closing || pool->waiting.first != NULL) {
        struct pool_job *job = queue_take(&pool->waiting);
        if (job == NULL) {
            pool->idle++;
            pthread_cond_wait(&pool->work, &pool->lock);
            pool->idle--;
            continue;
        }
        job->started = true;
        if (job->is_long || job->is_overdue)
            mark_stuck(pool, job);
        bool wanted = !pool->closing || job->at_close;
        pthread_mutex_unlock(&pool->lock);
        if (wanted)
            job->run(job);
        pthread_mutex_lock(&pool->lock);
        job->ended = true;
        if (job->is_stuck)
            pool->stuck--;
        queue_add(&pool->over, job);
        aq_bell_ring(pool->bell);
    }
    pool->threads--;
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

bool pool_start_thread(void *(*run)(void *context), void *context)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, &attributes, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}

/* With the lock held. */
static void threads_provide(struct pool *pool)
{
    unsigned jobs = 0;
    for (const struct pool_job *job = pool->waiting.first; job != NULL && jobs <= THREADS_BUSY; job = job->next)
        jobs++;
    for (unsigned idle = pool->idle;
         jobs > idle && pool->threads - pool->stuck < THREADS_BUSY && pool->threads < THREADS_MOST; idle++) {
        if (!pool_start_thread(thread_main, pool))
            return; /* the host gives no more: those that there are take it */
        pool->threads++;
    }
}

void pool_add(struct pool *pool, struct pool_job *job, uint64_t now_ms, uint64_t patience_ms)
{
    job->deadline_ms = now_ms + patience_ms;
    job->is_overdue = job->started = job->ended = job->is_stuck = false;
    AQ_GROW(pool->open, pool->open_count, pool->open_capacity);
    pool->open[pool->open_count++] = job;
    pthread_mutex_lock(&pool->lock);
    queue_add(&pool->waiting, job);
    threads_provide(pool);
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void open_remove(struct pool *pool, const struct pool_job *job)
{
    size_t i = 0;
    while (pool->open[i] != job)
        i++;
    pool->open[i] = pool->open[--pool->open_count];
}

static struct pool_job *take_ended(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_job *job = queue_take(&pool->over);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void mark_overdue(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    job->is_overdue = true;
    if (job->started && !job->ended && !job->is_stuck)
        mark_stuck(pool, job);
    threads_provide(pool);
    pthread_mutex_unlock(&pool->lock);
}

static struct pool_job *first_overdue(const struct pool *pool, uint64_t now_ms)
{
    for (size_t i = 0; i < pool->open_count; i++)
        if (!pool->open[i]->is_overdue && pool->open[i]->deadline_ms <= now_ms)
            return pool->open[i];
    return NULL;
}

void pool_work(struct pool *pool, uint64_t now_ms)
{
    struct pool_job *job;
    while ((job = take_ended(pool)) != NULL) {
        open_remove(pool, job);
        job->done(job);
    }
    while ((job = first_overdue(pool, now_ms)) != NULL) {
        mark_overdue(pool, job);
        job->overdue(job);
    }
}

uint64_t pool_deadline_ms(const struct pool *pool)
{
    uint64_t soonest_ms = UINT64_MAX;
    for (size_t i = 0; i < pool->open_count; i++)
        if (!pool->open[i]->is_overdue && pool->open[i]->deadline_ms < soonest_ms)
            soonest_ms = pool->open[i]->deadline_ms;
    return soonest_ms;
}

bool pool_close(struct pool *pool)
{
    const struct timespec until = aq_clock_deadline(CLOSE_MS);
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->work);
    while (pool->threads > 0 && pthread_cond_timedwait(&pool->ended, &pool->lock, &until) == 0)
        ;
    bool all = pool->threads == 0;
    pthread_mutex_unlock(&pool->lock);
    if (!all)
        return false;
    for (size_t i = 0; i < pool->open_count; i++)
        pool->open[i]->drop(pool->open[i]);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->lock);
    free(pool->open);
    free(pool);
    return true;
}
