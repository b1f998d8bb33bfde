#include "agent/uplink.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AGAIN_MS = 100, AGAIN_MOST_MS = 2000, NEVER_MS = 86400000 /* questions are repeated by whoever asks */ };

static int set(int socket, int level, int option, int value)
{
    return nn_setsockopt(socket, level, option, &value, sizeof value);
}

static int fail_nanomsg(const struct uplink *uplink, struct aq_error *error)
{
    return aq_fail(error, AQ_E_IO, "cannot connect to %s: %s", uplink->url, nn_strerror(nn_errno()));
}

/* nanomsg ends the process where it is told to use IPv6 and there is none. */
static int check_six(struct aq_error *error)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return aq_fail_errno(error, errno, "no IPv6 here");
    close(fd);
    return 0;
}

static int uplink_connect(struct uplink *uplink, struct aq_error *error)
{
    size_t size = sizeof uplink->fd;
    const bool six = strstr(uplink->url, "://[") != NULL;
    if (six && check_six(error) != 0)
        return aq_error_context(error, "cannot connect to %s", uplink->url);
    uplink->socket = nn_socket(AF_SP, NN_REQ);
    if (uplink->socket < 0)
        return fail_nanomsg(uplink, error);
    if (set(uplink->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, AQ_WIRE_MESSAGE_MAX) == 0 &&
        set(uplink->socket, NN_SOL_SOCKET, NN_IPV4ONLY, !six) == 0 &&
        set(uplink->socket, NN_SOL_SOCKET, NN_RECONNECT_IVL, AGAIN_MS) == 0 &&
        set(uplink->socket, NN_SOL_SOCKET, NN_RECONNECT_IVL_MAX, AGAIN_MOST_MS) == 0 &&
        set(uplink->socket, NN_REQ, NN_REQ_RESEND_IVL, NEVER_MS) == 0 && nn_connect(uplink->socket, uplink->url) >= 0 &&
        nn_getsockopt(uplink->socket, NN_SOL_SOCKET, NN_RCVFD, &uplink->fd, &size) == 0)
        return 0;
    fail_nanomsg(uplink, error);
    nn_close(uplink->socket);
    uplink->socket = uplink->fd = -1;
    return -1;
}

int uplink_open(struct uplink *uplink, const char *url, const struct aq_wire_key *key, struct aq_error *error)
{
    *uplink = (struct uplink){.url = aq_strdup(url), .key = *key, .socket = -1, .fd = -1};
    if (uplink_connect(uplink, error) == 0)
        return 0;
    uplink_close(uplink);
    return -1;
}

void uplink_close(struct uplink *uplink)
{
    if (uplink->socket >= 0)
        nn_close(uplink->socket);
    free(uplink->url);
    aq_buffer_free(&uplink->sealed);
    *uplink = (struct uplink){.socket = -1, .fd = -1};
}

void uplink_ask(struct uplink *uplink, enum aq_message_type type, const void *message, uint64_t late_ms)
{
    aq_wire_seal(&uplink->key, type, message, &uplink->sealed);
    aq_assert(uplink->sealed.length <= AQ_WIRE_MESSAGE_MAX);
    uplink->asked = type;
    uplink->late_ms = late_ms;
    if (uplink->socket >= 0) {
        int sent = nn_send(uplink->socket, uplink->sealed.data, uplink->sealed.length, NN_DONTWAIT);
        (void)sent;
    }
}

void uplink_give_up(struct uplink *uplink)
{
    uplink->asked = AQ_MSG_NONE; /* nanomsg drops the answer when the next question is asked */
}

int uplink_take(struct uplink *uplink, enum aq_message_type *type, void **message, struct aq_arena *arena)
{
    void *body = NULL;
    struct aq_error ignored;
    if (uplink->socket < 0)
        return 0;
    int length = nn_recv(uplink->socket, &body, NN_MSG, NN_DONTWAIT);
    if (length < 0)
        return 0;
    int failed = aq_wire_open(&uplink->key, body, (size_t)length, type, message, arena, &ignored);
    nn_freemsg(body);
    if (uplink->asked == AQ_MSG_NONE)
        return 0;
    if (failed != 0)
        return -1;
    uplink->asked = AQ_MSG_NONE;
    return 1;
}

int uplink_renew(struct uplink *uplink, struct aq_error *error)
{
    uplink->asked = AQ_MSG_NONE;
    if (uplink->socket >= 0)
        nn_close(uplink->socket);
    uplink->socket = uplink->fd = -1;
    return uplink_connect(uplink, error);
}
