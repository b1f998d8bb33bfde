#include "controller/hub/mailbox.h"

#include "schema/base/bell.h"

#include <stddef.h>
#include <unistd.h>

int mailbox_open(struct mailbox *mailbox, struct aq_error *error)
{
    *mailbox = (struct mailbox){.bell = aq_bell_open(error)};
    if (mailbox->bell < 0)
        return -1;
    pthread_mutex_init(&mailbox->lock, NULL);
    return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
    /* The thread that posted last may still hold the lock. */
    pthread_mutex_lock(&mailbox->lock);
    pthread_mutex_unlock(&mailbox->lock);
    pthread_mutex_destroy(&mailbox->lock);
    close(mailbox->bell);
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
    mailbox->last = item;
    aq_bell_ring(mailbox->bell);
    pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_wake(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    aq_bell_ring(mailbox->bell);
    pthread_mutex_unlock(&mailbox->lock);
}

struct hub_item *mailbox_take(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    aq_bell_clear(mailbox->bell);
    struct hub_item *first = mailbox->first;
    mailbox->first = mailbox->last = NULL;
    pthread_mutex_unlock(&mailbox->lock);
    return first;
}

void mailbox_expect(struct mailbox *mailbox, struct hub_item *item)
{
    aq_assert(item->home == mailbox && !item->expected);
    item->expected = true;
    mailbox->expected++;
}

void mailbox_run(struct mailbox *mailbox, struct hub_item *items)
{
    while (items != NULL) {
        struct hub_item *item = items;
        items = item->next;
        if (item->expected) {
            item->expected = false;
            mailbox->expected--;
        }
        item->run(item);
    }
}
