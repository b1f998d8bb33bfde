/* The file view of one controller: everything that aq-fs holds while it runs.
 *
 * One thread does all the work (loop.h). A second one only notifies the kernel that files can be read (kernel/waker.h).
 */
#ifndef AQ_FS_FILEVIEW_H
#define AQ_FS_FILEVIEW_H

#include "fs/kernel/filesystem.h"

struct fileview {
    const struct aq_config_fs *config;
    struct questions *questions;
    struct eventfeed *feed;
    struct news *news;
    struct complaints *complaints;
    struct look_sources sources;
    struct filesystem *filesystem;
};

/* Signals that the program has received. */
struct fileview_signals {
    int fd;               /* a signalfd */
    bool (*take)(int fd); /* handles those that have come; true: the program is told to end */
};

/* `users` is the mount's own map of uids, or NULL; it must live as long as the view. Opens the tables, which the
 * controller must have made, and everything else but the mount. Waits up to 30 seconds for a controller that has just
 * been started, as long as necessary for one that is checking or rebuilding its tables, or until it is told to end. */
int fileview_open(struct fileview *view, const struct aq_config_fs *config, const struct callers_map *users,
                  const struct fileview_signals *signals, struct aq_error *error) AQ_MUST_CHECK;
void fileview_close(struct fileview *view); /* zeroed memory is fine */

#endif
