/* The main process of a workload, from fork to exec. All of this runs in a fork of a process with one thread, so every
 * library function may be used. */
#include "drivers/confine/filter.h"
#include "drivers/confine/forget.h"
#include "drivers/confine/init.h"
#include "drivers/confine/numbers.h"
#include "drivers/confine/privileges.h"
#include "drivers/confine/root.h"
#include "drivers/keeper/kind.h"
#include "drivers/process/isolate.h"
#include "drivers/process/place.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct process_child {
    struct process_job *job;
    const struct cgroup *group;
    int directory; /* the workload's */
    int output;    /* becomes standard output and error */
    int errors;    /* closed by exec; if the program cannot run, the reason is written here first */
    int keeper;    /* its pidfd */
    int numbers;   /* see drivers/confine/numbers.h */
};

enum { NOT_STARTED = 127 };

static _Noreturn void child_fail(const struct process_child *child, const struct aq_error *error)
{
    /* If this cannot be written either, the keeper still sees that the process ended without having started. */
    ssize_t written = write(child->errors, error->message, strlen(error->message));
    (void)written;
    _exit(NOT_STARTED);
}

static _Noreturn void child_fail_errno(const struct process_child *child, const char *what, const char *name)
{
    int number = errno;
    struct aq_error error;
    aq_fail_errno(&error, number, "%s \"%.256s\"", what, name);
    child_fail(child, &error);
}

/* A program may open its /dev/stdout again, so the pipe must belong to its user. */
static void output_prepare(const struct process_child *child, const struct process_user *user)
{
    if (user->given && fchown(child->output, user->uid, user->gid) != 0 && errno != EPERM)
        child_fail_errno(child, "user", child->job->user);
    if (dup2(child->output, STDOUT_FILENO) < 0 || dup2(child->output, STDERR_FILENO) < 0)
        child_fail_errno(child, "file", "log");
    AQ_CLEANUP_FD int nothing = aq_file_empty();
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
        child_fail_errno(child, "file", "standard input");
}

static void environment_set(const struct process_child *child, const struct process_user *user)
{
    struct process_job *job = child->job;
    static char home[PATH_MAX + sizeof "HOME=/work"];
    bool given = false;
    for (uint32_t i = 0; i < job->environment_count; i++)
        given = given || strncmp(job->environment[i], "HOME=", strlen("HOME=")) == 0;
    if (!given) {
        /* The preset user has a home in no more than name. */
        if (job->isolate)
            snprintf(home, sizeof home, "HOME=" CONFINE_WORK);
        else if (!job->user_is_named && job->working.path[0] == '\0')
            snprintf(home, sizeof home, "HOME=%s/work", job->common.directory);
        else
            snprintf(home, sizeof home, "HOME=%s", user->home[0] != '\0' ? user->home : "/");
        job->environment[job->environment_count] = home;
        job->environment[job->environment_count + 1] = NULL;
    }
    environ = job->environment;
}

/* An agent may be protected from the OOM killer; its workloads are what the host can best do without. */
static void oom_score_set(void)
{
    AQ_CLEANUP_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t written = fd >= 0 ? write(fd, "500", 3) : 0;
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

/* ---- with the host's files in sight --------------------------------------------------------------------- */

/* Enters the workload's own directory with the agent's rights. */
static void work_enter(const struct process_child *child, const struct process_user *user)
{
    if (mkdirat(child->directory, "work", 0700) != 0 && errno != EEXIST)
        child_fail_errno(child, "directory", "work");
    AQ_CLEANUP_FD int work = openat(child->directory, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (work < 0 || fchdir(work) != 0)
        child_fail_errno(child, "directory", "work");
    if (user->given && fchown(work, user->uid, user->gid) != 0 && errno != EPERM)
        child_fail_errno(child, "directory", "work");
}

static void working_enter(const struct process_child *child)
{
    struct aq_error error;
    AQ_CLEANUP_FD int directory = process_place_open(&child->job->working, &error);
    if (directory < 0)
        child_fail(child, &error);
    if (fchdir(directory) != 0)
        child_fail_errno(child, "directory", child->job->working.path);
}

static void open_run(const struct process_child *child, const struct process_user *user)
{
    struct aq_error error;
    const bool own_place = child->job->working.path[0] == '\0';
    if (own_place)
        work_enter(child, user);
    if (process_user_differs(user) &&
        (process_user_set_groups(child->job, user, &error) != 0 || process_user_become(child->job, user, &error) != 0))
        child_fail(child, &error);
    if (!own_place)
        working_enter(child);
    if (!child->job->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        child_fail_errno(child, "command", child->job->arguments[0]);
}

/* ---- shut in -------------------------------------------------------------------------------------------- */

static void isolated_run(const struct process_child *child, const struct process_user *user)
{
    struct aq_error error;
    if (process_isolate(child->job, user, child->directory, &error) != 0 ||
        (process_user_differs(user) && process_user_become(child->job, user, &error) != 0) ||
        process_isolate_end(child->job, user, &error) != 0)
        child_fail(child, &error);
}

/* ---- both ----------------------------------------------------------------------------------------------- */

struct child_begun {
    bool in_group, in_mounts; /* it was created there */
};

static _Noreturn void child_run(const struct process_child *child, const struct child_begun *begun)
{
    struct aq_error error;
    struct process_user user = {0};
    setsid();
    umask(022);
    if (child->job->isolate && !begun->in_mounts && syscall(SYS_unshare, CLONE_NEWNS) != 0)
        child_fail_errno(child, "command", child->job->arguments[0]);
    if (cgroup_join(child->group, begun->in_group, &error) != 0)
        child_fail(child, &error);
    oom_score_set();
    if (process_user_find(child->job, child->numbers, &user, &error) != 0)
        child_fail(child, &error);
    output_prepare(child, &user);
    if (user.own)
        confine_processes(child->job->processes);
    if (child->job->isolate)
        isolated_run(child, &user);
    else
        open_run(child, &user);
    environment_set(child, &user);
    /* After the change of user, which would clear it. The keeper may have died already. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!confine_is_alive(child->keeper))
        _exit(NOT_STARTED);
    if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        child_fail_errno(child, "command", child->job->arguments[0]);
    signals_reset();
    execvp(child->job->arguments[0], child->job->arguments);
    child_fail_errno(child, "command", child->job->arguments[0]);
}

/* Created in its group of version 2: moving there later makes the kernel wait for all processors. */
static pid_t child_create(const struct process_child *child)
{
    const uint64_t mounts = child->job->isolate ? CLONE_NEWNS : 0;
    AQ_CLEANUP_FD int group = cgroup_open_unified(child->group);
    struct clone_args args = {.flags = mounts | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
    struct child_begun begun = {group >= 0, group >= 0};
    pid_t pid = group >= 0 ? (pid_t)syscall(SYS_clone3, &args, sizeof args) : -1;
    if (pid < 0) { /* an older kernel, or a group that does not allow this: join it instead */
        begun = (struct child_begun){0};
        pid = fork();
    }
    if (pid == 0)
        child_run(child, &begun);
    return pid;
}

/* What was done before the job was known. */
static struct {
    pid_t init; /* 0: nothing */
    int keeper, numbers;
} ready;

static int child_ready(pid_t *init, struct aq_error *error)
{
    const struct confine_namespaces namespaces = {0};
    ready.keeper = pidfd_open(getpid(), 0);
    ready.numbers = confine_numbers_open();
    if (ready.keeper < 0)
        return aq_fail_errno(error, errno, "cannot open a pidfd");
    pid_t pid = confine_init_start(&namespaces, ready.keeper, ready.numbers, error);
    /* No workload that is shut in gets others, and to remove each takes a system call. */
    if (pid < 0 || confine_bound(confine_root_capabilities, error) != 0)
        return -1;
    *init = ready.init = pid;
    return 0;
}

static int init_start(const struct keeper_start *start, const struct process_child *child, struct aq_error *error)
{
    struct process_job *job = child->job;
    const struct confine_namespaces namespaces = {.users = geteuid() != 0, .network = job->own_network};
    /* Process 1 needs nothing of the job, and would keep pages of it. */
    const bool kept_back = madvise(job, job->common.mapped, MADV_DONTFORK) == 0;
    pid_t init = confine_init_start(&namespaces, child->keeper, child->numbers, error);
    if (init < 0)
        return -1;
    if (kept_back && madvise(job, job->common.mapped, MADV_DOFORK) != 0)
        return aq_fail_errno(error, errno, "the job cannot be passed on");
    *start->init = init;
    return 0;
}

/* Gets process 1 first, if it is shut in. Its numbers stay open in the keeper, and so taken. */
static pid_t child_start(const struct keeper_start *start, struct aq_error *error)
{
    struct process_job *job = (struct process_job *)start->job;
    const bool is_ready = ready.init != 0;
    AQ_CLEANUP_FD int keeper = is_ready ? ready.keeper : pidfd_open(getpid(), 0);
    const struct process_child child = {.job = job,
                                        .group = start->group,
                                        .directory = start->directory,
                                        .output = start->output,
                                        .errors = start->errors,
                                        .keeper = keeper,
                                        .numbers = is_ready             ? ready.numbers
                                                   : job->own_count > 0 ? confine_numbers_open()
                                                                        : -1};
    if (keeper < 0)
        return aq_fail_errno(error, errno, "cannot open a pidfd");
    if (job->isolate && !is_ready && init_start(start, &child, error) != 0)
        return -1;
    pid_t pid = child_create(&child);
    return pid > 0 ? pid : aq_fail_errno(error, errno, "cannot create a process");
}

/* In the nursery, for all keepers. */
static void child_prepare(void)
{
    struct aq_error ignored; /* a workload that needs it gets the reason */
    int failed = confine_filter_prepare(&ignored);
    (void)failed;
    confine_forget_prepare();
}

static bool child_left(const struct keeper_job *job, int directory, struct driver_left *left)
{
    (void)job, (void)directory;
    *left = (struct driver_left){.tree = "work", .at = CONFINE_WORK, .cwd = CONFINE_WORK};
    return true;
}

static const struct keeper_kind process_keeper_kind = {.name = PROCESS_KIND_NAME,
                                                       .prepare = child_prepare,
                                                       .ready = child_ready,
                                                       .map = process_job_map,
                                                       .start = child_start,
                                                       .left = child_left};
KEEPER_KIND(process_keeper_kind)
