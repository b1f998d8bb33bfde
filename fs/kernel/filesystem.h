/* The mounted file system: what the handlers of the kernel's requests work on. It is the user data of the FUSE session.
 */
#ifndef AQ_FS_KERNEL_FILESYSTEM_H
#define AQ_FS_KERNEL_FILESYSTEM_H

#include "fs/kernel/budget.h"
#include "fs/kernel/inodes.h"
#include "fs/kernel/outsiders.h"
#include "fs/kernel/throttle.h"
#include "fs/kernel/waiting.h"
#include "fs/kernel/waker.h"
#include "fs/settings/settings.h"
#include "fs/tree/complaints.h"
#include "fs/tree/listings.h"
#include "fs/tree/look.h"

struct open_directory;
struct open_file;
struct questions;

struct filesystem {
    const struct aq_config_fs *config;
    struct look_sources *sources;
    struct complaints *complaints;
    struct questions *questions;
    struct inodes *inodes;
    struct listings *listings;
    struct waker *waker;
    struct budget budget;
    struct outsiders outsiders;
    struct throttle *throttle;
    const struct aq_permission *exceed; /* callers with this permission are not throttled */
    struct open_file *files;            /* all that are open */
    struct open_directory *directories; /* all that are open */
    struct waiting_list waiting;
};

/* The arguments must stay valid until filesystem_close(). */
struct filesystem *filesystem_open(const struct aq_config_fs *config, struct look_sources *sources,
                                   struct complaints *complaints, struct questions *questions);
void filesystem_close(struct filesystem *filesystem); /* after the session was destroyed; NULL is fine */

/* Answers all waiting requests, and stops notifying the kernel. Call it before the session is unmounted. */
void filesystem_end_requests(struct filesystem *filesystem);

#endif
