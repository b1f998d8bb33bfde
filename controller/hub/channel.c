#include "controller/hub/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT_TRIES = 16 };

static int fail_nanomsg(struct aq_error *error, const char *what, const char *url)
{
    return aq_fail(error, AQ_E_IO, "%s %s: %s", what, url, nn_strerror(nn_errno()));
}

int channel_open(struct hub_channel *channel, const char *url, const struct aq_wire_key *key, struct aq_error *error)
{
    const int most = AQ_WIRE_MESSAGE_MAX, four_only = strstr(url, "://[") == NULL;
    size_t size = sizeof channel->fd;
    *channel = (struct hub_channel){.socket = nn_socket(AF_SP_RAW, NN_REP), .fd = -1, .key = *key};
    if (channel->socket < 0)
        return fail_nanomsg(error, "cannot make a socket for", url);
    if (nn_setsockopt(channel->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &most, sizeof most) == 0 &&
        nn_setsockopt(channel->socket, NN_SOL_SOCKET, NN_IPV4ONLY, &four_only, sizeof four_only) == 0 &&
        nn_bind(channel->socket, url) >= 0 &&
        nn_getsockopt(channel->socket, NN_SOL_SOCKET, NN_RCVFD, &channel->fd, &size) == 0)
        return 0;
    const int number = nn_errno();
    fail_nanomsg(error, "cannot listen on", url);
    channel_close(channel);
    errno = number;
    return -1;
}

/* Binds and lets go again: the port is free for now. 0: none found. */
static uint64_t find_free_port(const char *address)
{
    struct sockaddr_storage place = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&place;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&place;
    socklen_t length = sizeof *four;
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
    } else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        length = sizeof *six;
    } else {
        return 0;
    }
    int fd = socket(place.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    bool found =
        bind(fd, (struct sockaddr *)&place, length) == 0 && getsockname(fd, (struct sockaddr *)&place, &length) == 0;
    close(fd);
    if (!found)
        return 0;
    return ntohs(place.ss_family == AF_INET ? four->sin_port : six->sin6_port);
}

int channel_open_tcp(struct hub_channel *channel, const char *address, uint64_t *port, const struct aq_wire_key *key,
                     struct aq_error *error)
{
    char url[HUB_URL_MAX];
    const bool any = *port == 0;
    const bool six = strchr(address, ':') != NULL;
    *channel = (struct hub_channel){.socket = -1, .fd = -1};
    for (int i = 0; i < PORT_TRIES; i++) {
        if (any && (*port = find_free_port(address)) == 0)
            return aq_fail(error, AQ_E_INVALID,
                           "hub.address is \"%s\": with port 0 it must be an IP address of this machine", address);
        snprintf(url, sizeof url, six ? "tcp://[%s]:%" PRIu64 : "tcp://%s:%" PRIu64, address, *port);
        if (channel_open(channel, url, key, error) == 0)
            return 0;
        if (!any || errno != EADDRINUSE)
            return -1;
    }
    return -1;
}

void channel_close(struct hub_channel *channel)
{
    if (channel->socket >= 0)
        nn_close(channel->socket);
    channel->socket = channel->fd = -1;
    aq_buffer_free(&channel->sealed);
}

/* nanomsg leaves the header out when it does not fit: then its place stays as it was, empty. */
static bool header_is_good(const struct hub_question *question)
{
    struct nn_cmsghdr head;
    memcpy(&head, question->header, sizeof head);
    return head.cmsg_len > sizeof head && head.cmsg_len <= sizeof question->header && head.cmsg_level == PROTO_SP &&
           head.cmsg_type == SP_HDR;
}

int channel_receive(struct hub_channel *channel, struct hub_question *question, enum aq_message_type *type,
                    void **message, struct aq_arena *arena)
{
    void *body = NULL;
    struct aq_error ignored;
    *question = (struct hub_question){.channel = channel};
    struct nn_iovec vector = {&body, NN_MSG};
    struct nn_msghdr head = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = question->header,
                             .msg_controllen = sizeof question->header};
    int length = nn_recvmsg(channel->socket, &head, NN_DONTWAIT);
    if (length < 0)
        return 0;
    bool good = header_is_good(question);
    if (good) {
        struct nn_cmsghdr first;
        memcpy(&first, question->header, sizeof first);
        question->header_length = (unsigned)first.cmsg_len;
        good = aq_wire_open(&channel->key, body, (size_t)length, type, message, arena, &ignored) == 0;
    }
    nn_freemsg(body);
    return good ? 1 : -1;
}

void channel_answer(struct hub_question *question, enum aq_message_type type, const void *message)
{
    struct hub_channel *channel = question->channel;
    if (channel == NULL)
        return;
    question->channel = NULL;
    aq_wire_seal(&channel->key, type, message, &channel->sealed);
    aq_assert(channel->sealed.length <= AQ_WIRE_MESSAGE_MAX);
    struct nn_iovec vector = {channel->sealed.data, channel->sealed.length};
    struct nn_msghdr head = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = question->header,
                             .msg_controllen = question->header_length};
    int sent = nn_sendmsg(channel->socket, &head, NN_DONTWAIT);
    (void)sent; /* who is gone asks again */
}

void channel_refuse(struct hub_question *question, const struct aq_error *error)
{
    struct aq_refused refused = {.error = aq_error_name(error->code), .message = error->message};
    channel_answer(question, AQ_MSG_REFUSED, &refused);
}
