/* A mailbox brings to its owner's thread what other threads have finished: the writer, the credentials' pool, and
 * callers that fetch a log. Items are members of the requests, so posting allocates nothing and cannot fail. */
#ifndef AQ_CONTROLLER_HUB_MAILBOX_H
#define AQ_CONTROLLER_HUB_MAILBOX_H

#include "schema/base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct hub_item {
    struct hub_item *next;
    struct mailbox *home;               /* where it is posted */
    void (*run)(struct hub_item *item); /* on the owner's thread; may free the item */
    bool expected;                      /* see mailbox_expect() */
};

struct mailbox {
    pthread_mutex_t lock;
    struct hub_item *first, *last;
    int bell;          /* readable while items wait */
    uint64_t expected; /* items that other threads hold; the owner's thread alone */
};

int mailbox_open(struct mailbox *mailbox, struct aq_error *error) AQ_MUST_CHECK;
void mailbox_close(struct mailbox *mailbox); /* nobody may post any more */

void mailbox_post(struct hub_item *item);               /* to its home; any thread */
void mailbox_wake(struct mailbox *mailbox);             /* rings the bell; any thread */
struct hub_item *mailbox_take(struct mailbox *mailbox); /* all that wait, oldest first, linked by `next` */

/* For the owner's thread: counts an item that another thread holds and will post, until mailbox_run() runs it. */
void mailbox_expect(struct mailbox *mailbox, struct hub_item *item);
/* Runs items that mailbox_take() returned. */
void mailbox_run(struct mailbox *mailbox, struct hub_item *items);

#endif
