#include "drivers/container/spaces.h"

#include "drivers/container/slots.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAP_SIZE = 64 };

static int write_map(pid_t pid, const char *which, uint32_t first)
{
    char path[48], map[MAP_SIZE];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, which);
    int length = snprintf(map, sizeof map, "0 %" PRIu32 " %d\n", first, SLOT_USERS);
    AQ_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, map, (size_t)length) == length ? 0 : -1;
}

static int open_space(pid_t pid, const char *which)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, which);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* They need a process to begin with; descriptors hold them afterwards. */
int container_spaces_make(struct container_spaces *spaces, uint32_t first_user, bool network, struct aq_error *error)
{
    const int flags = CLONE_NEWUSER | (network ? CLONE_NEWNET : 0);
    *spaces = (struct container_spaces){-1, -1};
    pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        pause(); /* until it is killed */
        _exit(0);
    }
    if (pid < 0)
        return aq_fail_errno(error, errno, "cannot make a user namespace");
    if (write_map(pid, "uid_map", first_user) == 0 && write_map(pid, "gid_map", first_user) == 0) {
        spaces->users = open_space(pid, "user");
        spaces->network = network ? open_space(pid, "net") : -1;
    }
    int number = errno;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (spaces->users < 0 || (network && spaces->network < 0))
        return aq_fail_errno(error, number, "cannot make a user namespace");
    return 0;
}
