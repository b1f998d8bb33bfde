#include "drivers/confine/init.h"

#include "drivers/confine/forget.h"
#include "drivers/confine/privileges.h"
#include "schema/base/files.h"

#include <inttypes.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { HELD = 3 };

bool confine_is_alive(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    return poll(&end, 1, 0) == 0;
}

/* ---- process 1 ---------------------------------------------------------------------------------------- */

/* Waits for what has ended. Returns whether a child is left. By system call: see confine_forget(). */
static bool reap(void)
{
    long pid;
    do
        pid = syscall(SYS_wait4, -1, NULL, WNOHANG, NULL);
    while (pid > 0);
    return pid == 0;
}

static _Noreturn void init_run(int keeper, int held)
{
    sigset_t wanted;
    struct aq_error ignored;
    bool leaving = false;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, CONFINE_INIT_LEAVE);
    setsid();
    prctl(PR_SET_NAME, "aq-init");
    prctl(PR_SET_DUMPABLE, 0); /* its directory in /proc leads out of the workload */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!confine_is_alive(keeper))
        _exit(1);
    if (held >= 0)
        dup2(held, HELD);
    close_range(held >= 0 ? HELD + 1 : HELD, ~0u, 0);
    int failed = confine_capabilities(0, &ignored);
    (void)failed;
    confine_forget();
    while (!leaving || reap()) {
        /* The keeper has blocked all signals. By system call: see privileges.c. */
        long number = syscall(SYS_rt_sigtimedwait, &wanted, NULL, NULL, (NSIG - 1) / 8);
        leaving = leaving || number == CONFINE_INIT_LEAVE;
        reap();
    }
    _exit(0);
}

/* ---- namespaces --------------------------------------------------------------------------------------- */

static int file_put(const char *path, const char *text)
{
    AQ_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

/* The user and the group keep their numbers; all others become that of nobody. */
static int users_map(uid_t user, gid_t group, struct aq_error *error)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "%u %u 1", user, user);
    snprintf(groups, sizeof groups, "%u %u 1", group, group);
    if (file_put("/proc/self/setgroups", "deny") != 0 || file_put("/proc/self/uid_map", users) != 0 ||
        file_put("/proc/self/gid_map", groups) != 0)
        return aq_fail_errno(error, errno, "the user namespace of the workload cannot be set up");
    return 0;
}

static int loopback_up(struct aq_error *error)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    AQ_CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
        return aq_fail_errno(error, errno, "the loopback interface of the workload cannot be set up");
    return 0;
}

static int namespaces_unshare(const struct confine_namespaces *namespaces, struct aq_error *error)
{
    const uid_t user = geteuid();
    const gid_t group = getegid();
    const int flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | (namespaces->users ? CLONE_NEWUSER : 0) |
                      (namespaces->network ? CLONE_NEWNET : 0);
    if (syscall(SYS_unshare, flags) != 0)
        return aq_fail_errno(error, errno, "the workload cannot be shut in: this host gives no namespaces");
    if (namespaces->users && users_map(user, group, error) != 0)
        return -1;
    return namespaces->network ? loopback_up(error) : 0;
}

pid_t confine_init_start(const struct confine_namespaces *namespaces, int keeper, int held, struct aq_error *error)
{
    if (namespaces_unshare(namespaces, error) != 0)
        return -1;
    /* By system call: what fork(3) does in addition would cost each workload 20 KiB. Kernels before 5.3 have no clone3.
     */
    const struct clone_args arguments = {.exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0 && errno == ENOSYS)
        pid = fork();
    if (pid == 0)
        init_run(keeper, held);
    return pid > 0 ? pid : aq_fail_errno(error, errno, "cannot create a process");
}
