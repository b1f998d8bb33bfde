#include "controller/log/thread.h"

#include "schema/base/clock.h"

#include <pthread.h>

struct log_thread {
    struct log_store *store;
    log_done_fn *done;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t waiting;
    struct log_job *first, **last;
    unsigned count;
    bool stop;
};

void log_job_do(struct log_job *job, struct log_store *store)
{
    uint64_t begun_ms = aq_clock_boot_ms();
    job->status =
        log_store_append(store, job->entries, job->count, job->commit, job->has_vote ? &job->vote : NULL, &job->error);
    job->took_ms = aq_clock_boot_ms() - begun_ms;
}

/* Waits for a job. NULL: the thread is to stop. */
static struct log_job *wait_for_job(struct log_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    while (thread->first == NULL && !thread->stop)
        pthread_cond_wait(&thread->waiting, &thread->lock);
    struct log_job *job = thread->first;
    if (job != NULL) {
        thread->first = job->next;
        if (thread->first == NULL)
            thread->last = &thread->first;
        thread->count--;
    }
    pthread_mutex_unlock(&thread->lock);
    return job;
}

static void *do_jobs(void *argument)
{
    struct log_thread *thread = argument;
    for (struct log_job *job; (job = wait_for_job(thread)) != NULL;) {
        log_job_do(job, thread->store);
        thread->done(thread->context, job);
    }
    return NULL;
}

int log_thread_start(struct log_thread **out, struct log_store *store, log_done_fn *done, void *context,
                     struct aq_error *error)
{
    struct log_thread *thread = aq_calloc(1, sizeof *thread);
    *thread = (struct log_thread){.store = store, .done = done, .context = context};
    thread->last = &thread->first;
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->waiting, NULL);
    int code = pthread_create(&thread->thread, NULL, do_jobs, thread);
    if (code != 0) {
        free(thread);
        return aq_fail_errno(error, code, "cannot start the log thread");
    }
    pthread_setname_np(thread->thread, "log");
    *out = thread;
    return 0;
}

void log_thread_put(struct log_thread *thread, struct log_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&thread->lock);
    aq_assert(thread->count < LOG_JOBS_MAX && !thread->stop);
    *thread->last = job;
    thread->last = &job->next;
    thread->count++;
    pthread_mutex_unlock(&thread->lock);
    pthread_cond_signal(&thread->waiting); /* without the lock, which the thread takes when it wakes */
}

void log_thread_stop(struct log_thread *thread)
{
    if (thread == NULL)
        return;
    pthread_mutex_lock(&thread->lock);
    thread->stop = true;
    pthread_cond_signal(&thread->waiting);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->thread, NULL);
    pthread_cond_destroy(&thread->waiting);
    pthread_mutex_destroy(&thread->lock);
    free(thread);
}
