#include "drivers/confine/disk.h"

#include "schema/base/files.h"

#include <linux/loop.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

enum {
    LOOP_ATTEMPTS = 64,
    LOOP_MAJOR = 7,
    ENDED_BADLY = 127,
    MAKE_MS = 60000, /* most time for mke2fs, which takes some 10 ms */
    KILL_MS = 5000   /* and for its end, when the disk does not answer */
};

static int file_make(int directory, const char *name, uint64_t mib, struct aq_error *error)
{
    int file = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0 && ftruncate(file, (off_t)(mib << 20)) == 0)
        return file;
    aq_fail_errno(error, errno, "disk of %llu MiB", (unsigned long long)mib);
    if (file >= 0)
        close(file);
    return -1;
}

/* No journal: the contents are not needed after a loss of power. No reserve for root. */
static _Noreturn void mke2fs_run(int file)
{
    char path[32];
    int flags = fcntl(file, F_GETFD);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (flags < 0 || fcntl(file, F_SETFD, flags & ~FD_CLOEXEC) != 0)
        _exit(ENDED_BADLY);
    execle("/sbin/mke2fs", "mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal,^resize_inode", "-m", "0", "-E",
           "nodiscard,lazy_itable_init=1", path, (char *)NULL, (char *[]){"PATH=/usr/sbin:/sbin", NULL});
    _exit(ENDED_BADLY);
}

/* Returns false if it has not ended in time, and was killed. */
static bool ends_in_time(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    if (poll(&end, 1, MAKE_MS) != 0)
        return true;
    pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    poll(&end, 1, KILL_MS);
    return false;
}

static int file_system_make(int file, struct aq_error *error)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        mke2fs_run(file);
    AQ_CLEANUP_FD int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    bool ended = pidfd < 0 || ends_in_time(pidfd);
    if (pid < 0 || waitpid(pid, &status, ended ? 0 : WNOHANG) < 0)
        return aq_fail_errno(error, errno, "disk: cannot create a process");
    if (!ended)
        return aq_fail(error, AQ_E_LIMIT, "disk: mke2fs took longer than %d s, and was ended", MAKE_MS / 1000);
    if (WIFEXITED(status) && WEXITSTATUS(status) == ENDED_BADLY)
        return aq_fail(error, AQ_E_STATE, "disk: this host has no /sbin/mke2fs (e2fsprogs)");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return aq_fail(error, AQ_E_IO, "disk: mke2fs failed");
    return 0;
}

/* Opens the loop device, and makes its node if nothing else does. */
static int loop_open(int number)
{
    char path[32];
    snprintf(path, sizeof path, "/dev/loop%d", number);
    int device = open(path, O_RDWR | O_CLOEXEC);
    if (device < 0 && errno == ENOENT && mknod(path, S_IFBLK | 0660, makedev(LOOP_MAJOR, (unsigned)number)) == 0)
        device = open(path, O_RDWR | O_CLOEXEC);
    return device;
}

/* Another process may take the free device first. */
static int loop_attach(int file, bool writable, char path[32], struct aq_error *error)
{
    struct loop_config config = {.fd = (uint32_t)file,
                                 .info.lo_flags = LO_FLAGS_AUTOCLEAR | (writable ? 0 : LO_FLAGS_READ_ONLY)};
    AQ_CLEANUP_FD int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    for (int attempt = 0; control >= 0 && attempt < LOOP_ATTEMPTS; attempt++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        int device = number >= 0 ? loop_open(number) : -1;
        if (device < 0)
            break;
        snprintf(path, 32, "/dev/loop%d", number);
        if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
            return device;
        int failed = errno;
        close(device);
        errno = failed;
        if (failed != EBUSY)
            break;
    }
    return aq_fail_errno(error, errno, "disk: this host gives no loop device");
}

/* What is deleted is free on the host, too. */
static int disk_mount(int file, bool writable, struct aq_error *error)
{
    char path[32];
    AQ_CLEANUP_FD int device = loop_attach(file, writable, path, error);
    if (device < 0)
        return -1;
    AQ_CLEANUP_FD int context = fsopen("ext4", FSOPEN_CLOEXEC);
    if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "source", path, 0) != 0 ||
        fsconfig(context, FSCONFIG_SET_FLAG, writable ? "discard" : "ro", NULL, 0) != 0 ||
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
        return aq_fail_errno(error, errno, "disk: cannot be mounted");
    int tree =
        fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (writable ? 0 : MOUNT_ATTR_RDONLY));
    return tree >= 0 ? tree : aq_fail_errno(error, errno, "disk: cannot be mounted");
}

int confine_disk_make(int directory, const char *name, uint64_t mib, struct aq_error *error)
{
    AQ_CLEANUP_FD int file = file_make(directory, name, mib, error);
    return file < 0 || file_system_make(file, error) != 0 ? -1 : disk_mount(file, true, error);
}

int confine_disk_open(int directory, const char *name, struct aq_error *error)
{
    AQ_CLEANUP_FD int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return file < 0 ? aq_fail_errno(error, errno, "disk") : disk_mount(file, false, error);
}
