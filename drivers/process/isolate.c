#include "drivers/process/isolate.h"

#include "drivers/confine/disk.h"
#include "drivers/confine/filter.h"
#include "drivers/confine/privileges.h"
#include "drivers/confine/root.h"
#include "drivers/process/place.h"
#include "schema/base/files.h"

#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>

/* The path of `working` without links, as it is in the workload's root; "": not opened yet. */
static char working_path[PATH_MAX];

/* ---- its own directories ------------------------------------------------------------------------------- */

static int directory_give(int at, const char *name, const struct process_user *user, struct aq_error *error)
{
    if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "directory \"%s\"", name);
    if (user->given && fchownat(at, name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) != 0 && errno != EPERM)
        return aq_fail_errno(error, errno, "directory \"%s\"", name);
    return 0;
}

/* Mounts of the disk's directories; the disk itself lies over the workload's directory until the root changes. */
static int disk_add(const struct process_job *job, const struct process_user *user, int directory,
                    struct confine_root *plan, struct aq_error *error)
{
    AQ_CLEANUP_FD int disk = confine_disk_make(directory, "disk", job->disk_mib, error);
    if (disk < 0)
        return -1;
    if (move_mount(disk, "", AT_FDCWD, job->common.directory, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return aq_fail_errno(error, errno, "disk: cannot be mounted");
    if (directory_give(disk, "work", user, error) != 0 || directory_give(disk, "tmp", user, error) != 0 ||
        (plan->work = confine_tree(disk, "work", true, job->new_privileges, error)) < 0 ||
        (plan->temporary = confine_tree(disk, "tmp", true, false, error)) < 0)
        return -1;
    return 0;
}

static int work_add(const struct process_job *job, const struct process_user *user, int directory,
                    struct confine_root *plan, struct aq_error *error)
{
    if (job->disk_mib > 0)
        return disk_add(job, user, directory, plan, error);
    if (directory_give(directory, "work", user, error) != 0)
        return -1;
    /* Opened again: `directory` is of the host's mounts. */
    AQ_CLEANUP_FD int site = open(job->common.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (site < 0)
        return aq_fail_errno(error, errno, "directory \"%.256s\"", job->common.directory);
    plan->work = confine_tree(site, "work", true, job->new_privileges, error);
    return plan->work < 0 ? -1 : 0;
}

/* ---- directories of the host --------------------------------------------------------------------------- */

static int working_add(const struct process_job *job, struct confine_place *place, struct aq_error *error)
{
    char link[32];
    *place = (struct confine_place){process_place_open(&job->working, error), working_path, true};
    if (place->directory < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", place->directory);
    ssize_t length = readlink(link, working_path, sizeof working_path - 1);
    if (length <= 0)
        return aq_fail_errno(error, errno, "directory \"%.256s\"", job->working.path);
    working_path[length] = '\0';
    return 0;
}

/* With the agent's rights: nobody else gets there. */
static int secrets_open(const struct process_job *job, struct confine_place *places, struct confine_root *plan,
                        struct aq_error *error)
{
    if (job->secrets[0] == '\0')
        return 0;
    places[0] = (struct confine_place){open(job->secrets, O_PATH | O_DIRECTORY | O_CLOEXEC), DRIVER_SECRETS, false};
    if (places[0].directory < 0)
        return aq_fail_errno(error, errno, "its secrets");
    plan->place_count = 1;
    return 0;
}

/* With the rights of the workload's user. */
static int places_open(const struct process_job *job, struct confine_place *all, struct confine_root *plan,
                       struct aq_error *error)
{
    struct confine_place *places = all + plan->place_count;
    size_t count = 0;
    if (job->root.path[0] != '\0' && (plan->root = process_place_open(&job->root, error)) < 0)
        return -1;
    for (; count < job->place_count; count++) {
        const struct process_place *place = &job->places[count];
        places[count] =
            (struct confine_place){process_place_open(place, error), place->target, count < job->writable_count};
        if (places[count].directory < 0)
            return -1;
    }
    if (job->working.path[0] != '\0' && working_add(job, &places[count], error) != 0)
        return -1;
    /* The root is there as it is. */
    if (job->working.path[0] != '\0' && strcmp(working_path, "/") != 0)
        count++;
    plan->places = all;
    plan->place_count += count;
    return 0;
}

/* ---- rights -------------------------------------------------------------------------------------------- */

static uint64_t capabilities_of(const struct process_job *job, const struct process_user *user)
{
    return geteuid() == 0 && (user->uid == 0 || job->new_privileges) ? confine_root_capabilities : 0;
}

static int rights_take(const struct process_job *job, const struct process_user *user, struct aq_error *error)
{
    confine_no_core();
    if (confine_bound(capabilities_of(job, user), error) != 0)
        return -1;
    if (!job->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return aq_fail_errno(error, errno, "new privileges cannot be refused");
    confine_scope(true);
    return confine_filter_apply(error);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

int process_isolate(const struct process_job *job, const struct process_user *user, int directory,
                    struct aq_error *error)
{
    struct confine_place places[CONFINE_PLACES_MAX];
    struct confine_root plan = {.site = job->common.directory,
                                .root = -1,
                                .work = -1,
                                .temporary = -1,
                                .account = user->own ? user->uid : 0,
                                .memory_bytes = job->memory_bytes,
                                .may_be_root = user->uid == 0 || job->new_privileges,
                                .new_privileges = job->new_privileges,
                                .host_network = !job->own_network};
    if (confine_root_detach(error) != 0)
        return -1;
    if (process_user_differs(user) && process_user_set_groups(job, user, error) != 0)
        return -1;
    if (secrets_open(job, places, &plan, error) != 0)
        return -1;
    process_user_borrow(user);
    int failed = places_open(job, places, &plan, error);
    process_user_return();
    if (failed != 0 || work_add(job, user, directory, &plan, error) != 0 || confine_root_enter(&plan, error) != 0)
        return -1;
    return rights_take(job, user, error);
}

int process_isolate_end(const struct process_job *job, const struct process_user *user, struct aq_error *error)
{
    const char *path = working_path[0] != '\0' ? working_path : CONFINE_WORK;
    const uint64_t capabilities = user->uid == 0 ? capabilities_of(job, user) : 0;
    if (confine_capabilities(capabilities, error) != 0)
        return -1;
    return chdir(path) == 0 ? 0 : aq_fail_errno(error, errno, "directory \"%.256s\"", path);
}
