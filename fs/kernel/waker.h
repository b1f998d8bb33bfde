/* Tells the kernel that a file can be read again, for those who poll() it.
 *
 * That is done on a thread of its own: a notification from the thread that answers requests could wait for a request
 * that only this thread can answer. */
#ifndef AQ_FS_KERNEL_WAKER_H
#define AQ_FS_KERNEL_WAKER_H

struct fuse_pollhandle;
struct waker;

struct waker *waker_open(void);
void waker_close(struct waker *waker); /* joins the thread; NULL is fine */

/* Notifies, and destroys the handle. Never waits. */
void waker_notify(struct waker *waker, struct fuse_pollhandle *handle);

#endif
