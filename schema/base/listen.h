/* Listening sockets: TCP, at the address and port that two settings give, and local ones.
 *
 *     struct aq_listen_place place = {.section = "api", .address = api->address, .port = api->port};
 *     if (aq_listen_resolve(&place, error) != 0)
 *         return -1;
 *     int fd = aq_listen_open(&place, BACKLOG, error);
 *
 * There are two steps, so that a program can check its settings, and the kind of address, before it opens anything. */
#ifndef AQ_SCHEMA_BASE_LISTEN_H
#define AQ_SCHEMA_BASE_LISTEN_H

#include "schema/base/error.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct aq_listen_place {
    const char *section;                    /* of the settings: "api" for api.address and api.port; used in errors */
    const char *address;                    /* IPv4 or IPv6, in digits */
    uint64_t port;                          /* 0: any free one */
    struct sockaddr_storage socket_address; /* the two above, once aq_listen_resolve() succeeded */
    socklen_t socket_length;
};

/* Fails with AQ_E_INVALID when `address` is not an IPv4 or IPv6 address. */
int aq_listen_resolve(struct aq_listen_place *place, struct aq_error *error) AQ_MUST_CHECK;

/* Opens a resolved `place`. Returns a nonblocking descriptor that listens; -1 with `error`. */
int aq_listen_open(const struct aq_listen_place *place, int backlog, struct aq_error *error) AQ_MUST_CHECK;

/* Opens a socket in the file system, for processes of this host that may write to it; replaces what an earlier process
 * left there. `group`: (gid_t)-1 keeps that of the process. Returns as aq_listen_open() does. */
int aq_listen_open_local(const char *path, mode_t mode, gid_t group, int backlog, struct aq_error *error) AQ_MUST_CHECK;

/* The port that a TCP socket is bound to; 0 if it is not bound. */
uint16_t aq_listen_port(int fd);

#endif
