/* Threads that call libvirt, which may block for as long as it likes: a daemon that hangs, a disk that is gone.
 *
 * A job runs on a thread of the pool; when that is done, the owner's thread takes the result. A job that takes longer
 * than its patience is overdue, which its owner is told once; its thread stays with it, and another one takes its
 * place. When so many threads are stuck that there is no place left, jobs wait, and become overdue without having run.
 */
#ifndef AQ_DRIVERS_LIBVIRT_POOL_H
#define AQ_DRIVERS_LIBVIRT_POOL_H

#include <stdbool.h>
#include <stdint.h>

/* The beginning of a job, which its owner allocates and keeps until done() has been called. */
struct pool_job {
    void (*run)(struct pool_job *job); /* on a thread of the pool: may block */
    /* On the owner's thread: it has not ended in time; done() follows some day. */
    void (*overdue)(struct pool_job *job);
    void (*done)(struct pool_job *job); /* on the owner's thread: may free the job */
    void (*drop)(struct pool_job *job); /* instead of done(), by pool_close(): frees the job, whether it ran or not */
    uint64_t deadline_ms;               /* steady; set by pool_add() */
    bool at_close;                      /* it is run even if the pool is closed meanwhile */
    bool is_long;                       /* others do not wait for it: its thread counts as stuck from the beginning */
    bool is_overdue;
    bool started, ended, is_stuck;
    struct pool_job *next;
};

struct pool;

/* `bell` is rung when a job has ended. */
struct pool *pool_open(int bell);

/* Waits for jobs that run, but for no longer than a moment: threads that are stuck are left, and what they use must
 * stay there. Returns false then. */
bool pool_close(struct pool *pool);

void pool_add(struct pool *pool, struct pool_job *job, uint64_t now_ms, uint64_t patience_ms);

/* Tells what has ended and what is overdue. Owner's thread. */
void pool_work(struct pool *pool, uint64_t now_ms);
uint64_t pool_deadline_ms(const struct pool *pool); /* call pool_work() then at the latest; UINT64_MAX: no need */

/* Starts a thread that ends by itself and gets no signals: these are for the owner's. False: the host gives none. */
bool pool_start_thread(void *(*run)(void *context), void *context);

#endif
