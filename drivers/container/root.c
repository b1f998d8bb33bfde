#include "drivers/container/root.h"

#include "drivers/confine/disk.h"
#include "drivers/container/slots.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPTIONS_SIZE = 256, TEXT_SIZE = 4096 };

/* ---- layers ------------------------------------------------------------------------------------------- */

static int mount_image(const struct root_wish *wish, struct aq_error *error)
{
    AQ_CLEANUP_FD int tree = open_tree(AT_FDCWD, wish->image, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return aq_fail_errno(error, errno, "directory %s", wish->image);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY,
                                    .userns_fd = (uint64_t)wish->users};
    if (mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
        return aq_fail_errno(error, errno,
                             "the file system of %.200s cannot show files as those of other users (an idmapped mount): "
                             "put container.images of the agent on ext4, xfs or btrfs",
                             wish->image);
    if (move_mount(tree, "", AT_FDCWD, SLOTS_LOWER, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return aq_fail_errno(error, errno, "cannot mount the image");
    return 0;
}

/* What the container writes has a size if its label asks for a disk. */
static int mount_disk(const struct root_wish *wish, struct aq_error *error)
{
    if (wish->plan->disk_mib == 0)
        return 0;
    AQ_CLEANUP_FD int directory = open(wish->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return aq_fail_errno(error, errno, "directory %s", wish->directory);
    AQ_CLEANUP_FD int disk = confine_disk_make(directory, "disk", wish->plan->disk_mib, error);
    if (disk < 0)
        return -1;
    if (move_mount(disk, "", AT_FDCWD, SLOTS_DISK, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return aq_fail_errno(error, errno, "disk: cannot be mounted");
    return 0;
}

/* Returns the descriptor of a directory of the workload, or of its disk, that belongs to the container's root. */
static int layer_open(const struct root_wish *wish, const char *name, struct aq_error *error)
{
    /* By its path: a descriptor of another mount namespace is no place for a layer. */
    const char *place = wish->plan->disk_mib > 0 ? SLOTS_DISK : wish->directory;
    AQ_CLEANUP_FD int directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || (mkdirat(directory, name, 0755) != 0 && errno != EEXIST))
        return aq_fail_errno(error, errno, "directory %s", name);
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fchown(fd, wish->first_user, wish->first_user) == 0)
        return fd;
    aq_fail_errno(error, errno, "directory %s", name);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Without devices: the image may have some, which would be the host's. */
static int mount_overlay(const struct root_wish *wish, struct aq_error *error)
{
    char options[OPTIONS_SIZE];
    AQ_CLEANUP_FD int upper = layer_open(wish, "upper", error);
    if (upper < 0)
        return -1;
    AQ_CLEANUP_FD int work = layer_open(wish, "overlay", error);
    if (work < 0)
        return -1;
    /* By descriptors, since a path may have commas and colons in it. */
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", SLOTS_LOWER,
             upper, work);
    if (mount("overlay", SLOTS_ROOT, "overlay", MS_NODEV, options) != 0)
        return aq_fail_errno(error, errno, "cannot mount an overlay of the image and the workload's directory");
    return 0;
}

/* ---- files and directories in it ---------------------------------------------------------------------- */

/* A link that leads nowhere is replaced: images may have one as /etc/resolv.conf. */
static int inside_make(int parent, const char *name, bool directory, uint32_t owner)
{
    int failed = directory ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);
    if (failed != 0 && errno == EEXIST && !directory && unlinkat(parent, name, 0) == 0)
        failed = mknodat(parent, name, S_IFREG | 0644, 0);
    return failed != 0 ? -1 : fchownat(parent, name, owner, owner, AT_SYMLINK_NOFOLLOW);
}

/* Opens a path of the root, whatever links are in it; creates what is missing. Returns a descriptor, -1 with errno. */
static int inside_open(int root, const char *path, bool directory, uint32_t owner)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    char part[PATH_MAX];
    int fd = -1;
    for (const char *at = path; at != NULL; at = strchr(at + 1, '/')) {
        const char *next = strchr(at + 1, '/');
        size_t length = next != NULL ? (size_t)(next - path) : strlen(path);
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        if (fd >= 0)
            close(fd);
        fd = (int)syscall(SYS_openat2, root, part, &how, sizeof how);
        if (fd >= 0 || errno != ENOENT)
            continue;
        /* Its parent is there. */
        char *slash = strrchr(part, '/');
        *slash = '\0';
        AQ_CLEANUP_FD int parent = (int)syscall(SYS_openat2, root, part[0] != '\0' ? part : ".", &how, sizeof how);
        if (parent < 0 || inside_make(parent, slash + 1, directory || next != NULL, owner) != 0)
            return -1;
        *slash = '/';
        fd = (int)syscall(SYS_openat2, root, part, &how, sizeof how);
    }
    return fd;
}

static int put_file(const struct root_wish *wish, int root, const char *path, const char *text, struct aq_error *error)
{
    char name[64];
    AQ_CLEANUP_FD int file = inside_open(root, path, false, wish->first_user);
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        return aq_fail_errno(error, errno, "file %s of the container", path);
    if (!S_ISREG(status.st_mode))
        return aq_fail(error, AQ_E_INVALID, "%s of the image is no file", path);
    AQ_CLEANUP_FD int writable = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (writable < 0 || aq_file_write_all(writable, text, strlen(text)) != 0)
        return aq_fail_errno(error, errno, "file %s of the container", path);
    return 0;
}

static int put_files(const struct root_wish *wish, int root, struct aq_error *error)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s\n", wish->hostname);
    if (put_file(wish, root, "/etc/hostname", text, error) != 0)
        return -1;
    snprintf(text, sizeof text, "127.0.0.1 localhost\n::1 localhost\n%s %s\n",
             wish->address[0] != '\0' ? wish->address : "127.0.0.1", wish->hostname);
    if (put_file(wish, root, "/etc/hosts", text, error) != 0)
        return -1;
    return wish->resolvers != NULL ? put_file(wish, root, "/etc/resolv.conf", wish->resolvers, error) : 0;
}

/* A directory of the host, not out of the one that the node's owner allows, by whatever links. */
static int source_open(const char *source, const char *inside, struct aq_error *error)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    const char *rest = source + strlen(inside);
    rest += strspn(rest, "/");
    AQ_CLEANUP_FD int allowed = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = allowed < 0 ? -1 : (int)syscall(SYS_openat2, allowed, rest[0] != '\0' ? rest : ".", &how, sizeof how);
    if (fd < 0 && errno == EXDEV)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "refused by the node: the mount of \"%.128s\" leads out of %.128s (allow.directories of its "
                       "agent)",
                       source, inside);
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "mount of %s", source);
}

static int mount_one(const struct root_wish *wish, int root, const json_t *mount, struct aq_error *error)
{
    const char *source = json_string_value(json_object_get(mount, "source"));
    const char *target = json_string_value(json_object_get(mount, "target"));
    bool writable = json_is_true(json_object_get(mount, "writable"));
    struct stat status;
    AQ_CLEANUP_FD int from = source_open(source, json_string_value(json_object_get(mount, "inside")), error);
    if (from < 0)
        return -1;
    AQ_CLEANUP_FD int tree = open_tree(from, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attributes = {.attr_set =
                                        MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (writable ? 0 : MOUNT_ATTR_RDONLY),
                                    .propagation = MS_PRIVATE};
    if (tree < 0 || fstat(from, &status) != 0 ||
        mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0)
        return aq_fail_errno(error, errno, "mount of %s", source);
    AQ_CLEANUP_FD int to = inside_open(root, target, S_ISDIR(status.st_mode), wish->first_user);
    if (to < 0 || move_mount(tree, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
        return aq_fail_errno(error, errno, "mount at %s", target);
    return 0;
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

int root_make(const struct root_wish *wish, struct aq_error *error)
{
    const json_t *mount_wish;
    size_t i;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return aq_fail_errno(error, errno, "cannot make a mount namespace");
    if (mount_image(wish, error) != 0 || mount_disk(wish, error) != 0 || mount_overlay(wish, error) != 0)
        return -1;
    AQ_CLEANUP_FD int root = open(SLOTS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return aq_fail_errno(error, errno, "directory %s", SLOTS_ROOT);
    if (put_files(wish, root, error) != 0)
        return -1;
    json_array_foreach (wish->plan->mounts, i, mount_wish)
        if (mount_one(wish, root, mount_wish, error) != 0)
            return -1;
    return 0;
}
