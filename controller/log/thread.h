/* The log thread: the only place that waits for the disk. The writer hands it what must become durable; each job's
 * completion comes back through a callback, on the log thread. Jobs are done in order, one at a time. */
#ifndef AQ_CONTROLLER_LOG_THREAD_H
#define AQ_CONTROLLER_LOG_THREAD_H

#include "controller/log/store.h"

#include <stdbool.h>

enum { LOG_JOB_ENTRIES_MAX = 4, LOG_JOBS_MAX = 8 };

struct log_job {
    /* The asker's, until `done`. */
    struct log_entry entries[LOG_JOB_ENTRIES_MAX];
    unsigned count;
    uint64_t commit;
    bool has_vote;
    struct log_vote vote;
    void *memory; /* what the entries point to; free() after the job */

    /* The answer. */
    int status; /* 0, or -1 with `error` */
    struct aq_error error;

    struct log_job *next;
};

typedef void log_done_fn(void *context, struct log_job *job);

struct log_thread;
int log_thread_start(struct log_thread **thread, struct log_store *store, log_done_fn *done, void *context,
                     struct aq_error *error) AQ_MUST_CHECK;
void log_thread_put(struct log_thread *thread, struct log_job *job);
void log_thread_stop(struct log_thread *thread); /* does what is waiting, then ends; NULL is fine */

#endif
