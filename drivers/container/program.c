#include "drivers/container/program.h"

#include "drivers/keeper/tree.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORDS_SIZE = 2048,
    OUTPUT_MAX = 1 << 20,
    WATCH_MS = 250,
    NOT_STARTED = 127,
    KILL_ATTEMPTS = 100,
    KILL_AGAIN_MS = 50
};

#define DIRECTORIES "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const char *program_find(const char *name)
{
    static _Thread_local char path[PATH_MAX];
    if (strchr(name, '/') != NULL) {
        snprintf(path, sizeof path, "%s", name);
        return access(path, X_OK) == 0 ? path : NULL;
    }
    for (const char *at = DIRECTORIES; at != NULL; at = strchr(at, ':')) {
        at += at[0] == ':';
        snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

/* ---- in the new process ------------------------------------------------------------------------------- */

static void environment_set(const struct program_run *run)
{
    static char variables[5][PATH_MAX + 16];
    static char *list[] = {variables[0], variables[1], variables[2], NULL, NULL, NULL};
    snprintf(variables[0], sizeof variables[0], "PATH=%s", DIRECTORIES);
    snprintf(variables[1], sizeof variables[1], "HOME=%s", run->temporary != NULL ? run->temporary : "/");
    snprintf(variables[2], sizeof variables[2], "TMPDIR=%s", run->temporary != NULL ? run->temporary : "/tmp");
    if (run->proxy != NULL && run->proxy[0] != '\0') {
        snprintf(variables[3], sizeof variables[3], "HTTP_PROXY=%s", run->proxy);
        snprintf(variables[4], sizeof variables[4], "HTTPS_PROXY=%s", run->proxy);
        list[3] = variables[3];
        list[4] = variables[4];
    }
    environ = list;
}

static _Noreturn void child_run(const struct program_run *run, pid_t parent, int output, int errors)
{
    sigset_t none;
    const struct rlimit limit = {run->file_bytes, run->file_bytes};
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(NOT_STARTED);
    if (run->file_bytes > 0)
        setrlimit(RLIMIT_FSIZE, &limit);
    environment_set(run);
    bool ready = dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0 &&
                 close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0 &&
                 (run->prepare == NULL || run->prepare(run->context));
    if (ready)
        execvp(run->arguments[0], (char *const *)(uintptr_t)run->arguments);
    dprintf(STDERR_FILENO, "%s", strerror(errno));
    _exit(NOT_STARTED);
}

static pid_t child_create(const struct program_run *run)
{
    if (run->group > 0) {
        struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)run->group};
        pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
        if (pid >= 0)
            return pid;
    }
    return fork();
}

/* ---- in the caller ------------------------------------------------------------------------------------ */

struct listening {
    int fds[2];             /* its standard output and error; -1: closed */
    char words[WORDS_SIZE]; /* the last it wrote to standard error */
    size_t length;
    struct aq_buffer *output;
};

static void listen_to(struct listening *listening, int i)
{
    char bytes[1024];
    ssize_t length = read(listening->fds[i], bytes, sizeof bytes);
    if (length <= 0) {
        if (length < 0 && errno == EINTR)
            return;
        close(listening->fds[i]);
        listening->fds[i] = -1;
        return;
    }
    if (i == 0 && listening->output->length < OUTPUT_MAX)
        aq_buffer_add(listening->output, bytes, (size_t)length);
    if (i != 1)
        return;
    size_t kept = sizeof listening->words - 1 - (size_t)length;
    if (listening->length > kept) {
        memmove(listening->words, listening->words + listening->length - kept, kept);
        listening->length = kept;
    }
    memcpy(listening->words + listening->length, bytes, (size_t)length);
    listening->length += (size_t)length;
}

/* Whether the bounds allow it to go on. */
static int check_bounds(const struct program_run *run, struct aq_error *error)
{
    if (aq_clock_boot_ms() >= run->until_ms)
        return aq_fail(error, AQ_E_LIMIT, "%s took too long, and was ended (%s)", run->arguments[0], run->bound);
    return run->watch != NULL ? run->watch(run->context, error) : 0;
}

/* Until it has ended. Returns -1 if a bound was passed. */
static int child_follow(const struct program_run *run, struct listening *listening, int pidfd, struct aq_error *error)
{
    uint64_t watch_ms = aq_clock_boot_ms() + WATCH_MS;
    for (;;) {
        struct pollfd fds[] = {{.fd = listening->fds[0], .events = POLLIN},
                               {.fd = listening->fds[1], .events = POLLIN},
                               {.fd = pidfd, .events = POLLIN}};
        int ready = poll(fds, AQ_LENGTH(fds), WATCH_MS);
        for (int i = 0; i < 2 && ready > 0; i++)
            if (fds[i].revents != 0)
                listen_to(listening, i);
        if (ready > 0 && fds[2].revents != 0 && fds[0].revents == 0 && fds[1].revents == 0)
            return 0; /* what a process that it left behind may write does not count */
        if (aq_clock_boot_ms() >= watch_ms) {
            if (check_bounds(run, error) != 0)
                return -1;
            watch_ms = aq_clock_boot_ms() + WATCH_MS;
        }
    }
}

/* skopeo writes: time="..." level=fatal msg="the \"message\"". */
static const char *message_of(char *line)
{
    static const char head[] = " msg=\"";
    char *from = strstr(line, head);
    if (from == NULL || strncmp(line, "time=", 5) != 0)
        return line;
    char *to = from += strlen(head);
    const char *message = from;
    for (; *from != '\0' && *from != '"'; from++) {
        if (from[0] == '\\' && from[1] != '\0')
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return message;
}

/* qemu-img begins what is wrong with its own name, and may go on in another line. Returns whether it did, with these
 * lines made one. */
static bool join_lines(char *words, const char *name, char *last)
{
    char *before = last;
    while (before > words && before[-1] != '\n')
        before--;
    const size_t length = strlen(name);
    if (strncmp(before, name, length) != 0 || strncmp(before + length, ": ", 2) != 0)
        return false;
    *last = ' ';
    memmove(words, before + length + 2, strlen(before + length + 2) + 1);
    return true;
}

/* The last line that is not empty. */
static const char *last_words(const struct program_run *run, struct listening *listening)
{
    char *words = listening->words;
    while (listening->length > 0 && (words[listening->length - 1] == '\n' || words[listening->length - 1] == ' '))
        listening->length--;
    words[listening->length] = '\0';
    char *line = strrchr(words, '\n');
    if (line != NULL && join_lines(words, run->arguments[0], line))
        return words;
    return message_of(line != NULL ? line + 1 : words);
}

static int fail_status(const struct program_run *run, int wait_status, struct listening *listening,
                       struct aq_error *error)
{
    const char *words = last_words(run, listening);
    if (words[0] != '\0')
        return aq_fail(error, AQ_E_IO, "%s: %s", run->arguments[0], words);
    if (WIFSIGNALED(wait_status))
        return aq_fail(error, AQ_E_IO, "%s was killed by signal %d", run->arguments[0], WTERMSIG(wait_status));
    return aq_fail(error, AQ_E_IO, "%s ended with status %d", run->arguments[0], WEXITSTATUS(wait_status));
}

/* With what it has started, as far as that has not left it; what has is the keeper's to end. Other threads may have
 * programs of their own running. */
static void child_end(pid_t pid, int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    for (int i = 0; i < KILL_ATTEMPTS; i++) {
        tree_signal(pid, SIGKILL);
        pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        if (poll(&end, 1, KILL_AGAIN_MS) > 0)
            return;
    }
}

int program_run(const struct program_run *run, struct aq_error *error)
{
    struct listening listening = {.fds = {-1, -1}, .output = run->output};
    int output[2] = {-1, -1}, errors[2] = {-1, -1}, wait_status = 0;
    aq_assert(run->until_ms != 0);
    AQ_CLEANUP_FD int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (run->output != NULL && pipe2(output, O_CLOEXEC) != 0)
        return aq_fail_errno(error, errno, "cannot create a pipe");
    if (run->inherit == 0 && pipe2(errors, O_CLOEXEC) != 0) {
        aq_fail_errno(error, errno, "cannot create a pipe");
        for (int i = 0; i < 2 && output[i] >= 0; i++)
            close(output[i]);
        return -1;
    }
    pid_t parent = getpid(), pid = child_create(run);
    if (pid == 0) {
        int to = run->output != NULL ? output[1] : nothing;
        child_run(run, parent, run->inherit > 0 ? run->inherit : to, run->inherit > 0 ? run->inherit : errors[1]);
    }
    AQ_CLEANUP_FD int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    int number = errno;
    if (output[1] >= 0)
        close(output[1]);
    if (errors[1] >= 0)
        close(errors[1]);
    listening.fds[0] = output[0];
    listening.fds[1] = errors[0];
    int failed = pidfd < 0 ? aq_fail_errno(error, number, "cannot create a process")
                           : child_follow(run, &listening, pidfd, error);
    if (failed != 0 && pidfd >= 0)
        child_end(pid, pidfd);
    while (pid > 0 && waitpid(pid, &wait_status, failed != 0 ? WNOHANG : 0) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < 2; i++)
        if (listening.fds[i] >= 0)
            close(listening.fds[i]);
    if (failed == 0 && wait_status != 0)
        return fail_status(run, wait_status, &listening, error);
    return failed;
}
