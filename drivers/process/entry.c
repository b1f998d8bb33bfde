/* All of this runs in a process of its own with one thread, or in a fork of it, so every library function may be used.
 *
 * Between entering the namespaces and giving up its rights, a process is within the workload's sight: it has nothing
 * open then but the command's descriptors, and no process of another user may look into it. */
#include "drivers/process/entry.h"

#include "drivers/cgroup/cgroup.h"
#include "drivers/confine/filter.h"
#include "drivers/confine/privileges.h"
#include "drivers/keeper/exit_text.h"
#include "drivers/keeper/job.h"
#include "drivers/keeper/tree.h"
#include "drivers/process/left.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"
#include "schema/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NOT_RUN = 126,
    NOT_FOUND = 127,
    STATUS_SIZE = 16384, /* of /proc/<pid>/status; groups may be many */
    ENVIRON_MAX = 1 << 20,
    GROUPS_MAX = 65536,
    KILL_AGAIN_MS = 20,
    KILL_TIMES = 100,
    BEGUN_MS = 60000, /* most time for the main process to become its program */
    BEGUN_LOOK_MS = 2,
    NOT_EXECUTED = 0x0040, /* PF_FORKNOEXEC of /proc/<pid>/stat: set by fork, cleared by exec */
};

struct entering {
    const struct process_entry *entry;
    const char *node, *term, *left;
    char **arguments;
    int process, root, cwd; /* /proc/<main>, and where it is */
    int pidfd;              /* of the main process */
    char status[STATUS_SIZE];
    char *environment_text;
    char **environment;
};

static _Noreturn void end(int exit_status, const char *reason)
{
    struct process_entry_end told = {.exit_status = exit_status};
    snprintf(told.reason, sizeof told.reason, "%s", reason);
    ssize_t written = write(ENTRY_STATUS, &told, sizeof told);
    (void)written;
    _exit(0);
}

/* In the process that becomes the command: as a shell does, on the command's standard error. */
static _Noreturn void refuse(int exit_status, const char *what, const char *name)
{
    const int number = errno;
    dprintf(STDERR_FILENO, "aquarium: %s%s%s: %s\n", what, name[0] != '\0' ? " " : "", name, strerror(number));
    _exit(exit_status);
}

/* ---- the job ---------------------------------------------------------------------------------------------- */

static bool map_job(struct entering *in)
{
    struct stat about;
    if (fstat(ENTRY_JOB, &about) != 0 || (size_t)about.st_size < sizeof *in->entry)
        return false;
    char *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, ENTRY_JOB, 0);
    if (bytes == MAP_FAILED)
        return false;
    char *at = bytes + sizeof *in->entry;
    const char *last = bytes + about.st_size;
    in->entry = (const struct process_entry *)bytes;
    in->node = keeper_job_text(&at, last);
    in->term = in->node != NULL ? keeper_job_text(&at, last) : NULL;
    in->left = in->term != NULL ? keeper_job_text(&at, last) : NULL;
    in->arguments = aq_calloc(in->entry->argument_count + (size_t)1, sizeof *in->arguments);
    for (uint32_t i = 0; i < in->entry->argument_count; i++)
        if ((in->arguments[i] = keeper_job_text(&at, last)) == NULL)
            return false;
    return in->left != NULL && in->entry->argument_count > 0;
}

/* ---- what the main process has ---------------------------------------------------------------------------- */

static ssize_t read_whole(int directory, const char *name, char *out, size_t size)
{
    size_t length = 0;
    ssize_t got = 1;
    AQ_CLEANUP_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && got > 0 && length < size - 1) {
        got = read(fd, out + length, size - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    out[length] = '\0';
    return fd < 0 || got < 0 ? -1 : (ssize_t)length;
}

/* The value of a line of /proc/<pid>/status; "": there is none. */
static const char *status_of(const struct entering *in, const char *name)
{
    char start[32];
    snprintf(start, sizeof start, "\n%s:", name);
    const char *line = strstr(in->status, start);
    return line != NULL ? line + strlen(start) : "";
}

/* The environment that it was executed with, with another TERM. */
static bool read_environment(struct entering *in)
{
    in->environment_text = aq_malloc(ENVIRON_MAX);
    ssize_t length = read_whole(in->process, "environ", in->environment_text, ENVIRON_MAX);
    if (length < 0)
        return false;
    size_t count = 0;
    for (ssize_t i = 0; i < length; i++)
        count += in->environment_text[i] == '\0';
    in->environment = aq_calloc(count + 3, sizeof *in->environment);
    count = 0;
    for (char *at = in->environment_text; at < in->environment_text + length; at += strlen(at) + 1)
        if (in->term[0] == '\0' || strncmp(at, "TERM=", 5) != 0)
            in->environment[count++] = at;
    if (in->term[0] != '\0') {
        char *term = aq_malloc(strlen(in->term) + sizeof "TERM=");
        sprintf(term, "TERM=%s", in->term);
        in->environment[count] = term;
    }
    return true;
}

/* Whether the process has become its program. The flag is cleared before the new environment is in place, and none
 * has an empty one: AQUARIUM_RESOURCE is in it. */
static bool has_begun(const struct entering *in)
{
    char text[1024], first[2];
    unsigned flags;
    if (read_whole(in->process, "stat", text, sizeof text) <= 0)
        return false;
    const char *at = strrchr(text, ')');
    return at != NULL && sscanf(at, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & NOT_EXECUTED) == 0 &&
           read_whole(in->process, "environ", first, sizeof first) != 0;
}

/* An OCI runtime tells that a container has started when its process is about to become the program. Until then, that
 * process has the runtime's environment, and it may lack the filter of system calls and have more capabilities: a
 * command would be less shut in than the workload. */
static bool await_begin(const struct entering *in, int signals)
{
    struct pollfd ends[] = {{.fd = in->pidfd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo info;
    for (int waited = 0; !has_begun(in); waited += BEGUN_LOOK_MS) {
        if (waited >= BEGUN_MS)
            end(NOT_RUN, "the program of the workload does not begin");
        if (poll(ends, AQ_LENGTH(ends), BEGUN_LOOK_MS) < 0 || (ends[0].revents & POLLIN) != 0)
            return false;
        if ((ends[1].revents & POLLIN) != 0 && read(signals, &info, sizeof info) == (ssize_t)sizeof info &&
            info.ssi_signo == SIGTERM)
            end(128 + SIGKILL, "it was ended");
    }
    return true;
}

static int open_main(struct entering *in, int signals)
{
    char path[64];
    in->pidfd = process_id_open(&in->entry->main);
    if (in->pidfd < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/%d", in->entry->main.pid);
    in->process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (in->process < 0 || !process_runs(in->pidfd) || !await_begin(in, signals))
        return -1;
    in->root = openat(in->process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    in->cwd = openat(in->process, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return in->root >= 0 && process_runs(in->pidfd) ? 0 : -1;
}

/* ---- becoming the command --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int flag;
} namespaces[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},      {"ipc", CLONE_NEWIPC},
                  {"uts", CLONE_NEWUTS},   {"net", CLONE_NEWNET}, {"cgroup", CLONE_NEWCGROUP}};

/* Those of the main process that are not also those of this one. */
static int namespaces_of(const struct entering *in)
{
    int flags = 0;
    for (size_t i = 0; i < AQ_LENGTH(namespaces); i++) {
        struct stat own, other;
        char name[32], path[48];
        snprintf(name, sizeof name, "ns/%s", namespaces[i].name);
        snprintf(path, sizeof path, "/proc/self/%s", name);
        if (stat(path, &own) == 0 && fstatat(in->process, name, &other, 0) == 0 && own.st_ino != other.st_ino)
            flags |= namespaces[i].flag;
    }
    return flags;
}

/* "123" or "unlimited" */
static rlim_t limit_of(const char *text)
{
    return text[0] == 'u' ? RLIM_INFINITY : (rlim_t)strtoull(text, NULL, 10);
}

/* From the file, which has a line for each, in order: prlimit() takes a capability that even root may lack. */
static void take_limits(const struct entering *in)
{
    enum { NAME_WIDTH = 26 };
    char text[4096], soft[32], hard[32];
    if (read_whole(in->process, "limits", text, sizeof text) < 0)
        return;
    const char *line = strchr(text, '\n');
    for (int resource = 0; resource < RLIM_NLIMITS && line != NULL; resource++, line = strchr(line + 1, '\n')) {
        if (strlen(line) <= NAME_WIDTH || sscanf(line + 1 + NAME_WIDTH, "%31s %31s", soft, hard) != 2)
            return;
        const struct rlimit limit = {limit_of(soft), limit_of(hard)};
        (void)setrlimit((__rlimit_resource_t)resource, &limit);
    }
}

static void take_groups(const struct entering *in)
{
    static gid_t groups[GROUPS_MAX];
    size_t count = 0;
    char *rest;
    const char *at = status_of(in, "Groups");
    for (unsigned long group; count < GROUPS_MAX; at = rest, count++) {
        while (*at == ' ' || *at == '\t')
            at++;
        group = strtoul(at, &rest, 10);
        if (rest == at || *at == '\n')
            break;
        groups[count] = (gid_t)group;
    }
    if (syscall(SYS_setgroups, count, groups) != 0 && errno != EPERM)
        refuse(NOT_RUN, "cannot set the groups", "");
}

static uint64_t capabilities_of(const struct entering *in, const char *name)
{
    return strtoull(status_of(in, name), NULL, 16);
}

static void take_capabilities(const struct entering *in)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    const uint64_t effective = capabilities_of(in, "CapEff"), permitted = capabilities_of(in, "CapPrm"),
                   inheritable = capabilities_of(in, "CapInh");
    for (unsigned i = 0; i < 2; i++)
        data[i] = (struct __user_cap_data_struct){.effective = (uint32_t)(effective >> (32 * i)),
                                                  .permitted = (uint32_t)(permitted >> (32 * i)),
                                                  .inheritable = (uint32_t)(inheritable >> (32 * i))};
    if (syscall(SYS_capset, &header, data) != 0)
        refuse(NOT_RUN, "cannot set the capabilities", "");
}

/* A workload that has a filter of system calls has these. Signals to it stay possible: commands see no other
 * processes, and may want to tell it something. */
static void take_bounds(const struct entering *in)
{
    enum { FILTERED = 2 };
    struct aq_error error;
    if (strtoul(status_of(in, "NoNewPrivs"), NULL, 10) == 1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        refuse(NOT_RUN, "cannot give up privileges", "");
    if (strtoul(status_of(in, "Seccomp"), NULL, 10) != FILTERED)
        return;
    confine_scope(false);
    if (confine_filter_prepare(&error) == 0 && confine_filter_apply(&error) == 0)
        return;
    dprintf(STDERR_FILENO, "aquarium: %s\n", error.message);
    _exit(NOT_RUN);
}

/* The numbers in `status` are those of the namespace that the reader is in. */
static void take_identity(struct entering *in)
{
    unsigned long uids[4], gids[4];
    const ssize_t length = read_whole(in->process, "status", in->status, sizeof in->status);
    /* Nothing of the host is left open when it becomes the workload's user. */
    if (close_range(STDERR_FILENO + 1, ~0u, 0) != 0)
        refuse(NOT_RUN, "cannot close descriptors", "");
    if (length < 0 || sscanf(status_of(in, "Uid"), "%lu %lu %lu %lu", &uids[0], &uids[1], &uids[2], &uids[3]) != 4 ||
        sscanf(status_of(in, "Gid"), "%lu %lu %lu %lu", &gids[0], &gids[1], &gids[2], &gids[3]) != 4) {
        errno = ESRCH;
        refuse(NOT_RUN, "cannot find out the user of the workload", "");
    }
    struct aq_error ignored;
    int bounded = confine_bound(capabilities_of(in, "CapBnd"), &ignored);
    (void)bounded; /* an agent that is not root cannot remove any, and its workloads have the same */
    take_bounds(in);
    take_groups(in);
    if (syscall(SYS_setresgid, gids[0], gids[1], gids[2]) != 0 ||
        syscall(SYS_setresuid, uids[0], uids[1], uids[2]) != 0)
        refuse(NOT_RUN, "cannot become the user of the workload", "");
    take_capabilities(in);
}

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Goes where the main process is, and becomes its user. */
static void move_in(struct entering *in)
{
    umask(022);
    if (fchdir(in->root) != 0 || chroot(".") != 0)
        refuse(NOT_RUN, "cannot enter the root directory of the workload", "");
    if ((in->cwd < 0 || fchdir(in->cwd) != 0) && chdir("/") != 0)
        refuse(NOT_RUN, "cannot enter the directory of the workload", "");
    take_identity(in);
}

static _Noreturn void become(struct entering *in, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which would clear it */
    if (getppid() != parent)
        _exit(NOT_RUN);
    /* A session of its own: signals of its terminal go to no other process. */
    setsid();
    if (in->entry->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
        refuse(NOT_RUN, "cannot take the terminal", "");
    reset_signals();
    environ = in->environment;
    execvp(in->arguments[0], in->arguments);
    refuse(errno == ENOENT ? NOT_FOUND : NOT_RUN, "cannot run", in->arguments[0]);
}

/* Ends this process as the other one has ended. */
static _Noreturn void end_as(int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        reset_signals();
        raise(WTERMSIG(wait_status));
    }
    _exit(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status));
}

/* ---- waiting for it ---------------------------------------------------------------------------------------- */

/* Waits until this process has no children any more. With `kill_them`, it kills all that descend from it. */
static void wait_for_all(bool kill_them)
{
    const struct timespec pause = {.tv_nsec = KILL_AGAIN_MS * 1000000};
    pid_t pid = 0;
    for (int i = 0; pid == 0 && i < KILL_TIMES; i++) {
        if (kill_them)
            tree_signal(getpid(), SIGKILL);
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid == 0)
            nanosleep(&pause, NULL);
    }
}

static int open_signals(void)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    return signalfd(-1, &wanted, SFD_CLOEXEC);
}

/* Waits for the command; *wait_status is how it ended. False: it is to be ended. */
static bool wait_for(pid_t command, int signals, int *wait_status)
{
    struct signalfd_siginfo info;
    for (;;) {
        if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo == SIGTERM)
            return false;
        for (pid_t pid; (pid = waitpid(-1, wait_status, WNOHANG)) > 0;)
            if (pid == command)
                return true;
    }
}

/* In the workload's namespace of processes, as its user: orphans of the command become children of this process,
 * because they stay in that namespace. It ends with its parent, and with it ends all that is left of the command. */
static _Noreturn void stand_in(struct entering *in)
{
    int wait_status = 0;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    move_in(in);
    const int signals = open_signals();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const pid_t self = getpid(), command = fork();
    if (command == 0)
        become(in, self);
    if (command < 0)
        refuse(NOT_RUN, "cannot create a process", "");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        close(fd);
    const bool by_itself = wait_for(command, signals, &wait_status);
    wait_for_all(true);
    if (by_itself)
        end_as(wait_status);
    _exit(128 + SIGKILL);
}

/* In a fork of the helper: joins the workload's groups and namespaces. */
static _Noreturn void enter(struct entering *in, pid_t helper)
{
    static struct cgroup_host host;
    struct cgroup group;
    struct aq_error error;
    close(ENTRY_STATUS);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* For its forks, too, until they execute the command: a workload that is root would find the agent's program in
     * their /proc/<pid>/exe. */
    prctl(PR_SET_DUMPABLE, 0);
    if (getppid() != helper)
        _exit(NOT_RUN);
    cgroup_host_read(&host);
    cgroup_name(&group, &host, in->node, in->entry->resource);
    if (cgroup_exists(&group) && cgroup_join(&group, false, &error) != 0) {
        errno = 0;
        dprintf(STDERR_FILENO, "aquarium: %s\n", error.message);
        _exit(NOT_RUN);
    }
    take_limits(in);
    const int flags = namespaces_of(in);
    if (flags != 0 && setns(in->pidfd, flags) != 0)
        refuse(NOT_RUN, "cannot enter the namespaces of the workload", "");
    if ((flags & CLONE_NEWPID) == 0) {
        move_in(in);
        become(in, helper);
    }
    /* The namespace of processes holds for those that are created from now on. */
    pid_t pid = fork();
    if (pid == 0)
        stand_in(in);
    int wait_status = NOT_RUN << 8;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        close(fd);
    while (pid > 0 && waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    end_as(wait_status);
}

/* ---- the helper ------------------------------------------------------------------------------------------- */

/* What an ended workload has left; no process of it is there to be entered. */
static pid_t start_copy(const struct entering *in)
{
    struct aq_error error;
    const pid_t pid = process_left_copy(in->left, in->arguments, &error);
    if (pid < 0)
        end(NOT_RUN, error.message);
    return pid;
}

static _Noreturn void helper_run(void)
{
    static struct entering in;
    int wait_status = 0;
    prctl(PR_SET_NAME, PROCESS_ENTRY_NAME);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fcntl(ENTRY_JOB, F_SETFD, FD_CLOEXEC);
    fcntl(ENTRY_STATUS, F_SETFD, FD_CLOEXEC);
    const int signals = open_signals();
    if (signals < 0 || !map_job(&in) || getppid() != in.entry->agent)
        _exit(1);
    const bool runs = in.left[0] == '\0';
    if (runs && (open_main(&in, signals) != 0 || !read_environment(&in)))
        end(NOT_RUN, "the workload has ended");
    const pid_t self = getpid(), command = runs ? fork() : start_copy(&in);
    if (command == 0)
        enter(&in, self);
    if (command < 0)
        end(NOT_RUN, "cannot create a process");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        close(fd); /* so that the agent sees their end */
    const bool by_itself = wait_for(command, signals, &wait_status);
    if (!by_itself && runs && (namespaces_of(&in) & CLONE_NEWPID) != 0) {
        kill(command, SIGKILL);
        wait_for_all(false); /* what stands in for it in a namespace ends the others */
    }
    wait_for_all(true);
    if (!by_itself)
        end(128 + SIGKILL, "it was ended");
    char reason[EXIT_TEXT_SIZE];
    const int exit_status = exit_describe(wait_status, reason);
    end(exit_status, reason);
}

__attribute__((constructor)) static void enter_helper(int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], PROCESS_ENTRY_NAME) != 0)
        return;
    aq_program_begin();
    helper_run();
}
