#include "schema/base/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int aq_listen_resolve(struct aq_listen_place *place, struct aq_error *error)
{
    char service[8];
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    snprintf(service, sizeof service, "%u", (unsigned)place->port);
    if (getaddrinfo(place->address, service, &hints, &found) != 0)
        return aq_fail(error, AQ_E_INVALID, "%s.address is \"%s\", but must be an IPv4 or IPv6 address", place->section,
                       place->address);
    memcpy(&place->socket_address, found->ai_addr, found->ai_addrlen);
    place->socket_length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int aq_listen_open(const struct aq_listen_place *place, int backlog, struct aq_error *error)
{
    int on = 1, off = 0, fd = socket(place->socket_address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* "::" takes IPv4, too, whatever net.ipv6.bindv6only says. */
    const bool six = place->socket_address.ss_family == AF_INET6;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!six || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(fd, (const struct sockaddr *)&place->socket_address, place->socket_length) == 0 &&
        listen(fd, backlog) == 0)
        return fd;
    aq_fail_errno(error, errno, "cannot listen on %s.address %s, %s.port %u", place->section, place->address,
                  place->section, (unsigned)place->port);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Nobody can connect before the mode is set: the socket gets its mode before its name. A socket that nobody listens to
 * may be left from an earlier process. */
static int bind_local(int fd, const char *path, mode_t mode, gid_t group, int backlog, struct aq_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return aq_fail(error, AQ_E_INVALID, "the path of a socket may have %zu bytes, but %s has %zu",
                       sizeof address.sun_path - 1, path, length);
    memcpy(address.sun_path, path, length);
    if (unlink(path) != 0 && errno != ENOENT)
        return aq_fail_errno(error, errno, "cannot remove the old socket %s", path);
    if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        (group != (gid_t)-1 && chown(path, (uid_t)-1, group) != 0) || chmod(path, mode) != 0 ||
        listen(fd, backlog) != 0)
        return aq_fail_errno(error, errno, "cannot listen on %s", path);
    return 0;
}

int aq_listen_open_local(const char *path, mode_t mode, gid_t group, int backlog, struct aq_error *error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot make a socket for %s", path);
    if (bind_local(fd, path, mode, group, backlog, error) == 0)
        return fd;
    close(fd);
    return -1;
}

uint16_t aq_listen_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.any, &length) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
