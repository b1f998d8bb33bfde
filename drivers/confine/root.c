#include "drivers/confine/root.h"

#include "drivers/confine/root_parts.h"
#include "schema/base/files.h"
#include "schema/drivers/mount.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>

enum { ACCOUNTS_SIZE_MAX = 64 << 10 };

/* Whether / of this process is where a mount begins. */
static bool root_is_mount(void)
{
    struct statx about;
    return statx(AT_FDCWD, "/", 0, 0, &about) == 0 && (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* A directory that chroot(2) has made the root is no mount, which pivot_root(2) needs: a copy of it over itself is. */
static int root_make_mount(struct aq_error *error)
{
    AQ_CLEANUP_FD int tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0 || move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0 || fchdir(tree) != 0 ||
        chroot(".") != 0)
        return aq_fail_errno(error, errno, "the workload cannot be shut in: its root");
    return 0;
}

static int mounts_make_private(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* Under chroot(2), / need not be where a mount begins. So this process goes to the root of its namespace for a moment.
 */
static int mounts_make_private_outside(void)
{
    AQ_CLEANUP_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    AQ_CLEANUP_FD int namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (root < 0 || namespace < 0 || syscall(SYS_setns, namespace, CLONE_NEWNS) != 0 || mounts_make_private() != 0)
        return -1;
    return fchdir(root) == 0 && chroot(".") == 0 ? 0 : -1;
}

int confine_root_detach(struct aq_error *error)
{
    bool whole = root_is_mount();
    if ((whole ? mounts_make_private() : mounts_make_private_outside()) != 0)
        return aq_fail_errno(error, errno, "the workload cannot be shut in: mounts");
    return whole ? 0 : root_make_mount(error);
}

int confine_tree(int directory, const char *path, bool writable, bool new_privileges, struct aq_error *error)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NODEV | (writable ? 0 : MOUNT_ATTR_RDONLY) |
                                                (new_privileges ? 0 : MOUNT_ATTR_NOSUID)};
    int tree = open_tree(directory, path,
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
    if (tree >= 0 && mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) == 0)
        return tree;
    aq_fail_errno(error, errno, "the workload cannot be shut in: mount of %.128s",
                  path[0] != '\0' ? path : "a directory");
    if (tree >= 0)
        close(tree);
    return -1;
}

/* ---- the host's system directories -------------------------------------------------------------------- */

/* /bin, /lib and so on are links into /usr on current hosts. */
static const char *const system_names[] = {"usr", "etc", "opt", "bin", "sbin", "lib", "lib32", "lib64", "libx32"};

static int system_add(const struct confine_root *plan, int root, struct aq_error *error)
{
    for (size_t i = 0; i < AQ_LENGTH(system_names); i++) {
        char path[16], target[PATH_MAX];
        snprintf(path, sizeof path, "/%s", system_names[i]);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            if (symlinkat(target, root, system_names[i]) != 0)
                return aq_fail_errno(error, errno, "link %s", path);
            continue;
        }
        if (errno != EINVAL) /* it is not there */
            continue;
        AQ_CLEANUP_FD int tree = confine_tree(AT_FDCWD, path, false, plan->new_privileges, error);
        if (tree < 0 || confine_attach(tree, root, path, error) != 0)
            return -1;
    }
    return 0;
}

/* Where a service of the host writes /etc/resolv.conf, that leads into /run. The name servers are seen, and nothing
 * else of that directory. */
static int name_servers_add(int root, struct aq_error *error)
{
    char *path = realpath("/etc/resolv.conf", NULL);
    int failed = 0;
    if (path != NULL && strncmp(path, "/run/", strlen("/run/")) == 0) {
        AQ_CLEANUP_FD int tree = confine_tree(AT_FDCWD, path, false, false, error);
        failed = tree < 0 ? -1 : confine_attach_file(tree, root, path, error);
    }
    free(path);
    return failed;
}

/* ---- an account ---------------------------------------------------------------------------------------- */

/* The host's file with one more line. Programs such as ssh refuse to run as a user without a name. */
static int account_file_add(int scratch, int root, const char *path, const char *line, struct aq_error *error)
{
    static const char name[] = ".account";
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    struct stat about;
    if (lstat(path, &about) != 0 || !S_ISREG(about.st_mode) ||
        aq_file_read(AT_FDCWD, path, ACCOUNTS_SIZE_MAX, &text, &ignored) != 0)
        return 0; /* there is none, or it is too large to be copied for each workload */
    if (text.length > 0 && text.data[text.length - 1] != '\n')
        aq_buffer_char(&text, '\n');
    aq_buffer_text(&text, line);
    AQ_CLEANUP_FD int file = openat(scratch, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0 || aq_file_write_all(file, text.data, text.length) != 0)
        return aq_fail_errno(error, errno, "file %s", path);
    AQ_CLEANUP_FD int tree = confine_tree(scratch, name, false, false, error);
    if (tree < 0 || confine_attach_file(tree, root, path, error) != 0)
        return -1;
    return unlinkat(scratch, name, 0) == 0 ? 0 : aq_fail_errno(error, errno, "file %s", path);
}

static int account_add(uid_t number, int scratch, int root, struct aq_error *error)
{
    char user[128], group[64];
    snprintf(user, sizeof user, CONFINE_ACCOUNT ":x:%u:%u::" CONFINE_WORK ":/bin/sh\n", number, number);
    snprintf(group, sizeof group, CONFINE_ACCOUNT ":x:%u:\n", number);
    if (account_file_add(scratch, root, "/etc/passwd", user, error) != 0)
        return -1;
    return account_file_add(scratch, root, "/etc/group", group, error);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

/* A directory that everybody may write. Under another root it has a name of its own in `scratch`. */
static int temporary_add(int scratch, int root, const char *name, const char *other_name, struct aq_error *error)
{
    const char *source = scratch == root ? name : other_name;
    if (mkdirat(scratch, source, 01777) != 0)
        return aq_fail_errno(error, errno, "directory /%s", name);
    AQ_CLEANUP_FD int tree = confine_tree(scratch, source, true, false, error);
    return tree < 0 ? -1 : confine_attach(tree, root, name, error);
}

static const char *const empty_names[] = {"home", "mnt", "srv", "run", "var"};

/* Directories that programs expect. */
static int empty_add(int root, struct aq_error *error)
{
    static const char *const links[][2] = {{"../tmp", "var/tmp"}, {"../run", "var/run"}, {"../run/lock", "var/lock"}};
    for (size_t i = 0; i < AQ_LENGTH(empty_names); i++)
        if (mkdirat(root, empty_names[i], 0755) != 0)
            return aq_fail_errno(error, errno, "directory /%s", empty_names[i]);
    if (mkdirat(root, "root", 0700) != 0 || mkdirat(root, "run/lock", 0755) != 0 ||
        mkdirat(root, "var/lib", 0755) != 0 || mkdirat(root, "var/cache", 0755) != 0 ||
        mkdirat(root, "var/log", 0755) != 0)
        return aq_fail_errno(error, errno, "directories of the root");
    for (size_t i = 0; i < AQ_LENGTH(links); i++)
        if (symlinkat(links[i][0], root, links[i][1]) != 0)
            return aq_fail_errno(error, errno, "link /%s", links[i][1]);
    return 0;
}

/* ---- the agent's own program -------------------------------------------------------------------------- */

/* Executed under other names, it is a part of the agent, and takes its orders from open descriptors. No workload needs
 * it, so it is not there, neither as it runs nor as an upgrade has put it in its place. */
static int agent_hide(int root, struct aq_error *error)
{
    static const char deleted[] = " (deleted)";
    char path[PATH_MAX];
    struct stat self = {0}, host = {0}, inside;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0 || stat("/proc/self/exe", &self) != 0)
        return aq_fail_errno(error, errno, "the workload cannot be shut in: /proc/self/exe");
    path[length] = '\0';
    if ((size_t)length > strlen(deleted) && strcmp(path + length - strlen(deleted), deleted) == 0)
        path[length - (ssize_t)strlen(deleted)] = '\0';
    if (fstatat(root, path + strspn(path, "/"), &inside, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    const bool same = inside.st_dev == self.st_dev && inside.st_ino == self.st_ino;
    if (!same && (stat(path, &host) != 0 || inside.st_dev != host.st_dev || inside.st_ino != host.st_ino))
        return 0;
    AQ_CLEANUP_FD int nothing = open_tree(root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return nothing < 0 ? aq_fail_errno(error, errno, "the workload cannot be shut in: %.200s", path)
                       : confine_attach_file(nothing, root, path, error);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

/* Those first that others may be inside of. */
static int places_add(const struct confine_root *plan, int root, struct aq_error *error)
{
    size_t added = 0;
    for (unsigned depth = 0; added < plan->place_count; depth++)
        for (size_t i = 0; i < plan->place_count; i++) {
            if (aq_path_depth(plan->places[i].target) != depth)
                continue;
            AQ_CLEANUP_FD int tree =
                confine_tree(plan->places[i].directory, "", plan->places[i].writable, plan->new_privileges, error);
            if (tree < 0 || confine_attach(tree, root, plan->places[i].target, error) != 0)
                return -1;
            added++;
        }
    return 0;
}

/* `scratch` is the file system in memory; `root` is the same, or lies over it. */
static int root_fill(const struct confine_root *plan, int scratch, int root, struct aq_error *error)
{
    if (plan->root < 0 && (empty_add(root, error) != 0 || system_add(plan, root, error) != 0))
        return -1;
    if (plan->root < 0 && plan->account != 0 && account_add(plan->account, scratch, root, error) != 0)
        return -1;
    if (plan->root < 0 && plan->host_network && name_servers_add(root, error) != 0)
        return -1;
    if (confine_devices_add(scratch, root, error) != 0 || confine_processes_add(plan->may_be_root, root, error) != 0)
        return -1;
    if (plan->temporary >= 0 ? confine_attach(plan->temporary, root, "tmp", error) != 0
                             : temporary_add(scratch, root, "tmp", ".tmp", error) != 0)
        return -1;
    if (temporary_add(scratch, root, "dev/shm", ".shm", error) != 0 || places_add(plan, root, error) != 0 ||
        agent_hide(root, error) != 0)
        return -1;
    return confine_attach(plan->work, root, CONFINE_WORK, error);
}

static int root_change(int root, struct aq_error *error)
{
    if (fchdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return aq_fail_errno(error, errno, "the workload cannot be shut in: its root");
    return 0;
}

int confine_root_enter(const struct confine_root *plan, struct aq_error *error)
{
    mode_t mask = umask(0);
    AQ_CLEANUP_FD int scratch = confine_memory_add(plan->site, plan->memory_bytes, error);
    if (scratch < 0)
        return -1;
    AQ_CLEANUP_FD int over = plan->root >= 0 ? confine_overlay_add(plan->root, scratch, plan->site, error) : -1;
    if (plan->root >= 0 && over < 0)
        return -1;
    int root = plan->root >= 0 ? over : scratch;
    struct mount_attr sealed = {.attr_set = MOUNT_ATTR_RDONLY};
    if (root_fill(plan, scratch, root, error) != 0)
        return -1;
    if (mount_setattr(root, "", AT_EMPTY_PATH, &sealed, sizeof sealed) != 0)
        return aq_fail_errno(error, errno, "the workload cannot be shut in: its root");
    umask(mask);
    return root_change(root, error);
}
