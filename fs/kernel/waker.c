#include "fs/kernel/waker.h"

#include "schema/base/memory.h"

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* As many as there are descriptors that poll: each has one handle at most. */
struct wish {
    struct wish *next;
    struct fuse_pollhandle *handle;
};

struct waker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wish *wishes;
    bool ending;
};

static struct wish *take_all(struct waker *waker, bool *ending)
{
    pthread_mutex_lock(&waker->lock);
    while (waker->wishes == NULL && !waker->ending)
        pthread_cond_wait(&waker->changed, &waker->lock);
    struct wish *wishes = waker->wishes;
    waker->wishes = NULL;
    *ending = waker->ending;
    pthread_mutex_unlock(&waker->lock);
    return wishes;
}

static void *run(void *context)
{
    struct waker *waker = context;
    for (bool ending = false; !ending;) {
        struct wish *wish = take_all(waker, &ending);
        while (wish != NULL) {
            struct wish *next = wish->next;
            if (!ending)
                (void)fuse_lowlevel_notify_poll(wish->handle); /* fails when the poller is gone */
            fuse_pollhandle_destroy(wish->handle);
            free(wish);
            wish = next;
        }
    }
    return NULL;
}

struct waker *waker_open(void)
{
    struct waker *waker = aq_calloc(1, sizeof *waker);
    pthread_mutex_init(&waker->lock, NULL);
    pthread_cond_init(&waker->changed, NULL);
    int failed = pthread_create(&waker->thread, NULL, run, waker);
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
    struct wish *wish = aq_malloc(sizeof *wish);
    pthread_mutex_lock(&waker->lock);
    *wish = (struct wish){.next = waker->wishes, .handle = handle};
    waker->wishes = wish;
    pthread_cond_signal(&waker->changed);
    pthread_mutex_unlock(&waker->lock);
}
