#include "fs/kernel/waker.h"

#include "schema/base/memory.h"

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* There are at most as many as descriptors that poll: each has one handle. */
struct notification {
    struct notification *next;
    struct fuse_pollhandle *handle;
};

struct waker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct notification *notifications;
    bool ending;
};

static struct notification *take_notifications(struct waker *waker, bool *ending)
{
    pthread_mutex_lock(&waker->lock);
    while (waker->notifications == NULL && !waker->ending)
        pthread_cond_wait(&waker->changed, &waker->lock);
    struct notification *notifications = waker->notifications;
    waker->notifications = NULL;
    *ending = waker->ending;
    pthread_mutex_unlock(&waker->lock);
    return notifications;
}

static void *notify_pollers(void *context)
{
    struct waker *waker = context;
    for (bool ending = false; !ending;) {
        struct notification *notification = take_notifications(waker, &ending);
        while (notification != NULL) {
            struct notification *next = notification->next;
            if (!ending)
                (void)fuse_lowlevel_notify_poll(notification->handle); /* fails if the poller is gone */
            fuse_pollhandle_destroy(notification->handle);
            free(notification);
            notification = next;
        }
    }
    return NULL;
}

struct waker *waker_open(void)
{
    struct waker *waker = aq_calloc(1, sizeof *waker);
    pthread_mutex_init(&waker->lock, NULL);
    pthread_cond_init(&waker->changed, NULL);
    int failed = pthread_create(&waker->thread, NULL, notify_pollers, waker);
    aq_assert(failed == 0);
    return waker;
}

void waker_close(struct waker *waker)
{
    if (waker == NULL)
        return;
    pthread_mutex_lock(&waker->lock);
    waker->ending = true;
    pthread_cond_signal(&waker->changed);
    pthread_mutex_unlock(&waker->lock);
    pthread_join(waker->thread, NULL);
    pthread_cond_destroy(&waker->changed);
    pthread_mutex_destroy(&waker->lock);
    free(waker);
}

void waker_notify(struct waker *waker, struct fuse_pollhandle *handle)
{
    struct notification *notification = aq_malloc(sizeof *notification);
    pthread_mutex_lock(&waker->lock);
    *notification = (struct notification){.next = waker->notifications, .handle = handle};
    waker->notifications = notification;
    pthread_cond_signal(&waker->changed);
    pthread_mutex_unlock(&waker->lock);
}
