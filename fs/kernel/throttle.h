/* How much of its time the file view spends on each uid. All requests are handled on one thread, so whoever keeps it
 * busy keeps others waiting, and a core of the controller's host busy.
 *
 * A uid has a budget of time (schema/base/buckets.h): the setting `work_per_uid` of each second, and a minute's worth
 * at once. When it is used up, requests of the uid wait until there is some again: no reader expects an error for
 * reading much. Only when very many wait, more are refused with EAGAIN. Root has no limit, nor has a user with the
 * permission cluster.exceed; and what the kernel says by itself, such as that a file is closed, never waits.
 *
 * The caller reads the kernel's requests, and handles those that need not wait. Times are steady, in microseconds. */
#ifndef AQ_FS_KERNEL_THROTTLE_H
#define AQ_FS_KERNEL_THROTTLE_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    THROTTLE_FULL_MS = 1000,      /* of a second: no limit */
    THROTTLE_BURST_S = 60,        /* so many seconds' worth may be used at once */
    THROTTLE_UIDS_MAX = 64,       /* whose requests wait at the same time; further ones have no limit */
    THROTTLE_WAITING_MAX = 1024,  /* requests of each that wait, */
    THROTTLE_BYTES_MAX = 64 << 20 /* and bytes of all requests that wait */
};

struct throttle;

/* Does the uid have no limit? Asked only when its budget is used up. */
typedef bool throttle_exempt_fn(void *context, uid_t uid);

struct throttle *throttle_new(throttle_exempt_fn *exempt, void *context);
void throttle_free(struct throttle *throttle); /* drops what waits; NULL is fine */

enum throttle_verdict {
    THROTTLE_NOW,    /* handle it, and tell what it cost */
    THROTTLE_LATER,  /* it is kept, or needs no handling */
    THROTTLE_REFUSED /* too many wait: answer it with EAGAIN */
};

/* What becomes of a request that the kernel has sent? `ms`: how long to work for a uid in each second. */
enum throttle_verdict throttle_take(struct throttle *throttle, const struct fuse_buf *request, uint64_t ms,
                                    uint64_t now_us);

/* A request, which begins in `request`, took so long. */
void throttle_charge(struct throttle *throttle, const struct fuse_buf *request, uint64_t ms, uint64_t took_us,
                     uint64_t now_us);

/* Takes one that has waited long enough: handle it, tell what it cost, and free its memory. False: there is none. */
bool throttle_release(struct throttle *throttle, struct fuse_buf *request, uint64_t ms, uint64_t now_us);

/* When the next one may be due; UINT64_MAX: none waits. */
uint64_t throttle_due_us(const struct throttle *throttle);

/* The number by which the kernel knows a request, for an answer. */
uint64_t throttle_request_number(const struct fuse_buf *request);

#endif
