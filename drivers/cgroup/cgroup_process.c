/* The part of cgroup.h that tells whether a process belongs to a workload. */
#include "drivers/cgroup/cgroup.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TEXT_SIZE = 64 << 10, /* at most a dozen hierarchies, each with a path of at most 4 KiB */
    PEER_PIDFD = 77       /* SO_PEERPIDFD, which older headers do not have */
};

/* Whether `at` is "/aquarium/<node>/r<number>", and what is inside that group. The kernel appends " (deleted)". */
static bool begins_with_group(const char *at)
{
    static const char head[] = "/" CGROUP_TOP "/";
    if (strncmp(at, head, strlen(head)) != 0)
        return false;
    const char *node = at + strlen(head), *resource = strchr(node, '/');
    if (resource == NULL || resource == node || resource[1] != 'r')
        return false;
    size_t digits = strspn(resource + 2, "0123456789");
    return digits > 0 && strchr("/ ", resource[2 + digits]) != NULL; /* a NUL ends the text and counts, too */
}

/* The mount whose groups the agent makes need not be the root of a hierarchy: a group is looked for at each level. */
static bool path_is_of_workload(const char *path)
{
    for (const char *at = path; at != NULL; at = strchr(at + 1, '/'))
        if (begins_with_group(at))
            return true;
    return false;
}

bool cgroup_text_is_of_workload(char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const char *names = strchr(line, ':'), *path = names != NULL ? strchr(names + 1, ':') : NULL;
        if (path != NULL && path_is_of_workload(path + 1))
            return true;
    }
    return false;
}

/* Reads a whole file of /proc. Returns its length, or -1. */
static ssize_t read_text(const char *path, char *text, size_t size, struct aq_error *error)
{
    size_t length = 0;
    ssize_t count = -1;
    AQ_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && length < size - 1 && (count = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)count;
    if (count < 0)
        return aq_fail_errno(error, errno, "cannot read %s", path);
    if (count > 0)
        return aq_fail(error, AQ_E_IO, "%s is longer than %zu bytes", path, size - 1);
    text[length] = '\0';
    return (ssize_t)length;
}

int cgroup_process_is_of_workload(pid_t pid, bool *is, struct aq_error *error)
{
    char path[48], text[TEXT_SIZE];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    if (read_text(path, text, sizeof text, error) < 0)
        return -1;
    *is = cgroup_text_is_of_workload(text);
    return 0;
}

/* ---- peers of sockets --------------------------------------------------------------------------------- */

/* A process that ends is shown in no group of version 1 any more, before and while it is a zombie. */
static bool is_ending(pid_t pid)
{
    enum { FLAGS_AFTER_NAME = 7, EXITING = 0x4, STAT_SIZE = 4096 };
    char path[48], text[STAT_SIZE];
    struct aq_error ignored;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_text(path, text, sizeof text, &ignored) < 0)
        return true;
    const char *at = strrchr(text, ')'); /* the name may have anything in it */
    for (int i = 0; i < FLAGS_AFTER_NAME && at != NULL; i++)
        at = strchr(at + 1, ' ');
    return at == NULL || (strtoul(at, NULL, 10) & EXITING) != 0;
}

/* A descriptor of the process that has connected, whatever became of its number since; -1: it is gone. Kernels before
 * 6.5 only know the number, so there it is the process that has this number now. */
static int open_peer(int fd, pid_t pid)
{
    int process = -1;
    socklen_t size = sizeof process;
    if (getsockopt(fd, SOL_SOCKET, PEER_PIDFD, &process, &size) == 0)
        return process;
    return errno == ENOPROTOOPT ? pidfd_open(pid, 0) : -1;
}

/* The number cannot have become another process's before the descriptor says that its process is still there. */
bool cgroup_peer_is_outside(int fd, uid_t *uid)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    struct aq_error ignored;
    bool inside = true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
        return false;
    AQ_CLEANUP_FD int process = open_peer(fd, peer.pid);
    if (process < 0 || cgroup_process_is_of_workload(peer.pid, &inside, &ignored) != 0 || inside ||
        is_ending(peer.pid) || pidfd_send_signal(process, 0, NULL, 0) != 0)
        return false;
    *uid = peer.uid;
    return true;
}
