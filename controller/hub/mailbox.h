/* A mailbox takes items from any thread to its owner's turns: requests that the writer has answered,
 * and fetches that other threads begin. Items are members of those requests, so posting one allocates nothing
 * and cannot fail. */
#ifndef AQ_CONTROLLER_HUB_MAILBOX_H
#define AQ_CONTROLLER_HUB_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

struct mailbox;

struct hub_item {
    struct hub_item *next;
    struct mailbox *home;                /* mailbox_post() posts it there */
    void (*run)(struct hub_item *item);  /* in a turn of the owner; may free the item */
    void (*drop)(struct hub_item *item); /* frees it: see mailbox_close() */

    /* Only for the owner. */
    bool expected; /* see mailbox_expect() */
    struct hub_item *older, *newer;
};

struct mailbox {
    pthread_mutex_t lock;
    struct hub_item *first, *last;
    struct hub_item *newest; /* of the items that others hold, linked by `older`; only for the owner */
    void (*wake)(void *context);
    void *context;
};

/* `wake` is called when there is an item where there was none: on the thread that posts it, with a lock. */
void mailbox_open(struct mailbox *mailbox, void (*wake)(void *context), void *context);
/* Drops the items that wait, and those that others hold: they may not touch them any more, nor post. */
void mailbox_close(struct mailbox *mailbox);

/* Any thread. */
void mailbox_post(struct hub_item *item);

/* The owner. */
struct hub_item *mailbox_take(struct mailbox *mailbox);            /* all items, oldest first, linked by `next` */
void mailbox_run(struct mailbox *mailbox, struct hub_item *items); /* runs what mailbox_take() returned */
/* Notes an item that another one holds and will post, until mailbox_run() runs it. */
void mailbox_expect(struct mailbox *mailbox, struct hub_item *item);
bool mailbox_is_idle(struct mailbox *mailbox); /* no item waits, and others hold none */

#endif
