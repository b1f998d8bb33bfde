#include "controller/hub/mailbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_open(struct mailbox *mailbox, struct aq_error *error)
{
    *mailbox = (struct mailbox){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (mailbox->fd < 0)
        return aq_fail_errno(error, errno, "cannot make an eventfd");
    pthread_mutex_init(&mailbox->lock, NULL);
    return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
    /* Whoever posted last may still hold the lock. */
    pthread_mutex_lock(&mailbox->lock);
    pthread_mutex_unlock(&mailbox->lock);
    pthread_mutex_destroy(&mailbox->lock);
    close(mailbox->fd);
}

static void signal_locked(struct mailbox *mailbox)
{
    const uint64_t one = 1;
    ssize_t written = write(mailbox->fd, &one, sizeof one);
    (void)written; /* fails only when it is readable anyway */
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
    signal_locked(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_wake(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    signal_locked(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

struct hub_item *mailbox_take(struct mailbox *mailbox)
{
    uint64_t count;
    pthread_mutex_lock(&mailbox->lock);
    ssize_t got = read(mailbox->fd, &count, sizeof count);
    (void)got;
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
