#include "drivers/confine/root_parts.h"

#include "schema/base/files.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

enum { NUMBER_SIZE = 24, TERMINAL_GROUP = 5 /* tty, on every Linux */ };

static int fail(struct aq_error *error, const char *what)
{
    return aq_fail_errno(error, errno, "the workload cannot be shut in: %.128s", what);
}

/* ---- putting mounts in their places -------------------------------------------------------------------- */

/* Opens a directory in another one, and creates it if it is missing. */
static int directory_enter(int directory, const char *name)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int inner = openat(directory, name, flags);
    if (inner >= 0 || errno != ENOENT)
        return inner;
    return mkdirat(directory, name, 0755) == 0 ? openat(directory, name, flags) : -1;
}

/* Opens the directory in which the last name of the path is, and creates what is missing of it. Returns a descriptor of
 * its own, or `root`; -1: there is an error number. Sets `last`, with no name for the root itself. */
static int directory_above(int root, const char *path, const char **last)
{
    char name[NAME_MAX + 1];
    int directory = root;
    for (;;) {
        path += strspn(path, "/");
        const size_t length = strcspn(path, "/");
        *last = path;
        if (path[length + strspn(path + length, "/")] == '\0')
            return directory;
        snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : 0, path);
        const int inner = length < sizeof name ? directory_enter(directory, name) : -1;
        const int number = length < sizeof name ? errno : ENAMETOOLONG;
        if (directory != root)
            close(directory);
        if (inner < 0) {
            errno = number;
            return -1;
        }
        directory = inner;
        path += length;
    }
}

static void directory_leave(int directory, int root)
{
    const int number = errno;
    if (directory >= 0 && directory != root)
        close(directory);
    errno = number;
}

/* Without following a link in the last place either. */
static int attach_in(int tree, int directory, const char *path)
{
    char name[NAME_MAX + 1];
    const size_t length = strcspn(path, "/");
    if (length == 0)
        return move_mount(tree, "", directory, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (length >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    mkdirat(directory, name, 0755); /* if that fails, the next does, or it is there */
    return move_mount(tree, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH);
}

int confine_attach(int tree, int root, const char *path, struct aq_error *error)
{
    const char *last;
    int directory = directory_above(root, path, &last);
    int failed = directory < 0 ? -1 : attach_in(tree, directory, last);
    directory_leave(directory, root);
    return failed == 0 ? 0 : fail(error, path);
}

int confine_attach_file(int tree, int root, const char *path, struct aq_error *error)
{
    const char *name;
    int directory = directory_above(root, path, &name);
    AQ_CLEANUP_FD int file =
        directory >= 0 ? openat(directory, name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
    directory_leave(directory, root);
    if (file < 0 || move_mount(tree, "", file, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
        return fail(error, path);
    return 0;
}

/* ---- file systems ------------------------------------------------------------------------------------- */

struct setting {
    const char *key, *value; /* key NULL ends a list */
};

/* A detached mount of a new file system. */
static int file_system_make(const char *type, const struct setting *settings, unsigned attributes,
                            struct aq_error *error)
{
    AQ_CLEANUP_FD int context = fsopen(type, FSOPEN_CLOEXEC);
    int failed = context >= 0 ? 0 : -1;
    for (; failed == 0 && settings->key != NULL; settings++)
        failed = fsconfig(context, FSCONFIG_SET_STRING, settings->key, settings->value, 0);
    if (failed == 0)
        failed = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    int tree = failed == 0 ? fsmount(context, FSMOUNT_CLOEXEC, attributes) : -1;
    return tree >= 0 ? tree : fail(error, type);
}

/* Mounts over the path, and returns the descriptor of the mount. */
static int mount_over(int tree, const char *path, struct aq_error *error)
{
    if (tree >= 0 && move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0)
        return tree;
    if (tree < 0)
        return -1;
    fail(error, path);
    close(tree);
    return -1;
}

int confine_memory_add(const char *path, uint64_t bytes, struct aq_error *error)
{
    char size[NUMBER_SIZE], files[NUMBER_SIZE];
    snprintf(size, sizeof size, "%" PRIu64, bytes);
    snprintf(files, sizeof files, "%" PRIu64, 4096 + bytes / 4096); /* each costs the host about 1 KiB */
    const struct setting settings[] = {{"size", size}, {"nr_inodes", files}, {"mode", "0755"}, {0}};
    return mount_over(file_system_make("tmpfs", settings, MOUNT_ATTR_NOSUID, error), path, error);
}

int confine_overlay_add(int lower, int scratch, const char *path, struct aq_error *error)
{
    char names[3][32];
    int directories[3] = {lower, -1, -1};
    if (mkdirat(scratch, ".upper", 0755) != 0 || mkdirat(scratch, ".overlay", 0755) != 0)
        return fail(error, "root");
    AQ_CLEANUP_FD int upper = openat(scratch, ".upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
    AQ_CLEANUP_FD int inner = openat(scratch, ".overlay", O_PATH | O_DIRECTORY | O_CLOEXEC);
    directories[1] = upper, directories[2] = inner;
    for (int i = 0; i < 3; i++)
        snprintf(names[i], sizeof names[i], "/proc/self/fd/%d", directories[i]);
    const struct setting settings[] = {{"lowerdir", names[0]}, {"upperdir", names[1]}, {"workdir", names[2]}, {0}};
    return mount_over(file_system_make("overlay", settings, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, error), path, error);
}

/* ---- /dev --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned major, minor;
} devices[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const char *const device_links[][2] = {{"/proc/self/fd", "fd"},
                                              {"/proc/self/fd/0", "stdin"},
                                              {"/proc/self/fd/1", "stdout"},
                                              {"/proc/self/fd/2", "stderr"},
                                              {"pts/ptmx", "ptmx"}};

/* An agent that is not root makes no devices, but may bind those of the host. */
static int device_bind(int directory, const char *name, struct aq_error *error)
{
    char path[32];
    snprintf(path, sizeof path, "/dev/%s", name);
    AQ_CLEANUP_FD int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return tree < 0 ? fail(error, path) : confine_attach_file(tree, directory, name, error);
}

static int devices_make(int directory, struct aq_error *error)
{
    for (size_t i = 0; i < AQ_LENGTH(devices); i++) {
        if (mknodat(directory, devices[i].name, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) == 0)
            continue;
        if (errno != EPERM || device_bind(directory, devices[i].name, error) != 0)
            return errno != EPERM ? fail(error, devices[i].name) : -1;
    }
    for (size_t i = 0; i < AQ_LENGTH(device_links); i++)
        if (symlinkat(device_links[i][0], directory, device_links[i][1]) != 0)
            return fail(error, device_links[i][1]);
    return 0;
}

static int terminals_add(int root, struct aq_error *error)
{
    char group[NUMBER_SIZE];
    snprintf(group, sizeof group, "%d", TERMINAL_GROUP);
    /* In a user namespace that has no such group, terminals belong to the user's. */
    const bool grouped = geteuid() == 0;
    const struct setting settings[] = {{"ptmxmode", "0666"}, {"mode", "0620"}, {grouped ? "gid" : NULL, group}, {0}};
    AQ_CLEANUP_FD int tree = file_system_make("devpts", settings, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, error);
    return tree < 0 ? -1 : confine_attach(tree, root, "dev/pts", error);
}

int confine_devices_add(int scratch, int root, struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = directory_enter(scratch, scratch == root ? "dev" : ".dev");
    if (directory < 0 || devices_make(directory, error) != 0)
        return directory < 0 ? fail(error, "dev") : -1;
    if (scratch != root) {
        AQ_CLEANUP_FD int tree =
            open_tree(directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
        if (tree < 0)
            return fail(error, "dev");
        if (confine_attach(tree, root, "dev", error) != 0)
            return -1;
    }
    return terminals_add(root, error);
}

/* ---- /proc -------------------------------------------------------------------------------------------- */

static const char *const guarded[] = {"sys", "sysrq-trigger", "irq", "bus", "fs"};
static const char *const hidden[] = {"kcore", "keys", "timer_list", "kpagecount", "kpageflags"};

/* Root's number alone, without capabilities, may write to much of /proc. */
static int processes_guard(int root, struct aq_error *error)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    AQ_CLEANUP_FD int directory = openat(root, "proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    for (size_t i = 0; i < AQ_LENGTH(guarded); i++) {
        AQ_CLEANUP_FD int tree = open_tree(directory, guarded[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0 && errno == ENOENT)
            continue;
        if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0 ||
            move_mount(tree, "", directory, guarded[i], MOVE_MOUNT_F_EMPTY_PATH) != 0)
            return fail(error, guarded[i]);
    }
    for (size_t i = 0; i < AQ_LENGTH(hidden); i++) {
        AQ_CLEANUP_FD int tree = open_tree(root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (faccessat(directory, hidden[i], F_OK, 0) != 0)
            continue;
        if (tree < 0 || move_mount(tree, "", directory, hidden[i], MOVE_MOUNT_F_EMPTY_PATH) != 0)
            return fail(error, hidden[i]);
    }
    return 0;
}

int confine_processes_add(bool may_be_root, int root, struct aq_error *error)
{
    static const struct setting settings[] = {{"hidepid", "invisible"}, {0}};
    AQ_CLEANUP_FD int tree =
        file_system_make("proc", settings, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, error);
    if (tree < 0 || confine_attach(tree, root, "proc", error) != 0)
        return -1;
    return may_be_root ? processes_guard(root, error) : 0;
}
