/* Where the server listens: without TLS on loopback, with TLS on any address, on a socket in the data directory, and
 * for the metadata service.
 *
 * TLS on a wildcard address includes loopback. When both have the same port, one socket takes them all, and the address
 * that a client connected to decides: so 127.0.0.1 stays without TLS for older clients. */
#ifndef AQ_CONTROLLER_SERVE_LISTENERS_H
#define AQ_CONTROLLER_SERVE_LISTENERS_H

#include "controller/settings/settings.h"

#include <stdbool.h>
#include <sys/socket.h>

enum listener_kind {
    LISTENER_PLAIN,
    LISTENER_TLS,
    LISTENER_LOCAL, /* the socket in the data directory */
    LISTENER_META,  /* serves metadata, and nothing else */
    listener_kind_count
};

struct listener {
    enum listener_kind kind;
    int fd;
    bool shares;             /* connections to the address `plain` are of the kind LISTENER_PLAIN */
    unsigned char plain[16]; /* as aq_address_bytes() gives it */
};

struct listeners {
    struct listener list[listener_kind_count];
    unsigned count;
};

struct arrival {
    int fd;
    enum listener_kind kind;
    struct sockaddr_storage address; /* of the client */
    socklen_t length;
};

/* Checks the settings; opens nothing. */
int listeners_check(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;
/* Opens all that the settings name, and writes their ports to files in <data>/run. After a failure, too, the caller
 * closes them. */
int listeners_open(struct listeners *listeners, const struct aq_config_controller *config,
                   struct aq_error *error) AQ_MUST_CHECK;
void listeners_close(struct listeners *listeners);

/* Takes the next client. Returns false with errno: EAGAIN when there is none. */
bool listener_accept(const struct listener *listener, struct arrival *arrival);

#endif
