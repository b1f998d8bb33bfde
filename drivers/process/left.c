#include "drivers/process/left.h"

#include "drivers/confine/disk.h"
#include "drivers/confine/filter.h"
#include "drivers/confine/init.h"
#include "drivers/confine/privileges.h"
#include "drivers/confine/root.h"
#include "drivers/left.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"
#include "schema/model/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOT_RUN = 126, MEMORY_FILES = 1 << 20, MEMORY_MAX = 512 << 20, NICE = 10 };

/* ---- its files ------------------------------------------------------------------------------------------ */

/* The upper layer of an overlay marks what was deleted; over an empty directory, the kernel hides these marks. */
static int layer_mount(int layer, int empty, struct aq_error *error)
{
    char layers[64];
    snprintf(layers, sizeof layers, "/proc/self/fd/%d:/proc/self/fd/%d", layer, empty);
    AQ_CLEANUP_FD int context = fsopen("overlay", FSOPEN_CLOEXEC);
    if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", layers, 0) != 0 ||
        fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) != 0 ||
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
        return aq_fail_errno(error, errno, "what it has left cannot be mounted");
    int tree = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    return tree >= 0 ? tree : aq_fail_errno(error, errno, "what it has left cannot be mounted");
}

static int layer_add(int site, int place, const char *name, struct aq_error *error)
{
    if (mkdirat(site, "empty", 0755) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "what it has left cannot be mounted");
    AQ_CLEANUP_FD int layer = openat(place, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AQ_CLEANUP_FD int empty = openat(site, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (layer < 0 || empty < 0)
        return aq_fail_errno(error, errno, "what it has left");
    return layer_mount(layer, empty, error);
}

/* A detached mount of its files. Its disk, if it has one, lies over the directory until the root changes. */
static int tree_add(const char *directory, int site, const struct driver_left *left, struct aq_error *error)
{
    const bool has_disk = faccessat(site, "disk", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    AQ_CLEANUP_FD int disk = has_disk ? confine_disk_open(site, "disk", error) : -1;
    if (has_disk && disk < 0)
        return -1;
    if (has_disk && move_mount(disk, "", AT_FDCWD, directory, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return aq_fail_errno(error, errno, "disk: cannot be mounted");
    const int place = has_disk ? disk : site;
    return left->layer ? layer_add(site, place, left->tree, error)
                       : confine_tree(place, left->tree, false, false, error);
}

/* ---- shut in -------------------------------------------------------------------------------------------- */

static int rights_take(uid_t user, gid_t group, struct aq_error *error)
{
    const bool root = geteuid() == 0;
    confine_no_core();
    if (root && syscall(SYS_setgroups, 0, NULL) != 0)
        return aq_fail_errno(error, errno, "cannot set the groups");
    if (confine_bound(0, error) != 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return aq_fail_errno(error, errno, "cannot give up privileges");
    confine_scope(true);
    if (confine_filter_prepare(error) != 0 || confine_filter_apply(error) != 0)
        return -1;
    if (root && (syscall(SYS_setresgid, group, group, group) != 0 || syscall(SYS_setresuid, user, user, user) != 0))
        return aq_fail_errno(error, errno, "cannot become the user of the workload");
    return confine_capabilities(0, error);
}

static int shut_in(const char *directory, struct driver_left *left, struct aq_error *error)
{
    struct stat about;
    if (syscall(SYS_unshare, CLONE_NEWNS) != 0)
        return aq_fail_errno(error, errno, "cannot make a mount namespace");
    if (confine_root_detach(error) != 0)
        return -1;
    AQ_CLEANUP_FD int site = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (site < 0 || !driver_left_read(site, left))
        return aq_fail(error, AQ_E_NOT_FOUND, "what the workload has left is not kept any more");
    AQ_CLEANUP_FD int tree = tree_add(directory, site, left, error);
    if (tree < 0)
        return -1;
    if (fstat(tree, &about) != 0)
        return aq_fail_errno(error, errno, "what it has left");
    if (left->has_user)
        about.st_uid = left->user, about.st_gid = left->group;
    const struct confine_root plan = {.site = directory,
                                      .root = -1,
                                      .work = tree,
                                      .temporary = -1,
                                      .memory_bytes = MEMORY_FILES,
                                      .may_be_root = about.st_uid == 0};
    if (confine_root_enter(&plan, error) != 0)
        return -1;
    return rights_take(about.st_uid, about.st_gid, error);
}

/* ---- where ---------------------------------------------------------------------------------------------- */

static uint64_t mount_of(int directory)
{
    struct statx about = {0};
    return statx(directory, "", AT_EMPTY_PATH, STATX_MNT_ID, &about) == 0 ? about.stx_mnt_id : 0;
}

/* Goes to the directory, by a path as the workload saw it. */
static int place_enter(const struct driver_left *left, const char *path, struct aq_error *error)
{
    const bool whole = strcmp(left->at, "/") == 0;
    char from_root[2 * PATH_MAX];
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int length = snprintf(from_root, sizeof from_root, "%s/%s", path[0] == '/' ? "" : left->cwd, path);
    if (length < 0 || (size_t)length >= sizeof from_root)
        return aq_fail(error, AQ_E_INVALID, "the path is too long");
    AQ_CLEANUP_FD int tree = open(CONFINE_WORK, O_PATH | O_DIRECTORY | O_CLOEXEC);
    AQ_CLEANUP_FD int root = open(whole ? CONFINE_WORK : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    AQ_CLEANUP_FD int directory = (int)syscall(SYS_openat2, root, from_root, &how, sizeof how);
    if (directory < 0)
        return aq_fail_errno(error, errno, "%s", path);
    if (mount_of(directory) != mount_of(tree))
        return aq_fail(error, AQ_E_NOT_FOUND, "%s: of a workload that has ended, only what is in %s is kept", path,
                       left->at);
    return fchdir(directory) == 0 ? 0 : aq_fail_errno(error, errno, "%s", path);
}

static void signals_reset(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void copy_run(const char *directory, char *const *arguments, int helper)
{
    static char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    static char program[] = "tar", create[] = "-cf", standard_output[] = "-", as_it_is[] = "--no-unquote",
                last[] = "--";
    char *name = arguments[AQ_EXEC_COPY_NAME];
    char *const tar[] = {program, create, standard_output, as_it_is, last, name, NULL};
    const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
    struct driver_left left;
    struct aq_error error;
    umask(022);
    setsid();
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    if (shut_in(directory, &left, &error) == 0 && place_enter(&left, arguments[AQ_EXEC_COPY_DIRECTORY], &error) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which would clear it */
        if (!confine_is_alive(helper) || close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
            _exit(NOT_RUN);
        signals_reset();
        environ = environment;
        setrlimit(RLIMIT_AS, &memory); /* last: with the sanitizers, this program itself has far more addresses */
        execvp(program, tar);
        aq_fail_errno(&error, errno, "cannot run tar");
    }
    dprintf(STDERR_FILENO, "aquarium: %s\n", error.message);
    _exit(NOT_RUN);
}

pid_t process_left_copy(const char *directory, char *const *arguments, struct aq_error *error)
{
    const struct confine_namespaces namespaces = {.users = geteuid() != 0, .network = true};
    AQ_CLEANUP_FD int helper = pidfd_open(getpid(), 0);
    if (helper < 0)
        return aq_fail_errno(error, errno, "cannot open a pidfd");
    if (confine_init_start(&namespaces, helper, -1, error) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        copy_run(directory, arguments, helper);
    return pid > 0 ? pid : aq_fail_errno(error, errno, "cannot create a process");
}
