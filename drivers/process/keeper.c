#include "drivers/process/keeper.h"

#include "drivers/process/child.h"
#include "drivers/process/files.h"
#include "drivers/process/keeper_end.h"
#include "drivers/process/log.h"
#include "schema/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_AGAIN_MS = 10, KILL_AGAIN_MOST_MS = 1000, COPY_SIZE = 16384, COPY_ROUNDS = 16 };

/* ---- beginning ---------------------------------------------------------------------------------------- */

static _Noreturn void keeper_give_up(struct keeper *keeper, const char *reason)
{
    keeper_fail(keeper, reason);
    keeper_finish(keeper);
}

static int signals_open(void)
{
    sigset_t all;
    sigset_t wanted;
    sigfillset(&all);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGCHLD, SIG_DFL); /* the nursery ignores it, which would lose the exit status */
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Takes the workload for this keeper, or ends the process. */
static void keeper_claim(struct keeper *keeper)
{
    struct aq_error error;
    keeper->directory = open(keeper->job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keeper->directory < 0 || !process_id_of(getpid(), &keeper->state.keeper))
        _exit(1);
    keeper->state.stop_grace_s = keeper->job->stop_grace_s;
    if (process_state_claim(keeper->directory, &keeper->state, &error) != 0)
        _exit(1);
}

static void keeper_prepare(struct keeper *keeper)
{
    struct aq_error error;
    const struct process_job *job = keeper->job;
    const struct cgroup_limits limits = {
        .cpu_milli = job->cpu_milli, .memory_bytes = job->ram_mib << 20, .pids = job->pids};
    cgroup_name(&keeper->group, keeper->host, job->node, job->resource);
    if (cgroup_make(&keeper->group, &limits, &error) != 0)
        keeper_give_up(keeper, error.message);
    keeper->state.lacking = keeper->group.lacking;
}

static void keeper_start_main(struct keeper *keeper)
{
    struct aq_error error;
    int output[2];
    int errors[2];
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
        aq_fail_errno(&error, errno, "cannot create a pipe");
        keeper_give_up(keeper, error.message);
    }
    const struct process_child child = {.job = keeper->job,
                                        .group = &keeper->group,
                                        .directory = keeper->directory,
                                        .output = output[1],
                                        .errors = errors[1],
                                        .keeper = getpid()};
    keeper->main = process_child_start(&child);
    if (keeper->main < 0) {
        aq_fail_errno(&error, errno, "cannot create a process");
        keeper_give_up(keeper, error.message);
    }
    close(output[1]);
    close(errors[1]);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    keeper->output = output[0];
    keeper->errors = errors[0];
    /* While the main process is starting: creating a file takes as long as creating a process. */
    if (process_log_open(&keeper->log, keeper->directory, keeper->job->log_size, keeper->job->log_files, &error) != 0)
        keeper_fail(keeper, error.message);
    process_job_unmap(keeper->job); /* it may be large, and is not needed any more */
    keeper->job = NULL;
}

/* ---- running ------------------------------------------------------------------------------------------ */

static void keeper_started(struct keeper *keeper)
{
    struct aq_error error;
    if (!process_id_of(keeper->main, &keeper->state.main))
        keeper->state.main = (struct process_id){keeper->main, 0};
    if (process_state_add_main(keeper->directory, &keeper->state, &error) != 0) {
        keeper_fail(keeper, error.message);
        return;
    }
    /* Fails without an agent, which is fine. SIGPIPE is blocked. */
    ssize_t written = write(keeper->status, "s", 1);
    (void)written;
    close(keeper->status);
    keeper->status = -1;
}

/* The pipe of errors is closed without a word if the program runs, and has the reason if it does not. */
static void keeper_read_errors(struct keeper *keeper)
{
    char text[PROCESS_REASON_SIZE];
    ssize_t length = read(keeper->errors, text, sizeof text - 1);
    if (length < 0)
        return;
    close(keeper->errors);
    keeper->errors = -1;
    if (length > 0) {
        text[length] = '\0';
        keeper_fail(keeper, text);
    } else if (!keeper->failed) {
        keeper_started(keeper);
    }
}

static void keeper_reap(struct keeper *keeper)
{
    /* The main process may have started and ended since poll() returned: its start comes first. */
    if (keeper->errors >= 0)
        keeper_read_errors(keeper);
    for (;;) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        if (pid <= 0) {
            keeper->tree_gone = pid < 0 && errno == ECHILD;
            return;
        }
        if (pid == keeper->main) {
            keeper->main_ended = true;
            keeper->wait_status = wait_status;
        }
    }
}

static void keeper_stop(struct keeper *keeper)
{
    if (keeper->stopping || keeper->killing)
        return;
    keeper->stopping = true;
    keeper->kill_at_ms = aq_clock_boot_ms() + keeper->state.stop_grace_s * 1000u;
    if (keeper->errors >= 0)
        keeper_fail(keeper, "stopped before it started");
    else if (keeper->state.stop_grace_s > 0)
        keeper_signal_tree(keeper, SIGTERM);
}

static void keeper_read_signals(struct keeper *keeper)
{
    struct signalfd_siginfo info;
    bool child = false;
    bool stop = false;
    while (read(keeper->signals, &info, sizeof info) == sizeof info) {
        child = child || info.ssi_signo == SIGCHLD;
        stop = stop || info.ssi_signo == SIGTERM;
    }
    if (child)
        keeper_reap(keeper);
    if (stop)
        keeper_stop(keeper);
}

/* Kills what is due to be killed. Returns the timeout for poll(). */
static int keeper_kill_due(struct keeper *keeper)
{
    uint64_t now_ms = aq_clock_boot_ms();
    if (!keeper->killing) {
        bool in_grace = keeper->stopping && now_ms < keeper->kill_at_ms;
        keeper->grace_over = keeper->stopping && !in_grace && !keeper->main_ended;
        keeper->killing = keeper->failed || (keeper->stopping && !in_grace) || (keeper->main_ended && !in_grace);
        if (!keeper->killing)
            return keeper->stopping ? (int)(keeper->kill_at_ms - now_ms) : -1;
        keeper->kill_at_ms = now_ms;
        keeper->kill_again_ms = KILL_AGAIN_MS;
    }
    if (now_ms >= keeper->kill_at_ms) {
        keeper_signal_tree(keeper, SIGKILL);
        keeper->kill_at_ms = now_ms + keeper->kill_again_ms;
        keeper->kill_again_ms *= 2;
        if (keeper->kill_again_ms > KILL_AGAIN_MOST_MS)
            keeper->kill_again_ms = KILL_AGAIN_MOST_MS;
    }
    return (int)(keeper->kill_at_ms - now_ms);
}

/* Copies output from the pipe to the log, for a bounded number of reads. A line that a read has cut waits for the next
 * read, so that the log can continue in a new file between lines. Returns false if there was nothing. */
static bool keeper_copy_output(struct keeper *keeper)
{
    char bytes[COPY_SIZE];
    size_t held = 0;
    ssize_t length = -1;
    for (int round = 0; round < COPY_ROUNDS && keeper->output >= 0; round++) {
        length = read(keeper->output, bytes + held, sizeof bytes - held);
        if (length <= 0)
            break;
        held += (size_t)length;
        const char *newline = held == sizeof bytes ? memrchr(bytes, '\n', held) : NULL;
        size_t whole = newline != NULL ? (size_t)(newline - bytes) + 1 : held;
        process_log_write(&keeper->log, bytes, whole);
        held -= whole;
        memmove(bytes, bytes + whole, held);
        if (held == 0 && newline == NULL)
            break;
    }
    process_log_write(&keeper->log, bytes, held);
    if (length == 0) {
        close(keeper->output);
        keeper->output = -1;
    }
    return length > 0;
}

static void keeper_loop(struct keeper *keeper)
{
    enum { SIGNALS, OUTPUT, ERRORS, COUNT };
    while (!keeper->main_ended || !keeper->tree_gone) {
        int timeout_ms = keeper_kill_due(keeper);
        struct pollfd fds[COUNT] = {[SIGNALS] = {.fd = keeper->signals, .events = POLLIN},
                                    [OUTPUT] = {.fd = keeper->output, .events = POLLIN},
                                    [ERRORS] = {.fd = keeper->errors, .events = POLLIN}};
        if (poll(fds, COUNT, timeout_ms) <= 0)
            continue;
        if (fds[ERRORS].revents != 0)
            keeper_read_errors(keeper);
        if (fds[OUTPUT].revents != 0)
            keeper_copy_output(keeper);
        if (fds[SIGNALS].revents != 0)
            keeper_read_signals(keeper);
    }
    /* No process of the workload can write any more; the bound is for a pipe that was passed to another process. */
    for (int rounds = 0; rounds < 256 && keeper_copy_output(keeper); rounds++)
        ;
}

_Noreturn void process_keeper_run(int job, int status, const struct cgroup_host *host)
{
    static struct keeper keeper;
    keeper = (struct keeper){.host = host, .status = status, .output = -1, .errors = -1, .log.fd = -1};
    setsid();
    prctl(PR_SET_NAME, "aq-keeper");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    keeper.signals = signals_open();
    keeper.job = process_job_map(job);
    close(job);
    if (keeper.job == NULL || keeper.signals < 0)
        _exit(1);
    keeper_claim(&keeper);
    keeper_prepare(&keeper);
    keeper_start_main(&keeper);
    keeper_loop(&keeper);
    keeper_finish(&keeper);
}
