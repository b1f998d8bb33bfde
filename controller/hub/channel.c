#include "controller/hub/channel.h"
#include "schema/wire/seal.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <string.h>

static int fail_nanomsg(struct aq_error *error, const char *what, const char *url)
{
    return aq_fail(error, AQ_E_IO, "%s %s: %s", what, url, nn_strerror(nn_errno()));
}

int channel_open(struct hub_channel *channel, const char *url, const struct aq_wire_key *key, struct aq_error *error)
{
    const int most = AQ_WIRE_MESSAGE_MAX;
    size_t size = sizeof channel->fd;
    *channel = (struct hub_channel){.socket = nn_socket(AF_SP_RAW, NN_REP), .fd = -1, .key = *key};
    if (channel->socket < 0)
        return fail_nanomsg(error, "cannot make a socket for", url);
    if (nn_setsockopt(channel->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &most, sizeof most) == 0 &&
        nn_bind(channel->socket, url) >= 0 &&
        nn_getsockopt(channel->socket, NN_SOL_SOCKET, NN_RCVFD, &channel->fd, &size) == 0)
        return 0;
    fail_nanomsg(error, "cannot listen on", url);
    channel_close(channel);
    return -1;
}

int channel_open_tcp(struct hub_channel *channel, const char *address, uint64_t *port, const struct aq_wire_key *key,
                     struct aq_error *error)
{
    *channel = (struct hub_channel){.socket = -1, .fd = -1, .key = *key};
    if (gate_open(&channel->gate, address, port, error) != 0)
        return -1;
    channel->fd = gate_fd(channel->gate);
    return 0;
}

void channel_close(struct hub_channel *channel)
{
    if (channel->socket >= 0)
        nn_close(channel->socket);
    gate_close(channel->gate);
    channel->gate = NULL;
    channel->socket = channel->fd = -1;
    aq_buffer_free(&channel->sealed);
}

void channel_tick(struct hub_channel *channel)
{
    if (channel->gate != NULL)
        gate_tick(channel->gate);
}

/* ---- messages ------------------------------------------------------------------------------------------ */

/* nanomsg omits a header that does not fit: the buffer then stays empty. */
static bool has_header(const struct hub_question *question)
{
    struct nn_cmsghdr head;
    memcpy(&head, question->header, sizeof head);
    return head.cmsg_len > sizeof head && head.cmsg_len <= sizeof question->header && head.cmsg_level == PROTO_SP &&
           head.cmsg_type == SP_HDR;
}

static int receive_from_gate(struct hub_channel *channel, struct hub_question *question, enum aq_message_type *type,
                             void **message, struct aq_arena *arena)
{
    struct gate_message came;
    struct aq_error ignored;
    int got = gate_receive(channel->gate, &came);
    if (got != 1)
        return got;
    aq_assert(came.stack_length <= sizeof question->header);
    *question =
        (struct hub_question){.channel = channel, .peer = came.from, .header_length = (unsigned)came.stack_length};
    memcpy(question->header, came.stack, came.stack_length);
    bool good = aq_wire_open(&channel->key, came.body, came.length, type, message, arena, &ignored) == 0;
    gate_judge(channel->gate, good);
    return good ? 1 : -1;
}

int channel_receive(struct hub_channel *channel, struct hub_question *question, enum aq_message_type *type,
                    void **message, struct aq_arena *arena)
{
    void *body = NULL;
    struct aq_error ignored;
    if (channel->gate != NULL)
        return receive_from_gate(channel, question, type, message, arena);
    *question = (struct hub_question){.channel = channel};
    struct nn_iovec vector = {&body, NN_MSG};
    struct nn_msghdr head = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = question->header,
                             .msg_controllen = sizeof question->header};
    int length = nn_recvmsg(channel->socket, &head, NN_DONTWAIT);
    if (length < 0)
        return 0;
    bool good = has_header(question);
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
    if (channel->gate != NULL) {
        gate_answer(channel->gate, question->peer, question->header, question->header_length, channel->sealed.data,
                    channel->sealed.length);
        return;
    }
    struct nn_iovec vector = {channel->sealed.data, channel->sealed.length};
    struct nn_msghdr head = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = question->header,
                             .msg_controllen = question->header_length};
    int sent = nn_sendmsg(channel->socket, &head, NN_DONTWAIT);
    (void)sent; /* if it fails, the peer asks again */
}

void channel_refuse(struct hub_question *question, const struct aq_error *error)
{
    struct aq_refused refused = {.error = aq_error_name(error->code), .message = error->message};
    channel_answer(question, AQ_MSG_REFUSED, &refused);
}

bool channel_has(const struct hub_channel *channel, uint64_t peer)
{
    return channel->gate == NULL || gate_has(channel->gate, peer);
}

void channel_admit(const struct hub_question *question)
{
    if (question->channel->gate != NULL)
        gate_admit(question->channel->gate, question->peer);
}
