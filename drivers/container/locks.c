#include "drivers/container/locks.h"

#include "schema/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

enum { RING_AGAIN_US = 100000 /* in case it rang just before the kernel waited */ };

static void be_woken(int number)
{
    (void)number;
}

/* Rings once `ms` are over, and goes on until it is set to 0. */
static void alarm_set(uint64_t ms)
{
    const struct itimerval timer = {.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)},
                                    .it_interval = {0, ms > 0 ? RING_AGAIN_US : 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static int wait_for_it(int fd, int operation, uint64_t until_ms)
{
    const uint64_t now_ms = aq_clock_boot_ms();
    int failed = -1;
    if (now_ms >= until_ms) {
        errno = EWOULDBLOCK;
        return -1;
    }
    alarm_set(until_ms - now_ms);
    do
        failed = flock(fd, operation);
    while (failed != 0 && errno == EINTR && aq_clock_boot_ms() < until_ms);
    const int number = errno == EINTR ? EWOULDBLOCK : errno;
    alarm_set(0);
    errno = number;
    return failed;
}

int lock_take(int fd, int operation, uint64_t until_ms)
{
    if (flock(fd, operation | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return -1;
    const struct sigaction wake = {.sa_handler = be_woken}; /* and not SA_RESTART */
    struct sigaction action;
    sigset_t ring, mask;
    sigemptyset(&ring);
    sigaddset(&ring, SIGALRM);
    sigaction(SIGALRM, &wake, &action);
    sigprocmask(SIG_UNBLOCK, &ring, &mask);
    const int failed = wait_for_it(fd, operation, until_ms), number = errno;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGALRM, &action, NULL);
    errno = number;
    return failed;
}

int lock_open(const char *path, int operation, uint64_t until_ms, struct aq_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && lock_take(fd, operation, until_ms) == 0)
        return fd;
    if (fd >= 0 && errno == EWOULDBLOCK)
        aq_fail(error, AQ_E_BUSY, "waited too long for the lock %s: the process that has it may be stopped", path);
    else
        aq_fail_errno(error, errno, "file %s", path);
    if (fd >= 0)
        close(fd);
    return -1;
}
