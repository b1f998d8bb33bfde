/* All of this runs in a fork of a process with one thread, so every library function may be used. Users and groups are
 * changed by system calls: the C library's functions first have every other thread do the same and wait for it. This
 * process has no other thread, but with ThreadSanitizer the library remembers one that the fork did not copy, and waits
 * for ever. */
#include "drivers/process/user.h"

#include "drivers/confine/numbers.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian has a user nobody with this number, others have only the number. */
enum { NOBODY = 65534 };

/* ---- finding ------------------------------------------------------------------------------------------ */

/* A number that is no user's would have the group with that number, too, such as that of the users who may use disks.
 */
static int fail_group(const struct process_job *job, gid_t gid, struct aq_error *error)
{
    const struct group *group = getgrgid(gid);
    return aq_fail(
        error, AQ_E_FORBIDDEN,
        "user \"%.64s\": this host has no user with that number, but a group (%.64s), which the workload would get",
        job->user, group != NULL ? group->gr_name : "");
}

static int find_own(const struct process_job *job, int numbers, struct process_user *user, struct aq_error *error)
{
    const struct confine_range range = {job->own_first, job->own_count, job->own_shared};
    *user = (struct process_user){.given = true, .own = true};
    if (confine_numbers_draw(numbers, &range, job->common.resource, &user->uid, error) != 0)
        return -1;
    user->gid = user->uid;
    return 0;
}

static int find_named(const struct process_job *job, struct process_user *user, struct aq_error *error)
{
    const char *wanted = job->user;
    char *end;
    errno = 0;
    unsigned long number = strtoul(wanted, &end, 10);
    bool numeric = wanted[0] >= '0' && wanted[0] <= '9' && *end == '\0' && errno == 0 && number < UINT32_MAX;
    *user = (struct process_user){.given = wanted[0] != '\0'};
    user->uid = user->given ? (uid_t)number : geteuid();
    user->gid = user->given ? (gid_t)number : getegid();
    const struct passwd *entry = user->given && !numeric ? getpwnam(wanted) : getpwuid(user->uid);
    user->known = entry != NULL;
    if (entry == NULL && numeric && user->given && getgrgid(user->gid) != NULL)
        return fail_group(job, user->gid, error);
    if (entry == NULL && !job->user_is_named && strcmp(wanted, "nobody") == 0) {
        user->uid = user->gid = NOBODY;
        return 0;
    }
    if (entry != NULL) {
        user->uid = entry->pw_uid;
        user->gid = user->given ? entry->pw_gid : user->gid;
        snprintf(user->name, sizeof user->name, "%s", entry->pw_name);
        snprintf(user->home, sizeof user->home, "%s", entry->pw_dir);
    } else if (user->given && !numeric) {
        return aq_fail(error, AQ_E_NOT_FOUND, "user \"%.128s\": there is no such user", wanted);
    }
    return 0;
}

/* What a name stands for is known only here: it may be another name of root. An agent that is not root has no other
 * user to give than its own. */
static int check(const struct process_job *job, const struct process_user *user, struct aq_error *error)
{
    if (user->uid != 0 || job->may_be_root || (!user->given && geteuid() != 0))
        return 0;
    if (job->user_is_named)
        return aq_fail(
            error, AQ_E_FORBIDDEN,
            "refused by the node: user \"%.64s\" is root, and workloads may not run as root there (allow.root of its "
            "agent)",
            job->user);
    return aq_fail(
        error, AQ_E_FORBIDDEN,
        "refused by the node: its preset user \"%.64s\" is root, and the label does not ask for root (allow.user "
        "of its agent)",
        job->user);
}

int process_user_find(const struct process_job *job, int numbers, struct process_user *user, struct aq_error *error)
{
    int failed = job->own_count > 0 ? find_own(job, numbers, user, error) : find_named(job, user, error);
    return failed != 0 ? -1 : check(job, user, error);
}

/* ---- becoming ----------------------------------------------------------------------------------------- */

bool process_user_differs(const struct process_user *user)
{
    return user->given && (user->uid != getuid() || user->uid != geteuid() || user->gid != getgid());
}

static int fail_user(const struct process_job *job, struct aq_error *error)
{
    return aq_fail_errno(error, errno, "user \"%.256s\"", job->user);
}

int process_user_set_groups(const struct process_job *job, const struct process_user *user, struct aq_error *error)
{
    gid_t *groups = NULL;
    int count = 0;
    if (user->known) {
        getgrouplist(user->name, user->gid, groups, &count); /* says how many there are */
        groups = aq_malloc((size_t)count * sizeof *groups);
        if (getgrouplist(user->name, user->gid, groups, &count) < 0) {
            free(groups);
            errno = EAGAIN; /* There are more by now. */
            return fail_user(job, error);
        }
    }
    long failed = syscall(SYS_setgroups, (size_t)count, groups);
    free(groups);
    return failed != 0 ? fail_user(job, error) : 0;
}

int process_user_become(const struct process_job *job, const struct process_user *user, struct aq_error *error)
{
    if (syscall(SYS_setresgid, user->gid, user->gid, user->gid) != 0 ||
        syscall(SYS_setresuid, user->uid, user->uid, user->uid) != 0)
        return fail_user(job, error);
    return 0;
}

void process_user_borrow(const struct process_user *user)
{
    syscall(SYS_setfsgid, user->gid);
    syscall(SYS_setfsuid, user->uid); /* takes root's capabilities over files with it */
}

void process_user_return(void)
{
    syscall(SYS_setfsuid, geteuid());
    syscall(SYS_setfsgid, getegid());
}
