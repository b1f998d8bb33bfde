#include "fs/kernel/mount.h"

#include "schema/base/journal.h"

#include <errno.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum { DEAD_MOUNTS_MAX = 16 }; /* stacked by a server that died several times */

/* Is `path`, which is resolved, a mount point? */
static bool is_mount(const char *path)
{
    char line[8192];
    struct mntent entry;
    bool found = false;
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    if (mounts == NULL)
        return false;
    while (!found && getmntent_r(mounts, &entry, line, sizeof line) != NULL)
        found = strcmp(entry.mnt_dir, path) == 0;
    endmntent(mounts);
    return found;
}

int mount_prepare(const char *path, struct aq_error *error)
{
    struct stat stat_of;
    struct statfs asked; /* stat() may be answered from the kernel's cache, statfs() never is */
    for (int i = 0; i < DEAD_MOUNTS_MAX && statfs(path, &asked) != 0 && errno == ENOTCONN; i++) {
        aq_journal(AQ_INFO, "removing a mount whose server is gone", "path", path, NULL);
        if (umount2(path, MNT_DETACH) != 0)
            return aq_fail_errno(error, errno, "cannot remove the dead mount at %s", path);
    }
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot create directory %s", path);
    char *resolved = realpath(path, NULL);
    if (resolved == NULL)
        return aq_fail_errno(error, errno, "cannot mount at %s", path);
    bool taken = is_mount(resolved);
    free(resolved);
    if (stat(path, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode))
        return aq_fail(error, AQ_E_INVALID, "cannot mount at %s: it is not a directory", path);
    if (taken)
        return aq_fail(error, AQ_E_EXISTS, "cannot mount at %s: another file system is mounted there", path);
    return 0;
}
