/* Jobs for the log: what is to be appended, in one synced transaction.
 *
 * Whoever has nothing else to do meanwhile does a job itself, with log_job_do(). Otherwise it goes to the log thread,
 * which waits for the disk: jobs are done there one at a time, in order; a callback on the log thread reports each when
 * it is done. */
#ifndef AQ_CONTROLLER_LOG_THREAD_H
#define AQ_CONTROLLER_LOG_THREAD_H

#include "controller/log/store.h"

#include <stdbool.h>

enum { LOG_JOB_ENTRIES_MAX = 4, LOG_JOBS_MAX = 8 };

/* Belongs to the caller until log_thread_put(), and again from the callback on. */
struct log_job {
    /* What to append. */
    struct log_entry entries[LOG_JOB_ENTRIES_MAX];
    unsigned count;
    uint64_t commit;
    bool has_vote;
    struct log_vote vote;
    void *memory; /* that the entries point to; the caller frees it after the job */

    /* The result. */
    int status; /* 0, or -1 with `error` */
    struct aq_error error;
    uint64_t took_ms;

    struct log_job *next;
};

/* Appends, on the calling thread: one job at a time, here and on the log thread. */
void log_job_do(struct log_job *job, struct log_store *store);

typedef void log_done_fn(void *context, struct log_job *job);

struct log_thread;
int log_thread_start(struct log_thread **thread, struct log_store *store, log_done_fn *done, void *context,
                     struct aq_error *error) AQ_MUST_CHECK;
void log_thread_put(struct log_thread *thread, struct log_job *job);
void log_thread_stop(struct log_thread *thread); /* after the jobs that are queued; NULL is fine */

#endif
