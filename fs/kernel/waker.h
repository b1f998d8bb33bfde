/* Notifies the kernel that a file can be read again, for processes that poll() it.
 *
 * The waker has a thread of its own: a notification can block until the kernel gets an answer to a request, so it must
 * not be sent by the thread that answers requests. */
#ifndef AQ_FS_KERNEL_WAKER_H
#define AQ_FS_KERNEL_WAKER_H

struct fuse_pollhandle;
struct waker;

struct waker *waker_open(void);
void waker_close(struct waker *waker); /* joins the thread; NULL is fine */

/* Notifies, and destroys the handle. Never waits. */
void waker_notify(struct waker *waker, struct fuse_pollhandle *handle);

#endif
