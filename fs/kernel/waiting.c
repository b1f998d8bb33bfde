#include "fs/kernel/waiting.h"

#include "schema/base/memory.h"

#include <errno.h>
#include <stdlib.h>

/* The user pressed ^C, or the process was killed. libfuse calls this on our one thread, while it handles the kernel's
 * INTERRUPT. */
static void interrupted(fuse_req_t request, void *context)
{
    struct waiting *waiting = context;
    (void)request;
    if (waiting->request == NULL)
        return;
    waiting->cancel(waiting);
    waiting->request = NULL;
    if (!waiting->asked)
        waiting_end(waiting);
}

void *waiting_add(struct waiting_list *list, fuse_req_t request, enum waiting_kind kind, size_t size,
                  waiting_cancel_fn *cancel)
{
    /* Check for an early interrupt first: fuse_req_interrupt_func() would call the handler for it, and use the request
     * afterwards. */
    if (fuse_req_interrupted(request) || waiting_count(list) >= WAITING_MAX) {
        fuse_reply_err(request, fuse_req_interrupted(request) ? EINTR : EAGAIN);
        return NULL;
    }
    aq_assert(size >= sizeof(struct waiting));
    struct waiting *waiting = aq_calloc(1, size);
    *waiting = (struct waiting){
        .next = list->first, .link = &list->first, .list = list, .kind = kind, .request = request, .cancel = cancel};
    if (waiting->next != NULL)
        waiting->next->link = &waiting->next;
    list->first = waiting;
    list->counts[kind]++;
    fuse_req_interrupt_func(request, interrupted, waiting);
    return waiting;
}

void waiting_change(struct waiting *waiting, enum waiting_kind kind, waiting_cancel_fn *cancel)
{
    waiting->list->counts[waiting->kind]--;
    waiting->list->counts[kind]++;
    waiting->kind = kind;
    waiting->cancel = cancel;
}

void waiting_end(struct waiting *waiting)
{
    waiting->list->counts[waiting->kind]--;
    *waiting->link = waiting->next;
    if (waiting->next != NULL)
        waiting->next->link = waiting->link;
    free(waiting);
}

void waiting_cancel_all(struct waiting_list *list)
{
    while (list->first != NULL) {
        if (list->first->request != NULL)
            list->first->cancel(list->first);
        waiting_end(list->first);
    }
}

size_t waiting_count(const struct waiting_list *list)
{
    size_t count = 0;
    for (size_t kind = 0; kind < WAITING_KINDS; kind++)
        count += list->counts[kind];
    return count;
}
