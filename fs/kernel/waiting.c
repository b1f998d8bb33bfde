#include "fs/kernel/operations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Somebody pressed ^C, or was killed. Called by libfuse, on our one thread, while it handles the kernel's INTERRUPT. */
static void interrupted(fuse_req_t request, void *context)
{
    struct waiting *waiting = context;
    if (waiting->request == NULL)
        return;
    if (waiting->settle_until_ms != 0) {
        settling_end(waiting); /* it is done: no error */
        return;
    }
    if (waiting->for_outcome) {
        struct aq_error error = {0};
        (void)aq_fail(&error, AQ_E_UNKNOWN,
                      "interrupted before the controller answered: the order may still be carried out");
        fileview_complain(waiting->view, waiting->uid, waiting->doing, &error);
    }
    waiting->request = NULL;
    if (waiting->owns_file)
        open_file_free(waiting->file);
    waiting->file = NULL; /* may be closed from now on */
    if (waiting->for_events)
        waiting_end(waiting); /* the others wait for an answer of the controller, which comes in any case */
    fuse_reply_err(request, EINTR);
}

struct waiting *waiting_add(struct fileview *view, fuse_req_t request, struct open_file *file)
{
    /* Asked first: libfuse would call the handler of a request that was interrupted early, and use it afterwards. */
    if (fuse_req_interrupted(request) || view->waiting_count >= WAITING_MAX) {
        fuse_reply_err(request, fuse_req_interrupted(request) ? EINTR : EAGAIN);
        return NULL;
    }
    struct waiting *waiting = aq_calloc(1, sizeof *waiting);
    *waiting = (struct waiting){.view = view, .request = request, .file = file, .uid = file->uid};
    waiting->next = view->waiting;
    waiting->link = &view->waiting;
    if (waiting->next != NULL)
        waiting->next->link = &waiting->next;
    view->waiting = waiting;
    view->waiting_count++;
    fuse_req_interrupt_func(request, interrupted, waiting);
    return waiting;
}

void waiting_end(struct waiting *waiting)
{
    waiting->view->waiting_count--;
    *waiting->link = waiting->next;
    if (waiting->next != NULL)
        waiting->next->link = waiting->link;
    free(waiting);
}

void waiting_end_all(struct fileview *view)
{
    while (view->waiting != NULL) {
        if (view->waiting->owns_file && view->waiting->file != NULL)
            open_file_free(view->waiting->file);
        if (view->waiting->settle_until_ms != 0)
            fuse_reply_write(view->waiting->request, view->waiting->size); /* it is done */
        else if (view->waiting->request != NULL)
            fuse_reply_err(view->waiting->request, EINTR);
        waiting_end(view->waiting);
    }
}
