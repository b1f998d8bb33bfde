/* Simulates a slow disk: preloaded, it delays every sync by SLOW_SYNC_MS (200). A write to a descriptor that was opened
 * with O_DSYNC is a sync, too. On a memory file system, SLOW_SYNC_US makes a disk of constant speed, for measurements
 * that other work on the real one must not disturb. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void)
{
    const char *ms = getenv("SLOW_SYNC_MS"), *us = getenv("SLOW_SYNC_US");
    long delay_us = us != NULL ? strtol(us, NULL, 10) : ms != NULL ? strtol(ms, NULL, 10) * 1000 : 200000;
    struct timespec left = {delay_us / 1000000, delay_us % 1000000 * 1000};
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
