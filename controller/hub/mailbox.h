/* A mailbox takes items from any thread to its owner's thread: requests that the writer or the pool of credentials has
 * answered, and fetches that other threads begin. Items are members of those requests, so posting one allocates nothing
 * and cannot fail. */
#ifndef AQ_CONTROLLER_HUB_MAILBOX_H
#define AQ_CONTROLLER_HUB_MAILBOX_H

#include "schema/base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct hub_item {
    struct hub_item *next;
    struct mailbox *home;               /* mailbox_post() posts it there */
    void (*run)(struct hub_item *item); /* on the owner's thread; may free the item */
    bool expected;                      /* see mailbox_expect() */
};

struct mailbox {
    pthread_mutex_t lock;
    struct hub_item *first, *last;
    int bell;          /* readable while items wait */
    uint64_t expected; /* number of items that other threads hold; only for the owner's thread */
};

int mailbox_open(struct mailbox *mailbox, struct aq_error *error) AQ_MUST_CHECK;
void mailbox_close(struct mailbox *mailbox); /* no thread may post any more */

/* Any thread. */
void mailbox_post(struct hub_item *item);
void mailbox_wake(struct mailbox *mailbox); /* rings the bell */

/* The owner's thread. */
struct hub_item *mailbox_take(struct mailbox *mailbox);            /* all items, oldest first, linked by `next` */
void mailbox_run(struct mailbox *mailbox, struct hub_item *items); /* runs what mailbox_take() returned */
/* Counts in `expected` an item that another thread holds and will post, until mailbox_run() runs it. */
void mailbox_expect(struct mailbox *mailbox, struct hub_item *item);

#endif
