/* A mailbox brings to the hub's thread what other threads have finished: the writer, the credentials' pool, and whoever
 * asks for a log. Items are part of what was asked, so posting allocates nothing and cannot fail. */
#ifndef AQ_CONTROLLER_HUB_MAILBOX_H
#define AQ_CONTROLLER_HUB_MAILBOX_H

#include "schema/base/error.h"

#include <pthread.h>

struct hub;

struct hub_item {
    struct hub_item *next;
    struct mailbox *home;                                /* where it is posted */
    void (*run)(struct hub *hub, struct hub_item *item); /* on the hub's thread; may free the item */
};

struct mailbox {
    pthread_mutex_t lock;
    struct hub_item *first, *last;
    int fd; /* an eventfd: readable while items wait */
};

int mailbox_open(struct mailbox *mailbox, struct aq_error *error) AQ_MUST_CHECK;
void mailbox_close(struct mailbox *mailbox); /* nobody may post any more */

void mailbox_post(struct hub_item *item);               /* to its home; any thread */
void mailbox_wake(struct mailbox *mailbox);             /* makes `fd` readable; any thread */
struct hub_item *mailbox_take(struct mailbox *mailbox); /* all that wait, oldest first, linked by `next` */

#endif
