/* Requests of the kernel that are answered later, when the controller has answered.
 *
 * Each kind of request has a struct of its own, which begins with a struct waiting. The kernel may interrupt a request
 * at any time; `cancel` then answers it. */
#ifndef AQ_FS_KERNEL_WAITING_H
#define AQ_FS_KERNEL_WAITING_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stddef.h>

enum { WAITING_MAX = 8192 };

enum waiting_kind {
    WAITING_FOR_CONTENT, /* an open or a read: the controller is asked for the content */
    WAITING_FOR_OUTCOME, /* a write: the controller is asked to carry out a command */
    WAITING_TO_SETTLE,   /* a write: it is done, but what it made is still changing */
    WAITING_KINDS
};

struct waiting;

struct waiting_list {
    struct waiting *first;
    size_t counts[WAITING_KINDS];
};

/* Answers the request early, because it was interrupted or the tree is unmounted. */
typedef void waiting_cancel_fn(struct waiting *waiting);

struct waiting {
    struct waiting *next, **link;
    struct waiting_list *list;
    enum waiting_kind kind;
    fuse_req_t request; /* NULL: it was cancelled, and has its answer */
    bool asked;         /* the controller's answer will use it: stays until then, even if cancelled */
    waiting_cancel_fn *cancel;
};

/* Adds `size` zeroed bytes, which begin with a struct waiting. NULL: the request was interrupted already, or too many
 * wait; it has its answer. */
void *waiting_add(struct waiting_list *list, fuse_req_t request, enum waiting_kind kind, size_t size,
                  waiting_cancel_fn *cancel);

/* Lets it wait for something else from now on. */
void waiting_change(struct waiting *waiting, enum waiting_kind kind, waiting_cancel_fn *cancel);

void waiting_end(struct waiting *waiting);             /* frees it; the request must have its answer */
void waiting_cancel_all(struct waiting_list *list);    /* cancels and frees all; no answer may use them any more */
size_t waiting_count(const struct waiting_list *list); /* of all kinds */

#endif
