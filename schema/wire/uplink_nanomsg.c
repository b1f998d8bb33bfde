#include "schema/wire/uplink_nanomsg.h"

#include "schema/base/files.h"
#include "schema/wire/messages.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RETRY_MS = 100,   /* between two attempts to connect, at first */
    HEADER_SIZE = 96, /* of the ancillary data of a message */
};

/* The ancillary data of a message on a raw socket: the number of the question, whose highest bit marks it as the last
 * hop. */
struct header {
    struct nn_cmsghdr head;
    size_t length;
    unsigned char number[4];
};

static const uint32_t last_hop = 0x80000000;

struct uplink {
    struct aq_uplink uplink; /* first: both have the same address */
    char **urls;
    size_t count, next; /* of them; the one that the next connection is to */
    const char *url;    /* of the present one */
    int retry_most_ms;
    int socket; /* nanomsg's; -1: none */
    int fd, send_fd;
    void *answer; /* nanomsg's; NULL: none */
};

/* ---- connecting --------------------------------------------------------------------------------------- */

static int set_option(int socket, int option, int value)
{
    return nn_setsockopt(socket, NN_SOL_SOCKET, option, &value, sizeof value);
}

static int get_fd(int socket, int option, int *fd)
{
    size_t size = sizeof *fd;
    return nn_getsockopt(socket, NN_SOL_SOCKET, option, fd, &size);
}

static int fail_connect(const struct uplink *uplink, struct aq_error *error)
{
    return aq_fail(error, AQ_E_IO, "cannot connect to %s: %s", uplink->url, nn_strerror(nn_errno()));
}

/* nanomsg aborts the process when it is set to use IPv6 on a host without it. */
static int check_ipv6(struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 ? 0 : aq_fail_errno(error, errno, "this host has no IPv6");
}

static void drop_answer(struct uplink *uplink)
{
    if (uplink->answer != NULL)
        nn_freemsg(uplink->answer);
    uplink->answer = NULL;
}

static void close_connection(struct uplink *uplink)
{
    drop_answer(uplink);
    if (uplink->socket >= 0)
        nn_close(uplink->socket);
    uplink->socket = uplink->fd = uplink->send_fd = -1;
}

static int set_up_socket(struct uplink *uplink, bool ipv6)
{
    if (set_option(uplink->socket, NN_RCVMAXSIZE, AQ_WIRE_MESSAGE_MAX) != 0 ||
        set_option(uplink->socket, NN_IPV4ONLY, !ipv6) != 0 ||
        set_option(uplink->socket, NN_RECONNECT_IVL, RETRY_MS) != 0 ||
        set_option(uplink->socket, NN_RECONNECT_IVL_MAX, uplink->retry_most_ms) != 0 ||
        nn_connect(uplink->socket, uplink->url) < 0 || get_fd(uplink->socket, NN_RCVFD, &uplink->fd) != 0 ||
        get_fd(uplink->socket, NN_SNDFD, &uplink->send_fd) != 0)
        return -1;
    return 0;
}

static int nanomsg_connect(struct aq_uplink *any, struct aq_error *error)
{
    struct uplink *uplink = (struct uplink *)any;
    uplink->url = uplink->urls[uplink->next];
    uplink->next = (uplink->next + 1) % uplink->count;
    const bool ipv6 = strstr(uplink->url, "://[") != NULL;
    close_connection(uplink);
    if (ipv6 && check_ipv6(error) != 0)
        return aq_error_context(error, "cannot connect to %s", uplink->url);
    uplink->socket = nn_socket(AF_SP_RAW, NN_REQ);
    if (uplink->socket < 0)
        return fail_connect(uplink, error);
    if (set_up_socket(uplink, ipv6) == 0)
        return 0;
    fail_connect(uplink, error);
    close_connection(uplink);
    return -1;
}

static void nanomsg_close(struct aq_uplink *any)
{
    struct uplink *uplink = (struct uplink *)any;
    close_connection(uplink);
    for (size_t i = 0; i < uplink->count; i++)
        free(uplink->urls[i]);
    free(uplink->urls);
    free(uplink);
}

static struct aq_uplink_state nanomsg_state(const struct aq_uplink *any)
{
    const struct uplink *uplink = (const struct uplink *)any;
    if (uplink->socket < 0)
        return (struct aq_uplink_state){0};
    return (struct aq_uplink_state){.made = nn_get_statistic(uplink->socket, NN_STAT_ESTABLISHED_CONNECTIONS),
                                    .lost = nn_get_statistic(uplink->socket, NN_STAT_BROKEN_CONNECTIONS) +
                                            nn_get_statistic(uplink->socket, NN_STAT_DROPPED_CONNECTIONS),
                                    .connected = nn_get_statistic(uplink->socket, NN_STAT_CURRENT_CONNECTIONS) > 0};
}

/* ---- messages ----------------------------------------------------------------------------------------- */

static int nanomsg_send(struct aq_uplink *any, uint32_t number, const void *sealed, size_t length)
{
    const struct uplink *uplink = (const struct uplink *)any;
    if (uplink->socket < 0)
        return EAGAIN;
    number |= last_hop;
    struct header header = {
        .head = {NN_CMSG_SPACE(sizeof header.length + sizeof header.number), PROTO_SP, SP_HDR},
        .length = sizeof header.number,
        .number = {number >> 24, number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF},
    };
    struct nn_iovec vector = {(void *)sealed, length};
    struct nn_msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    return nn_sendmsg(uplink->socket, &message, NN_DONTWAIT) < 0 ? nn_errno() : 0;
}

/* The number in the ancillary data of a message; 0: there is none. */
static uint32_t number_of(const unsigned char *control)
{
    struct header header;
    memcpy(&header, control, sizeof header);
    if (header.head.cmsg_level != PROTO_SP || header.head.cmsg_type != SP_HDR || header.length != sizeof header.number)
        return 0;
    uint32_t number = (uint32_t)header.number[0] << 24 | (uint32_t)header.number[1] << 16 |
                      (uint32_t)header.number[2] << 8 | header.number[3];
    return number & last_hop ? number & ~last_hop : 0;
}

static bool nanomsg_receive(struct aq_uplink *any, uint32_t *number, const void **sealed, size_t *length)
{
    struct uplink *uplink = (struct uplink *)any;
    _Alignas(struct header) unsigned char control[HEADER_SIZE] = {0};
    struct nn_iovec vector = {&uplink->answer, NN_MSG};
    struct nn_msghdr head = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    drop_answer(uplink);
    int received = uplink->socket >= 0 ? nn_recvmsg(uplink->socket, &head, NN_DONTWAIT) : -1;
    if (received < 0)
        return false;
    *number = number_of(control);
    *sealed = uplink->answer;
    *length = (size_t)received;
    return true;
}

static const char *nanomsg_name(const struct aq_uplink *any)
{
    return ((const struct uplink *)any)->url;
}

static int nanomsg_fd(const struct aq_uplink *any)
{
    return ((const struct uplink *)any)->fd;
}

static int nanomsg_send_fd(const struct aq_uplink *any)
{
    return ((const struct uplink *)any)->send_fd;
}

struct aq_uplink *aq_uplink_nanomsg(const char *const *urls, size_t count, int retry_most_ms)
{
    static const struct aq_uplink_kind kind = {.close = nanomsg_close,
                                               .connect = nanomsg_connect,
                                               .state = nanomsg_state,
                                               .send = nanomsg_send,
                                               .receive = nanomsg_receive,
                                               .name = nanomsg_name,
                                               .fd = nanomsg_fd,
                                               .send_fd = nanomsg_send_fd};
    struct uplink *uplink = aq_malloc(sizeof *uplink);
    *uplink = (struct uplink){.uplink.kind = &kind,
                              .urls = aq_calloc(count, sizeof *uplink->urls),
                              .count = count,
                              .url = "",
                              .retry_most_ms = retry_most_ms,
                              .socket = -1,
                              .fd = -1,
                              .send_fd = -1};
    for (size_t i = 0; i < count; i++)
        uplink->urls[i] = aq_strdup(urls[i]);
    uplink->url = uplink->urls[0];
    return &uplink->uplink;
}
