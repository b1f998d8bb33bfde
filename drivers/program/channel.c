#include "drivers/program/channel.h"

#include "schema/base/files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHUNK = 16384,   /* bytes read at once: so long the agent's other work waits at most */
    AGAIN_MS = 50,   /* between two looks at an output that was too fast */
    TOLD_MAX = 20,   /* lines a second for the journal */
    TOLD_SIZE = 512, /* bytes of one */
    DROPPED_EVERY_MS = 10000,
    NOT_STARTED = 127,
};

/* ---- opening and closing --------------------------------------------------------------------------------- */

static void stream_close(struct channel_stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    aq_buffer_free(&stream->in);
    *stream = (struct channel_stream){.fd = -1};
}

static void drop_program(struct channel *channel)
{
    stream_close(&channel->reports);
    stream_close(&channel->errors);
    if (channel->input >= 0)
        close(channel->input);
    if (channel->pidfd >= 0)
        close(channel->pidfd);
    channel->input = channel->pidfd = -1;
    channel->pid = 0;
    channel->writable_wanted = false;
    channel->written = 0;
    aq_buffer_free(&channel->out);
}

int program_channel_open(struct channel *channel, const char *name, struct aq_error *error)
{
    *channel = (struct channel){.name = name, .epoll = -1, .input = -1, .pidfd = -1};
    channel->reports.fd = channel->errors.fd = -1;
    channel->epoll = epoll_create1(EPOLL_CLOEXEC);
    return channel->epoll >= 0 ? 0 : aq_fail_errno(error, errno, "cannot create an epoll set");
}

void program_channel_close(struct channel *channel)
{
    program_channel_kill(channel);
    if (channel->epoll >= 0)
        close(channel->epoll);
    channel->epoll = -1;
}

void program_channel_kill(struct channel *channel)
{
    if (channel->pid > 0) {
        kill(-channel->pid, SIGKILL);
        kill(channel->pid, SIGKILL); /* it may not have a group of its own yet */
        waitid(P_PIDFD, (id_t)channel->pidfd, &(siginfo_t){0}, WEXITED | WNOHANG); /* else the agent reaps it */
    }
    drop_program(channel);
}

/* ---- starting -------------------------------------------------------------------------------------------- */

struct pipes {
    int theirs[3], ours[3];
};

static void pipes_close(const int *fds)
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int pipes_make(struct pipes *pipes, struct aq_error *error)
{
    for (int i = 0; i < 3; i++)
        pipes->theirs[i] = pipes->ours[i] = -1;
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return aq_fail_errno(error, errno, "cannot create a pipe");
        pipes->theirs[i] = ends[i == 0 ? 0 : 1];
        pipes->ours[i] = ends[i == 0 ? 1 : 0];
        if (fcntl(pipes->ours[i], F_SETFL, O_NONBLOCK) != 0)
            return aq_fail_errno(error, errno, "cannot prepare a pipe");
    }
    return 0;
}

/* An agent may be protected from the OOM killer; a program is not, nor what it starts. */
static void set_oom_score(void)
{
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    const ssize_t written = fd >= 0 ? write(fd, "0", 1) : 0;
    (void)written;
    if (fd >= 0)
        close(fd);
}

/* In the new process. */
static _Noreturn void become(const char *path, char *const *environment, const struct pipes *pipes, pid_t parent)
{
    char *const arguments[] = {(char *)(uintptr_t)path, NULL};
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(NOT_STARTED);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    set_oom_score();
    for (int i = 0; i < 3; i++)
        if (dup2(pipes->theirs[i], i) < 0)
            _exit(NOT_STARTED);
    if (chdir("/") == 0 && close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        execve(path, arguments, environment);
    dprintf(STDERR_FILENO, "cannot be executed: %s\n", strerror(errno));
    _exit(NOT_STARTED);
}

/* All three descriptors must be above standard error, so that none is overwritten before it is copied. */
static void lift(int *fd)
{
    if (*fd > STDERR_FILENO)
        return;
    int higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    aq_assert(higher >= 0);
    close(*fd);
    *fd = higher;
}

static void watch(struct channel *channel, int fd, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    int failed = epoll_ctl(channel->epoll, operation, fd, &event);
    aq_assert(failed == 0 || errno == EEXIST || errno == ENOENT);
}

static void stream_open(struct channel *channel, struct channel_stream *stream, int fd, uint64_t now_ms)
{
    *stream = (struct channel_stream){.fd = fd, .watched = true, .tokens = CHANNEL_BURST, .filled_ms = now_ms};
    watch(channel, fd, EPOLLIN, EPOLL_CTL_ADD);
}

int program_channel_start(struct channel *channel, const char *path, char *const *environment, uint64_t now_ms,
                          struct aq_error *error)
{
    struct pipes pipes;
    aq_assert(channel->pid == 0);
    int failed = pipes_make(&pipes, error);
    for (int i = 0; i < 3 && failed == 0; i++)
        lift(&pipes.theirs[i]);
    pid_t parent = getpid(), pid = failed == 0 ? fork() : -1;
    if (pid == 0)
        become(path, environment, &pipes, parent);
    const int number = errno;
    pipes_close(pipes.theirs);
    channel->pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (channel->pidfd < 0) {
        pipes_close(pipes.ours);
        if (pid > 0)
            kill(pid, SIGKILL);
        return failed != 0 ? -1 : aq_fail_errno(error, number, "cannot create a process");
    }
    channel->pid = pid;
    channel->how[0] = channel->last[0] = '\0';
    channel->input = pipes.ours[0];
    stream_open(channel, &channel->reports, pipes.ours[1], now_ms);
    stream_open(channel, &channel->errors, pipes.ours[2], now_ms);
    watch(channel, channel->pidfd, EPOLLIN, EPOLL_CTL_ADD);
    return 0;
}

/* ---- calls ----------------------------------------------------------------------------------------------- */

void program_channel_flush(struct channel *channel)
{
    while (channel->input >= 0 && channel->written < channel->out.length) {
        ssize_t length =
            write(channel->input, channel->out.data + channel->written, channel->out.length - channel->written);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno != EAGAIN) { /* it reads no more: so it ends, or will not answer */
            close(channel->input);
            channel->input = -1;
            channel->writable_wanted = false;
        }
        if (length <= 0)
            break;
        channel->written += (size_t)length;
    }
    if (channel->input < 0)
        channel->written = channel->out.length;
    const size_t left = channel->out.length - channel->written;
    if (left == 0) {
        aq_buffer_reset(&channel->out);
        channel->written = 0;
    }
    const bool wanted = left > 0 && channel->input >= 0;
    if (wanted != channel->writable_wanted)
        watch(channel, channel->input, EPOLLOUT, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL);
    channel->writable_wanted = wanted;
}

bool program_channel_is_full(const struct channel *channel)
{
    return channel->out.length - channel->written > CHANNEL_UNREAD_MAX;
}

/* ---- what it writes -------------------------------------------------------------------------------------- */

static void stream_refill(struct channel *channel, struct channel_stream *stream, uint64_t now_ms)
{
    const uint64_t more = (now_ms - stream->filled_ms) * CHANNEL_RATE / 1000;
    if (now_ms <= stream->filled_ms || more == 0)
        return;
    stream->tokens = stream->tokens + more < CHANNEL_BURST ? stream->tokens + more : CHANNEL_BURST;
    stream->filled_ms = now_ms;
    if (stream->fd >= 0 && !stream->watched && stream->tokens >= CHUNK) {
        watch(channel, stream->fd, EPOLLIN, EPOLL_CTL_ADD);
        stream->watched = true;
    }
}

/* Returns false when nothing more comes for now. */
static bool stream_read(struct channel *channel, struct channel_stream *stream)
{
    if (stream->fd < 0)
        return false;
    if (stream->tokens < CHUNK) {
        if (stream->watched)
            watch(channel, stream->fd, EPOLLIN, EPOLL_CTL_DEL);
        stream->watched = false;
        return false;
    }
    if (stream->taken > 0) {
        memmove(stream->in.data, stream->in.data + stream->taken, stream->in.length - stream->taken);
        stream->in.length -= stream->taken;
        stream->taken = 0;
    }
    aq_buffer_room(&stream->in, CHUNK);
    ssize_t length = read(stream->fd, stream->in.data + stream->in.length, CHUNK);
    if (length > 0) {
        stream->tokens -= (uint64_t)length;
        aq_buffer_put(&stream->in, stream->in.data + stream->in.length + length);
        return true;
    }
    if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(stream->fd); /* leaves the epoll set */
        stream->fd = -1;
    }
    return false;
}

static const char *stream_line(struct channel_stream *stream, size_t *length)
{
    if (stream->taken == stream->in.length)
        return NULL;
    char *from = stream->in.data + stream->taken;
    char *end = memchr(from, '\n', stream->in.length - stream->taken);
    if (end == NULL)
        return NULL;
    *length = (size_t)(end - from);
    *end = '\0';
    stream->taken += *length + 1;
    return from;
}

static void tell(struct channel *channel, const char *line, uint64_t now_ms)
{
    char shown[TOLD_SIZE], count[24];
    snprintf(channel->last, sizeof channel->last, "%s", line);
    if (channel->told_s != now_ms / 1000) {
        channel->told_s = now_ms / 1000;
        channel->told = 0;
    }
    if (channel->told++ < TOLD_MAX) {
        snprintf(shown, sizeof shown, "%s", line);
        aq_journal(AQ_INFO, "driver program says", "driver", channel->name, "line", shown, NULL);
        return;
    }
    const uint64_t dropped = aq_journal_due(&channel->dropped, now_ms, DROPPED_EVERY_MS);
    snprintf(count, sizeof count, "%llu", (unsigned long long)dropped);
    if (dropped > 0)
        aq_journal(AQ_WARN, "driver program says too much: lines are left out", "driver", channel->name, "lines", count,
                   NULL);
}

static void tell_errors(struct channel *channel, uint64_t now_ms)
{
    struct channel_stream *errors = &channel->errors;
    const char *line;
    size_t length;
    while ((line = stream_line(errors, &length)) != NULL)
        tell(channel, line, now_ms);
    if (errors->in.length - errors->taken > CHUNK) { /* a line without an end */
        tell(channel, errors->in.data + errors->taken, now_ms);
        errors->taken = errors->in.length;
    }
}

static bool has_ended(struct channel *channel)
{
    siginfo_t info = {0};
    if (channel->how[0] != '\0')
        return true;
    if (waitid(P_PIDFD, (id_t)channel->pidfd, &info, WEXITED | WNOHANG) != 0)
        snprintf(channel->how, sizeof channel->how, "it has ended"); /* somebody else has reaped it */
    else if (info.si_pid != 0 && info.si_code == CLD_EXITED)
        snprintf(channel->how, sizeof channel->how, "it ended with status %d", info.si_status);
    else if (info.si_pid != 0)
        snprintf(channel->how, sizeof channel->how, "it was killed by signal %d", info.si_status);
    return channel->how[0] != '\0';
}

bool program_channel_waits_for(const struct channel *channel, pid_t child)
{
    return channel->pid == child && channel->how[0] == '\0';
}

bool program_channel_work(struct channel *channel, uint64_t now_ms)
{
    struct channel_stream *streams[] = {&channel->reports, &channel->errors};
    bool more = false;
    if (channel->pid == 0)
        return true;
    program_channel_flush(channel);
    for (size_t i = 0; i < AQ_LENGTH(streams); i++) {
        stream_refill(channel, streams[i], now_ms);
        more = stream_read(channel, streams[i]) || more;
    }
    tell_errors(channel, now_ms);
    const bool ended = has_ended(channel);
    if (more || !ended)
        return true;
    /* What it wrote before its end, but after the reads above. */
    more = stream_read(channel, &channel->reports);
    more = stream_read(channel, &channel->errors) || more;
    tell_errors(channel, now_ms);
    if (!more && channel->errors.in.length > channel->errors.taken)
        tell(channel, channel->errors.in.data + channel->errors.taken, now_ms);
    return more;
}

const char *program_channel_line(struct channel *channel, size_t *length, bool *whole)
{
    struct channel_stream *reports = &channel->reports;
    const char *line = stream_line(reports, length);
    *whole = line != NULL;
    if (line == NULL && reports->in.length - reports->taken > CHANNEL_LINE_MAX) {
        *length = reports->in.length - reports->taken;
        return reports->in.data + reports->taken;
    }
    return line;
}

static bool waits_for_tokens(const struct channel_stream *stream)
{
    return stream->fd >= 0 && !stream->watched;
}

uint64_t program_channel_deadline_ms(const struct channel *channel)
{
    const struct channel_stream *streams[] = {&channel->reports, &channel->errors};
    uint64_t deadline_ms = UINT64_MAX;
    for (size_t i = 0; i < AQ_LENGTH(streams); i++)
        if (channel->pid > 0 && waits_for_tokens(streams[i]) && streams[i]->filled_ms + AGAIN_MS < deadline_ms)
            deadline_ms = streams[i]->filled_ms + AGAIN_MS;
    return deadline_ms;
}
