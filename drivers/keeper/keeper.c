#include "drivers/keeper/keeper.h"

#include "drivers/confine/init.h"
#include "drivers/keeper/files.h"
#include "drivers/keeper/keeper_end.h"
#include "drivers/keeper/log.h"
#include "drivers/keeper/pass.h"
#include "drivers/lease.h"
#include "schema/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KILL_AGAIN_MS = 10,
    KILL_AGAIN_MOST_MS = 1000,
    COPY_SIZE = 16384,
    COPY_ROUNDS = 16,
    STACK_MAX = 1 << 18 /* what the beginning may have used of it */
};

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
    if (keeper_state_claim(keeper->directory, &keeper->state, &error) != 0)
        _exit(1);
}

/* ---- the lease ---------------------------------------------------------------------------------------- */

/* Looks whether it is over; if not, the timer says when to look again. The agent may have been in touch since. */
static void keeper_look_at_lease(struct keeper *keeper)
{
    uint64_t touched_ms, passed;
    if (keeper->lease_ms == 0 || keeper->lease_over)
        return;
    ssize_t length = keeper->lease_timer >= 0 ? read(keeper->lease_timer, &passed, sizeof passed) : 0;
    (void)length;
    if (lease_read(keeper->lease_path, &touched_ms) && touched_ms > keeper->touched_ms)
        keeper->touched_ms = touched_ms;
    const uint64_t over_ms = keeper->touched_ms + keeper->lease_ms;
    const struct itimerspec timer = {
        .it_value = {.tv_sec = (time_t)(over_ms / 1000), .tv_nsec = (long)(over_ms % 1000) * 1000000}};
    if (aq_clock_boot_ms() < over_ms && timerfd_settime(keeper->lease_timer, TFD_TIMER_ABSTIME, &timer, NULL) == 0)
        return;
    keeper->lease_over = true;
    keeper->stopping = true;
    keeper->kill_at_ms = aq_clock_boot_ms(); /* without a grace time: it may be started elsewhere soon */
}

static void keeper_take_lease(struct keeper *keeper)
{
    const struct keeper_job *job = keeper->job;
    if (job->lease_s == 0)
        return;
    keeper->lease_ms = job->lease_s * 1000;
    keeper->lease_path = strdup(job->lease);
    keeper->lease_timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (keeper->lease_path == NULL || keeper->lease_timer < 0)
        keeper_give_up(keeper, "its lease cannot be watched");
    keeper_look_at_lease(keeper);
    if (keeper->lease_over)
        keeper_give_up(keeper, LEASE_OVER);
}

static void keeper_prepare(struct keeper *keeper)
{
    struct aq_error error;
    const struct keeper_job *job = keeper->job;
    struct cgroup_limits limits = {.cpu_milli = job->cpu_milli,
                                   .memory_bytes = job->ram_mib << 20,
                                   .pids = job->pids,
                                   .read_bytes = job->io_read,
                                   .written_bytes = job->io_write,
                                   .directory = keeper->directory};
    cgroup_limits_preset(keeper->host, &limits);
    cgroup_name(&keeper->group, keeper->host, job->node, job->resource);
    if (cgroup_make(&keeper->group, &limits, &error) != 0)
        keeper_give_up(keeper, error.message);
    keeper->state.lacking = keeper->group.lacking;
    if (keeper->kind->claim != NULL && keeper->kind->claim(keeper->job, &error) != 0)
        keeper_give_up(keeper, error.message);
}

/* A job may be large. */
static void keeper_forget_job(struct keeper *keeper)
{
    keeper_job_unmap(keeper->job);
    keeper->job = NULL;
}

static void keeper_start(struct keeper *keeper)
{
    struct aq_error error;
    int output[2];
    int errors[2];
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
        aq_fail_errno(&error, errno, "cannot create a pipe");
        keeper_give_up(keeper, error.message);
    }
    const struct keeper_start start = {.job = keeper->job,
                                       .group = &keeper->group,
                                       .directory = keeper->directory,
                                       .output = output[1],
                                       .errors = errors[1],
                                       .keeper = getpid(),
                                       .init = &keeper->init};
    pid_t pid = keeper->kind->start(&start, &error);
    if (pid < 0)
        keeper_give_up(keeper, error.message);
    *(keeper->kind->find != NULL ? &keeper->starting : &keeper->main) = pid;
    close(output[1]);
    close(errors[1]);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    keeper->output = output[0];
    keeper->log_rate = keeper->job->log_rate;
    memcpy(keeper->watch.tree, keeper->job->tree, sizeof keeper->watch.tree);
    keeper->watch.most = (struct usage){.bytes = keeper->job->tree_bytes, .files = keeper->job->tree_files};
    keeper->errors = errors[0];
    /* While the workload is starting: creating a file takes as long as creating a process. */
    if (keeper_log_open(&keeper->log, keeper->directory, keeper->job->log_size, keeper->job->log_files, &error) != 0)
        keeper_fail(keeper, error.message);
    if (keeper->kind->find == NULL)
        keeper_forget_job(keeper);
}

/* ---- running ------------------------------------------------------------------------------------------ */

static void keeper_started(struct keeper *keeper)
{
    struct aq_error error;
    if (!process_id_of(keeper->main, &keeper->state.main))
        keeper->state.main = (struct process_id){keeper->main, 0};
    if (keeper_state_add_main(keeper->directory, &keeper->state, &error) != 0) {
        keeper_fail(keeper, error.message);
        return;
    }
    keeper_watch_begin(&keeper->watch, keeper->directory, aq_clock_boot_ms());
    /* Fails without an agent, which is fine. SIGPIPE is blocked. */
    ssize_t written = write(keeper->status, "s", 1);
    (void)written;
    close(keeper->status);
    keeper->status = -1;
}

/* The pipe of errors is closed without a word if the program runs, or will as soon as the starting process has ended.
 * It has the reason if it does not run. */
static void keeper_read_errors(struct keeper *keeper)
{
    char text[KEEPER_REASON_SIZE];
    ssize_t length = read(keeper->errors, text, sizeof text - 1);
    if (length < 0)
        return;
    close(keeper->errors);
    keeper->errors = -1;
    if (length > 0) {
        text[length] = '\0';
        keeper_fail(keeper, text);
    } else if (!keeper->failed && keeper->starting == 0) {
        keeper_started(keeper);
    }
}

/* Until the main process is known, other children are left to wait: one of them may be it. Returns whether it still
 * starts. */
static bool keeper_reap_starting(struct keeper *keeper)
{
    struct aq_error error;
    struct keeper_found found = {.stop_signal = SIGTERM};
    int wait_status;
    if (keeper->starting == 0)
        return false;
    pid_t pid = waitpid(keeper->starting, &wait_status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno != ECHILD))
        return true;
    keeper->starting = 0;
    if (keeper->failed) {
        keeper->main_ended = true; /* there is none to wait for */
    } else if (pid < 0 || wait_status != 0) {
        keeper_fail(keeper, "the process that starts it was killed");
        keeper->main_ended = true;
    } else if (keeper->kind->find(keeper->job, keeper->directory, &found, &error) != 0) {
        keeper_fail(keeper, error.message);
        keeper->main_ended = true;
    } else {
        keeper->main = found.pid;
        keeper->stop_signal = found.stop_signal;
        keeper_started(keeper);
    }
    return false;
}

static void keeper_reap(struct keeper *keeper)
{
    /* The main process may have started and ended since poll() returned: its start comes first. */
    if (keeper->errors >= 0)
        keeper_read_errors(keeper);
    if (keeper_reap_starting(keeper))
        return;
    for (;;) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        if (pid <= 0) {
            keeper->tree_gone = pid < 0 && errno == ECHILD;
            break;
        }
        if (pid == keeper->init)
            keeper->init = 0;
        if (pid == keeper->watch.counter)
            keeper_watch_take(&keeper->watch, wait_status == 0);
        if (pid == keeper->main) {
            keeper->main_ended = true;
            keeper->wait_status = wait_status;
        }
    }
    /* What still tidies up in the grace time is waited for. */
    if (keeper->main_ended && keeper->stopping && keeper->init > 0)
        kill(keeper->init, CONFINE_INIT_LEAVE);
}

static void keeper_stop(struct keeper *keeper)
{
    if (keeper->stopping || keeper->killing)
        return;
    keeper->stopping = true;
    keeper->kill_at_ms = aq_clock_boot_ms() + keeper->state.stop_grace_s * 1000u;
    if (keeper->errors >= 0 || keeper->starting != 0)
        keeper_fail(keeper, "stopped before it started");
    else if (keeper->state.stop_grace_s > 0)
        keeper_signal_tree(keeper, keeper->stop_signal);
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
        keeper->killing = keeper->failed || keeper->watch.reason[0] != '\0' || (keeper->stopping && !in_grace) ||
                          (keeper->main_ended && !in_grace);
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

/* Output is copied at a limited rate, so that it costs the host little; the workload waits at its full pipe. What may
 * be copied in a second may come at once. Returns after how many milliseconds to go on; 0: now. */
static int keeper_output_wait_ms(struct keeper *keeper)
{
    const int64_t rate = (int64_t)keeper->log_rate;
    const int64_t enough = rate / 20 < COPY_SIZE ? rate / 20 : COPY_SIZE;
    const uint64_t now_ms = aq_clock_boot_ms();
    if (rate == 0 || keeper->output < 0)
        return 0;
    const uint64_t passed_ms = now_ms - keeper->room_at_ms < 1000 ? now_ms - keeper->room_at_ms : 1000;
    keeper->room += (int64_t)passed_ms * rate / 1000;
    keeper->room_at_ms = now_ms;
    if (keeper->room > rate)
        keeper->room = rate;
    return keeper->room >= enough ? 0 : (int)((enough - keeper->room) * 1000 / rate) + 1;
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
        keeper->room -= length;
        const char *newline = held == sizeof bytes ? memrchr(bytes, '\n', held) : NULL;
        size_t whole = newline != NULL ? (size_t)(newline - bytes) + 1 : held;
        keeper_log_write(&keeper->log, bytes, whole);
        held -= whole;
        memmove(bytes, bytes + whole, held);
        if (held == 0 && newline == NULL)
            break;
    }
    keeper_log_write(&keeper->log, bytes, held);
    if (length == 0) {
        close(keeper->output);
        keeper->output = -1;
    }
    return length > 0;
}

static int shorter_ms(int a_ms, int b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* Its files are looked at while it runs, and not ended yet. */
static int keeper_watch_ms(struct keeper *keeper)
{
    if (keeper->main == 0 || keeper->errors >= 0 || keeper->main_ended || keeper->killing)
        return -1;
    return keeper_watch_turn(&keeper->watch, keeper->directory, aq_clock_boot_ms());
}

/* Gives back what only the beginning needed: a keeper lives long, and a host has many. */
static void keeper_rest(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), here = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t end = here / page * page - page, begin = end - STACK_MAX; /* the stack grows down */
    malloc_trim(0);
    int failed = madvise((void *)begin, end - begin, MADV_DONTNEED);
    (void)failed; /* it says that not all of it is mapped */
}

static void keeper_loop(struct keeper *keeper)
{
    enum { SIGNALS, OUTPUT, ERRORS, LEASE, COUNT };
    bool rests = false;
    while (!keeper->main_ended || !keeper->tree_gone) {
        if (!rests && keeper->state.main.pid != 0) {
            keeper_rest();
            rests = true;
        }
        const int watch_ms = keeper_watch_ms(keeper), wait_ms = keeper_output_wait_ms(keeper);
        int timeout_ms = shorter_ms(keeper_kill_due(keeper), watch_ms);
        if (wait_ms > 0)
            timeout_ms = shorter_ms(timeout_ms, wait_ms);
        struct pollfd fds[COUNT] = {[SIGNALS] = {.fd = keeper->signals, .events = POLLIN},
                                    [OUTPUT] = {.fd = wait_ms > 0 ? -1 : keeper->output, .events = POLLIN},
                                    [ERRORS] = {.fd = keeper->errors, .events = POLLIN},
                                    [LEASE] = {.fd = keeper->lease_over ? -1 : keeper->lease_timer, .events = POLLIN}};
        if (poll(fds, COUNT, timeout_ms) <= 0)
            continue;
        if (fds[ERRORS].revents != 0)
            keeper_read_errors(keeper);
        if (fds[OUTPUT].revents != 0)
            keeper_copy_output(keeper);
        if (fds[LEASE].revents != 0)
            keeper_look_at_lease(keeper);
        if (fds[SIGNALS].revents != 0)
            keeper_read_signals(keeper);
    }
    /* No process of the workload can write any more; the bound is for a pipe that was passed to another process. */
    for (int rounds = 0; rounds < 256 && keeper_copy_output(keeper); rounds++)
        ;
}

static int compare_kinds(const void *a, const void *b)
{
    return strcmp((*(const struct keeper_kind *const *)a)->name, (*(const struct keeper_kind *const *)b)->name);
}

AQ_REGISTRY(kinds, aq_keeper_kinds, keeper_kind, compare_kinds)

const struct keeper_kind *keeper_kind_of(const struct keeper_job *job)
{
    const struct keeper_kind *kind;
    for (size_t i = 0; (kind = aq_registry_at(&kinds, i)) != NULL; i++)
        if (strncmp(kind->name, job->kind, sizeof job->kind) == 0)
            return kind;
    return NULL;
}

static void keeper_take_job(struct keeper *keeper, int fd)
{
    struct keeper_job job;
    if (pread(fd, &job, sizeof job, 0) == sizeof job && (keeper->kind = keeper_kind_of(&job)) != NULL)
        keeper->job = keeper->kind->map(fd);
}

void keeper_prepare_kinds(void)
{
    const struct keeper_kind *kind;
    for (size_t i = 0; (kind = aq_registry_at(&kinds, i)) != NULL; i++)
        if (kind->prepare != NULL)
            kind->prepare();
}

static void keeper_begin(struct keeper *keeper, const struct cgroup_host *host)
{
    *keeper = (struct keeper){
        .host = host, .output = -1, .errors = -1, .log.fd = -1, .lease_timer = -1, .stop_signal = SIGTERM};
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    keeper->signals = signals_open();
    if (keeper->signals < 0)
        _exit(1);
}

static _Noreturn void keeper_work(struct keeper *keeper, int job, int status)
{
    prctl(PR_SET_NAME, "aq-keeper");
    keeper->status = status;
    keeper_take_job(keeper, job);
    close(job);
    if (keeper->job == NULL)
        _exit(1);
    keeper_claim(keeper);
    keeper_prepare(keeper);
    keeper_take_lease(keeper);
    keeper_start(keeper);
    keeper_loop(keeper);
    keeper_finish(keeper);
}

static struct keeper this_keeper;

_Noreturn void keeper_run(int job, int status, const struct cgroup_host *host)
{
    keeper_begin(&this_keeper, host);
    keeper_work(&this_keeper, job, status);
}

_Noreturn void keeper_run_spare(int socket, const struct keeper_kind *kind, const struct cgroup_host *host)
{
    struct aq_error ignored; /* a keeper that is not ready before its job tells the reason */
    int job, status;
    keeper_begin(&this_keeper, host);
    if (kind->ready(&this_keeper.init, &ignored) != 0 || write(socket, "r", 1) != 1)
        _exit(1);
    prctl(PR_SET_NAME, "aq-spare");
    struct pollfd fds[] = {{.fd = socket, .events = POLLIN}, {.fd = this_keeper.signals, .events = POLLIN}};
    while (poll(fds, AQ_LENGTH(fds), -1) < 0)
        ;
    if (fds[0].revents == 0 || !pass_take(socket, &job, &status)) /* or process 1 has ended */
        _exit(1);
    close(socket);
    keeper_work(&this_keeper, job, status);
}
