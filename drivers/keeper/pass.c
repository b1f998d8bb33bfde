#include "drivers/keeper/pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union rights {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr header; /* for its alignment */
};

int pass_send(int socket, int job, int status)
{
    const int fds[2] = {job, status};
    union rights rights;
    struct iovec data = {(char[]){'k'}, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    memset(&rights, 0, sizeof rights);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(header), fds, sizeof fds);
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

bool pass_take(int socket, int *job, int *status)
{
    char byte;
    union rights rights;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    ssize_t length;
    do
        length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (length <= 0 || header == NULL || header->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return false;
    int fds[2];
    memcpy(fds, CMSG_DATA(header), sizeof fds);
    *job = fds[0];
    *status = fds[1];
    return true;
}
