/* All of this runs in a fork of a process with one thread, so every library function may be used. */
#include "drivers/process/child.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_STARTED = 127 };

struct child_user {
    bool given;
    bool known; /* has an entry in the user database */
    uid_t uid;
    gid_t gid;
    char name[128];
    char home[256];
};

static _Noreturn void child_fail(const struct process_child *child, const char *message)
{
    /* If this cannot be written either, the keeper still sees that the process ended without having started. */
    ssize_t written = write(child->errors, message, strlen(message));
    (void)written;
    _exit(NOT_STARTED);
}

static _Noreturn void child_fail_errno(const struct process_child *child, const char *what, const char *name)
{
    int number = errno;
    struct aq_error error;
    aq_fail_errno(&error, number, "%s \"%.256s\"", what, name);
    child_fail(child, error.message);
}

static void user_find(const struct process_child *child, struct child_user *user)
{
    const char *wanted = child->job->user;
    char *end;
    errno = 0;
    unsigned long number = strtoul(wanted, &end, 10);
    bool numeric = wanted[0] >= '0' && wanted[0] <= '9' && *end == '\0' && errno == 0 && number < UINT32_MAX;
    user->given = wanted[0] != '\0';
    user->uid = user->given ? (uid_t)number : geteuid();
    user->gid = user->given ? (gid_t)number : getegid();
    errno = 0;
    const struct passwd *entry = user->given && !numeric ? getpwnam(wanted) : getpwuid(user->uid);
    user->known = entry != NULL;
    if (entry != NULL) {
        user->uid = entry->pw_uid;
        user->gid = user->given ? entry->pw_gid : user->gid;
        snprintf(user->name, sizeof user->name, "%s", entry->pw_name);
        snprintf(user->home, sizeof user->home, "%s", entry->pw_dir);
    } else if (user->given && !numeric) {
        struct aq_error error;
        aq_fail(&error, AQ_E_NOT_FOUND, "user \"%.128s\": there is no such user", wanted);
        child_fail(child, error.message);
    }
}

static void user_become(const struct process_child *child, const struct child_user *user)
{
    if (!user->given || (user->uid == getuid() && user->uid == geteuid() && user->gid == getgid()))
        return;
    int failed = user->known ? initgroups(user->name, user->gid) : setgroups(0, NULL);
    if (failed != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
        setresuid(user->uid, user->uid, user->uid) != 0)
        child_fail_errno(child, "user", child->job->user);
}

/* A program may open its /dev/stdout again, so the pipe must belong to its user. */
static void output_prepare(const struct process_child *child, const struct child_user *user)
{
    if (user->given && fchown(child->output, user->uid, user->gid) != 0 && errno != EPERM)
        child_fail_errno(child, "user", child->job->user);
    if (dup2(child->output, STDOUT_FILENO) < 0 || dup2(child->output, STDERR_FILENO) < 0)
        child_fail_errno(child, "file", "log");
}

/* Enters the workload's own directory with the agent's rights. A directory that the label names is entered with the
 * rights of the workload's user. */
static void work_enter(const struct process_child *child, const struct child_user *user)
{
    if (mkdirat(child->directory, "work", 0700) != 0 && errno != EEXIST)
        child_fail_errno(child, "directory", "work");
    AQ_CLEANUP_FD int work = openat(child->directory, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (work < 0 || fchdir(work) != 0)
        child_fail_errno(child, "directory", "work");
    if (user->given && fchown(work, user->uid, user->gid) != 0 && errno != EPERM)
        child_fail_errno(child, "directory", "work");
}

static void environment_set(const struct process_child *child, const struct child_user *user)
{
    struct process_job *job = child->job;
    static char home[sizeof user->home + sizeof "HOME="];
    bool given = false;
    for (uint32_t i = 0; i < job->environment_count; i++)
        given = given || strncmp(job->environment[i], "HOME=", strlen("HOME=")) == 0;
    if (!given) {
        snprintf(home, sizeof home, "HOME=%s", user->home[0] != '\0' ? user->home : "/");
        job->environment[job->environment_count] = home;
        job->environment[job->environment_count + 1] = NULL;
    }
    environ = job->environment;
}

/* An agent may be protected from the OOM killer; its workloads are not. */
static void oom_score_reset(void)
{
    AQ_CLEANUP_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t written = fd >= 0 ? write(fd, "0", 1) : 0; /* refused if it is above 0, which is fine */
    (void)written;
}

static void signals_reset(void)
{
    sigset_t none;
    /* By system call, because the library hides two of its own signals, which posix_spawn() has left ignored. All zeros
     * are the default action. This fails for two signals, which cannot be changed anyway. */
    static const char default_action[64];
    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, default_action, NULL, (NSIG - 1) / 8);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child_run(const struct process_child *child, bool in_group)
{
    struct aq_error error;
    struct child_user user = {0};
    setsid();
    umask(022);
    if (cgroup_join(child->group, in_group, &error) != 0)
        child_fail(child, error.message);
    oom_score_reset();
    user_find(child, &user);
    output_prepare(child, &user);
    bool own_place = child->job->working[0] == '\0';
    if (own_place)
        work_enter(child, &user);
    user_become(child, &user);
    if (!own_place && chdir(child->job->working) != 0)
        child_fail_errno(child, "directory", child->job->working);
    environment_set(child, &user);
    /* After the change of user, which would clear it. The keeper may have died already. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != child->keeper)
        _exit(NOT_STARTED);
    if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        child_fail_errno(child, "command", child->job->arguments[0]);
    signals_reset();
    execvp(child->job->arguments[0], child->job->arguments);
    child_fail_errno(child, "command", child->job->arguments[0]);
}

pid_t process_child_start(const struct process_child *child)
{
    /* Created in its group of version 2: moving there later makes the kernel wait for all processors. */
    AQ_CLEANUP_FD int group = cgroup_open_unified(child->group);
    bool in_group = group >= 0;
    pid_t pid = -1;
    if (group >= 0) {
        struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
        pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    }
    if (pid < 0) { /* an older kernel, or a group that does not allow this: join it instead */
        in_group = false;
        pid = fork();
    }
    if (pid == 0)
        child_run(child, in_group);
    return pid;
}
