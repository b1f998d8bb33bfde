/* Simulates a slow disk: preloaded, it delays every sync by SLOW_SYNC_MS (200). A write to a descriptor that was opened
 * with O_DSYNC is a sync, too. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void)
{
    const char *text = getenv("SLOW_SYNC_MS");
    long ms = text != NULL ? strtol(text, NULL, 10) : 200;
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    int number = errno;
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    errno = number;
}

int fdatasync(int fd)
{
    static int (*next)(int);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
    wait_for_disk();
    return next(fd);
}

int fsync(int fd)
{
    static int (*next)(int);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "fsync");
    wait_for_disk();
    return next(fd);
}

int msync(void *address, size_t length, int flags)
{
    static int (*next)(void *, size_t, int);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "msync");
    if (flags & MS_SYNC)
        wait_for_disk();
    return next(address, length, flags);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    static ssize_t (*next)(int, const void *, size_t, off_t);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "pwrite");
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_DSYNC))
        wait_for_disk();
    return next(fd, bytes, length, offset);
}
