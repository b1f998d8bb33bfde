/* aq-lease keeps the lease of a workload, also when agent and driver are dead: when the lease file (drivers/lease.h)
 * says that the agent was out of touch for longer than SECONDS, it writes "over" into FILE, and runs COMMAND, which
 * ends the workload.
 *
 *     aq-lease LEASE_FILE SECONDS FILE [COMMAND [ARGUMENTS...]]
 *
 * FILE is the driver's. It says "kept" and is locked (flock) as long as the lease is kept; once it is removed, there is
 * nothing to be kept any more. The program returns when the lease is kept, by a process in a session of its own: with
 * status 0, also if another process keeps it already; with 3 if the lease is over; with another status if it cannot be
 * kept. */
#include "drivers/lease.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { STATUS_CANNOT = 1, STATUS_USAGE = 2, STATUS_OVER = 3, SECONDS_MOST = 100 * 365 * 24 * 3600u };

struct lease {
    const char *path;
    uint64_t lease_ms;
    uint64_t touched_ms;
    int file;    /* FILE, locked */
    int timer;   /* on the clock since the boot of the host: it goes off in time when the host has slept */
    int inotify; /* of FILE */
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "aq-lease: %s: %s\n", what, strerror(errno));
    exit(STATUS_CANNOT);
}

/* Returns whether the lease is over; otherwise the timer goes off when it may be. The time never goes back: what was
 * read counts, should the file be lost. */
static bool look(struct lease *lease)
{
    uint64_t touched_ms, ignored;
    ssize_t cleared = read(lease->timer, &ignored, sizeof ignored);
    (void)cleared;
    if (lease_read(lease->path, &touched_ms) && touched_ms > lease->touched_ms)
        lease->touched_ms = touched_ms;
    const uint64_t over_ms = lease->touched_ms + lease->lease_ms;
    const struct itimerspec timer = {
        .it_value = {.tv_sec = (time_t)(over_ms / 1000), .tv_nsec = (long)(over_ms % 1000) * 1000000}};
    return aq_clock_boot_ms() >= over_ms || timerfd_settime(lease->timer, TFD_TIMER_ABSTIME, &timer, NULL) != 0;
}

static bool is_removed(const struct lease *lease)
{
    struct stat status;
    return fstat(lease->file, &status) == 0 && status.st_nlink == 0;
}

/* Returns whether the lease is over. False: FILE was removed. */
static bool keep(struct lease *lease)
{
    _Alignas(struct inotify_event) char events[1024];
    for (;;) {
        struct pollfd fds[] = {{.fd = lease->timer, .events = POLLIN}, {.fd = lease->inotify, .events = POLLIN}};
        int ready = poll(fds, AQ_LENGTH(fds), -1);
        if (ready > 0 && fds[1].revents != 0 && read(lease->inotify, events, sizeof events) < 0 && errno != EAGAIN)
            return true; /* better too early than too late */
        if (is_removed(lease))
            return false;
        if (ready > 0 && fds[0].revents != 0 && look(lease))
            return true;
    }
}

/* Both words are of one length, so that "over" needs no room on a full disk. */
static bool say(const struct lease *lease, const char *word)
{
    return pwrite(lease->file, word, strlen(word), 0) == (ssize_t)strlen(word);
}

/* What reads FILE from now on knows why the workload ends. */
static void say_over(const struct lease *lease)
{
    bool said = say(lease, "over\n");
    (void)said; /* it is ended all the same */
}

/* An earlier process has seen the end of the lease, which stays over. */
static bool was_over(const struct lease *lease)
{
    char word[4];
    return pread(lease->file, word, sizeof word, 0) == (ssize_t)sizeof word && memcmp(word, "over", sizeof word) == 0;
}

static uint64_t read_seconds(const char *text)
{
    char *end;
    const unsigned long seconds = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && seconds >= 1 && seconds <= SECONDS_MOST)
        return seconds;
    fprintf(stderr, "aq-lease: SECONDS is \"%s\", but must be a number from 1 to %u\n", text, SECONDS_MOST);
    exit(STATUS_USAGE);
}

/* From here on nothing waits for this process: it belongs to no session, and to no terminal, of its caller. */
static void leave_caller(void)
{
    const pid_t pid = fork();
    if (pid < 0)
        give_up("fork");
    if (pid > 0)
        _exit(0);
    setsid();
    AQ_CLEANUP_FD int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; fd++)
        if (nothing < 0 || dup2(nothing, fd) < 0)
            close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 4 || argv[1][0] != '/') {
        fprintf(stderr, "usage: aq-lease LEASE_FILE SECONDS FILE [COMMAND [ARGUMENTS...]]\n");
        return STATUS_USAGE;
    }
    struct lease lease = {.path = argv[1], .lease_ms = read_seconds(argv[2]) * 1000};
    lease.file = open(argv[3], O_RDWR | O_NOFOLLOW); /* the command keeps it, and so the lock */
    if (lease.file < 0)
        give_up(argv[3]);
    if (was_over(&lease))
        return STATUS_OVER;
    if (flock(lease.file, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return 0;
        give_up(argv[3]);
    }
    lease.timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    lease.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (lease.timer < 0)
        give_up("a timer");
    if (lease.inotify < 0 || inotify_add_watch(lease.inotify, argv[3], IN_ATTRIB) < 0)
        give_up("FILE cannot be watched");
    if (look(&lease)) {
        say_over(&lease);
        fprintf(stderr, "aq-lease: " LEASE_OVER "\n");
        return STATUS_OVER;
    }
    if (!say(&lease, "kept\n"))
        give_up(argv[3]);
    leave_caller();
    if (!keep(&lease))
        return 0;
    say_over(&lease);
    if (argc == 4)
        return 0;
    execvp(argv[4], argv + 4);
    return STATUS_CANNOT;
}
