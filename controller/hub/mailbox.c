#include "controller/hub/mailbox.h"

#include "schema/base/compiler.h"

#include <stddef.h>

void mailbox_open(struct mailbox *mailbox, void (*wake)(void *context), void *context)
{
    *mailbox = (struct mailbox){.wake = wake, .context = context};
    pthread_mutex_init(&mailbox->lock, NULL);
}

void mailbox_post(struct hub_item *item)
{
    struct mailbox *mailbox = item->home;
    item->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    if (mailbox->last != NULL)
        mailbox->last->next = item;
    else
        mailbox->first = item;
    if (mailbox->last == NULL) /* otherwise the owner was woken, and has not taken the items yet */
        mailbox->wake(mailbox->context);
    mailbox->last = item;
    pthread_mutex_unlock(&mailbox->lock);
}

struct hub_item *mailbox_take(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    struct hub_item *first = mailbox->first;
    mailbox->first = mailbox->last = NULL;
    pthread_mutex_unlock(&mailbox->lock);
    return first;
}

void mailbox_expect(struct mailbox *mailbox, struct hub_item *item)
{
    aq_assert(item->home == mailbox && !item->expected);
    item->expected = true;
    item->newer = NULL;
    item->older = mailbox->newest;
    if (item->older != NULL)
        item->older->newer = item;
    mailbox->newest = item;
}

static void end_expecting(struct mailbox *mailbox, struct hub_item *item)
{
    if (!item->expected)
        return;
    item->expected = false;
    *(item->newer != NULL ? &item->newer->older : &mailbox->newest) = item->older;
    if (item->older != NULL)
        item->older->newer = item->newer;
}

void mailbox_run(struct mailbox *mailbox, struct hub_item *items)
{
    while (items != NULL) {
        struct hub_item *item = items;
        items = item->next;
        end_expecting(mailbox, item);
        item->run(item);
    }
}

bool mailbox_is_idle(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    bool idle = mailbox->first == NULL && mailbox->newest == NULL;
    pthread_mutex_unlock(&mailbox->lock);
    return idle;
}

static void drop(struct mailbox *mailbox, struct hub_item *item)
{
    end_expecting(mailbox, item);
    item->drop(item);
}

void mailbox_close(struct mailbox *mailbox)
{
    /* Takes the lock: the thread that posted last may still hold it. */
    struct hub_item *items = mailbox_take(mailbox);
    while (items != NULL) {
        struct hub_item *item = items;
        items = item->next;
        drop(mailbox, item);
    }
    while (mailbox->newest != NULL)
        drop(mailbox, mailbox->newest);
    pthread_mutex_destroy(&mailbox->lock);
}
