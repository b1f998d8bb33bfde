#include "schema/base/stderr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(AQ_STDERR_MAX <= PIPE_BUF, "a pipe must take a text in one piece");

static atomic_bool torn; /* the last text was written in part */

/* A pipe that poll() calls writable has room for PIPE_BUF bytes, unless another process is faster. */
static ssize_t put_if_ready(const char *text, size_t length)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&fd, 1, 0) == 1 && fd.revents & POLLOUT)
        return write(STDERR_FILENO, text, length);
    errno = EAGAIN;
    return -1;
}

/* Through an open file description of our own, which may be nonblocking. */
static ssize_t put_reopened(const char *text, size_t length)
{
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) /* another user's, no reader, no descriptor left */
        return put_if_ready(text, length);
    ssize_t written = write(fd, text, length);
    int number = errno;
    close(fd);
    errno = number;
    return written;
}

static ssize_t put_once(const char *text, size_t length)
{
    struct stat status;
    if (fstat(STDERR_FILENO, &status) != 0)
        return -1;
    if (S_ISSOCK(status.st_mode))
        return send(STDERR_FILENO, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (S_ISFIFO(status.st_mode) || (S_ISCHR(status.st_mode) && isatty(STDERR_FILENO)))
        return put_reopened(text, length);
    return write(STDERR_FILENO, text, length);
}

static ssize_t put(const char *text, size_t length)
{
    ssize_t written;
    do
        written = put_once(text, length);
    while (written < 0 && errno == EINTR);
    return written;
}

bool aq_stderr_put(const char *text, size_t length)
{
    if (atomic_load(&torn) && put("\n", 1) != 1)
        return false;
    atomic_store(&torn, false);
    ssize_t written = put(text, length);
    if (written > 0 && (size_t)written < length)
        atomic_store(&torn, true);
    return written == (ssize_t)length;
}
