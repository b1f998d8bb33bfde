/* What the kernel can do, tried in a child with its own namespaces, so that nothing is visible outside. */
#include "tools/aq/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBE_SECONDS = 5 };

/* Runs `probe` in a child and ends the child with its result; 0: it worked, else an errno. A child that hangs is ended
 * by its alarm. */
static int try_in_child(int (*probe)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0) {
        alarm(PROBE_SECONDS);
        _exit(probe());
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : ETIMEDOUT;
}

/* Later mounts are visible to this process alone. Root needs no user namespace for that. */
static int leave_mounts(void)
{
    int flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS;
    if (unshare(flags) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return errno;
    return 0;
}

/* ---- namespaces and mounts ------------------------------------------------------------------------------ */

static int probe_user_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
}

void doctor_user_namespaces(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)doctor;
    (void)which;
    int number = try_in_child(probe_user_namespace);
    if (number == 0)
        doctor_ok(finding, "can be made");
    else
        doctor_warn(finding, "allow them if workloads should run without root",
                    "sysctl -w user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1", "cannot be made: %s",
                    strerror(number));
}

static int probe_overlay(void)
{
    int number = leave_mounts();
    if (number != 0)
        return number;
    if (mount("aquarium", "/tmp", "tmpfs", 0, "size=1m") != 0 || mkdir("/tmp/lower", 0700) != 0 ||
        mkdir("/tmp/upper", 0700) != 0 || mkdir("/tmp/work", 0700) != 0 || mkdir("/tmp/both", 0700) != 0 ||
        mount("aquarium", "/tmp/both", "overlay", 0, "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work") != 0)
        return errno;
    return 0;
}

void doctor_overlayfs(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)doctor;
    (void)which;
    int number = try_in_child(probe_overlay);
    if (number == 0)
        doctor_ok(finding, "can be mounted");
    else
        doctor_warn(finding, "containers need it: load the module, or use a kernel that has it", "modprobe overlay",
                    "cannot be mounted: %s", strerror(number));
}

/* ---- FUSE ----------------------------------------------------------------------------------------------- */

static int probe_fuse(void)
{
    char options[64];
    int number = leave_mounts(), fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (number != 0 || fd < 0)
        return number != 0 ? number : errno;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    return mount("aquarium", "/tmp", "fuse", MS_NODEV | MS_NOSUID, options) == 0 ? 0 : errno;
}

static bool helper_is_there(void)
{
    return access("/usr/bin/fusermount3", X_OK) == 0 || access("/bin/fusermount3", X_OK) == 0 ||
           access("/usr/local/bin/fusermount3", X_OK) == 0;
}

void doctor_fuse(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)doctor;
    (void)which;
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), number = errno;
    if (fd >= 0)
        close(fd);
    if (fd < 0 && number == EACCES)
        doctor_warn(finding, "run aq-fs as root", "", "this user may not open /dev/fuse");
    else if (fd < 0)
        doctor_bad(finding, "the file view needs it: load the module, or give this container the device",
                   "modprobe fuse", "/dev/fuse cannot be opened: %s", strerror(number));
    else if (geteuid() == 0 && (number = try_in_child(probe_fuse)) != 0)
        doctor_bad(finding, "the file view needs CAP_SYS_ADMIN: allow it in this container", "",
                   "/dev/fuse opens, but nothing can be mounted: %s", strerror(number));
    else if (!helper_is_there())
        doctor_warn(finding, "install it: it unmounts a view whose process has died", "apt-get install fuse3",
                    "/dev/fuse works, but there is no fusermount3");
    else
        doctor_ok(finding, geteuid() == 0 ? "a file view can be mounted" : "/dev/fuse opens, and fusermount3 is there");
}

/* ---- processes ------------------------------------------------------------------------------------------ */

void doctor_pidfd(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)doctor;
    (void)which;
    int fd = pidfd_open(getpid(), 0);
    if (fd >= 0) {
        close(fd);
        doctor_ok(finding, "processes can be followed by pidfd");
    } else {
        doctor_bad(finding, "use Linux 5.3 or later: without pidfds the driver process does not work", "",
                   "processes cannot be followed by pidfd: %s", strerror(errno));
    }
}

/* As in linux/pidfd.h of newer kernels, first version. */
struct pidfd_exit_info {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
enum { PIDFD_MASK_EXIT = 1 << 3 };
#define PIDFD_ASK_INFO _IOWR(0xFF, 11, struct pidfd_exit_info)

void doctor_pidfd_info(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    enum { STATUS = 7 };
    (void)doctor;
    (void)which;
    struct pidfd_exit_info info = {.mask = PIDFD_MASK_EXIT};
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(STATUS);
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    bool told = fd >= 0 && ioctl(fd, PIDFD_ASK_INFO, &info) == 0 && (info.mask & PIDFD_MASK_EXIT) &&
                WEXITSTATUS(info.exit_code) == STATUS;
    if (fd >= 0)
        close(fd);
    doctor_ok(finding, "%s",
              told ? "the kernel reports the exit status of processes that are not children (PIDFD_GET_INFO)"
                   : "the kernel does not report the exit status of processes that are not children; keepers record it "
                     "in any case");
}
