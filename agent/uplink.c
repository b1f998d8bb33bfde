#include "agent/uplink.h"
#include "schema/wire/seal.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    AGAIN_MS = 100, /* between two tries to connect, growing to */
    AGAIN_MOST_MS = 2000,
    HEADER_SIZE = 96,
    ANSWERS_MAX = 64, /* taken in one call, if none of them fits */
};

/* The header of a question: its number, marked as the bottom of nanomsg's stack of routes. */
struct header {
    struct nn_cmsghdr head;
    size_t length;
    unsigned char number[4];
};

static const uint32_t bottom = 0x80000000;

/* ---- connecting ---------------------------------------------------------------------------------------- */

static int set(int socket, int option, int value)
{
    return nn_setsockopt(socket, NN_SOL_SOCKET, option, &value, sizeof value);
}

static int get_fd(int socket, int option, int *fd)
{
    size_t size = sizeof *fd;
    return nn_getsockopt(socket, NN_SOL_SOCKET, option, fd, &size);
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
    const bool six = strstr(uplink->url, "://[") != NULL;
    if (six && check_six(error) != 0)
        return aq_error_context(error, "cannot connect to %s", uplink->url);
    uplink->connections = 0;
    uplink->socket = nn_socket(AF_SP_RAW, NN_REQ);
    if (uplink->socket < 0)
        return fail_nanomsg(uplink, error);
    if (set(uplink->socket, NN_RCVMAXSIZE, AQ_WIRE_MESSAGE_MAX) == 0 && set(uplink->socket, NN_IPV4ONLY, !six) == 0 &&
        set(uplink->socket, NN_RECONNECT_IVL, AGAIN_MS) == 0 &&
        set(uplink->socket, NN_RECONNECT_IVL_MAX, AGAIN_MOST_MS) == 0 && nn_connect(uplink->socket, uplink->url) >= 0 &&
        get_fd(uplink->socket, NN_RCVFD, &uplink->fd) == 0 && get_fd(uplink->socket, NN_SNDFD, &uplink->send_fd) == 0)
        return 0;
    fail_nanomsg(uplink, error);
    nn_close(uplink->socket);
    uplink->socket = uplink->fd = uplink->send_fd = -1;
    return -1;
}

int uplink_open(struct uplink *uplink, const char *url, const struct aq_wire_key *key, struct aq_error *error)
{
    *uplink = (struct uplink){.url = aq_strdup(url), .key = *key, .socket = -1, .fd = -1, .send_fd = -1};
    uplink->last_number = randombytes_random();
    if (uplink_connect(uplink, error) == 0)
        return 0;
    uplink_close(uplink);
    return -1;
}

void uplink_close(struct uplink *uplink)
{
    if (uplink->socket >= 0)
        nn_close(uplink->socket);
    for (int i = 0; i < UPLINK_LINES; i++)
        aq_buffer_free(&uplink->lines[i].sealed);
    free(uplink->url);
    *uplink = (struct uplink){.socket = -1, .fd = -1, .send_fd = -1};
}

static void ask_all_again(struct uplink *uplink)
{
    for (int i = 0; i < UPLINK_LINES; i++)
        uplink->lines[i].unsent = uplink->lines[i].asked != AQ_MSG_NONE;
}

int uplink_renew(struct uplink *uplink, struct aq_error *error)
{
    if (uplink->socket >= 0)
        nn_close(uplink->socket);
    uplink->socket = uplink->fd = uplink->send_fd = -1;
    ask_all_again(uplink);
    return uplink_connect(uplink, error);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void send_question(struct uplink *uplink, struct uplink_question *question)
{
    const uint32_t number = question->number | bottom;
    struct header header = {
        .head = {NN_CMSG_SPACE(sizeof header.length + sizeof header.number), PROTO_SP, SP_HDR},
        .length = sizeof header.number,
        .number = {number >> 24, number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF},
    };
    struct nn_iovec vector = {question->sealed.data, question->sealed.length};
    struct nn_msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    question->unsent = nn_sendmsg(uplink->socket, &message, NN_DONTWAIT) < 0;
}

void uplink_flush(struct uplink *uplink)
{
    if (uplink->socket < 0)
        return;
    uint64_t connections = nn_get_statistic(uplink->socket, NN_STAT_ESTABLISHED_CONNECTIONS);
    if (connections != uplink->connections && uplink->connections != 0)
        ask_all_again(uplink);
    uplink->anew = uplink->anew || connections != uplink->connections;
    uplink->connections = connections;
    for (int i = 0; i < UPLINK_LINES; i++)
        if (uplink->lines[i].unsent)
            send_question(uplink, &uplink->lines[i]);
}

bool uplink_was_made_anew(struct uplink *uplink)
{
    bool anew = uplink->anew;
    uplink->anew = false;
    return anew;
}

bool uplink_waits_to_send(const struct uplink *uplink)
{
    bool waits = false;
    for (int i = 0; i < UPLINK_LINES; i++)
        waits = waits || uplink->lines[i].unsent;
    return waits;
}

void uplink_ask(struct uplink *uplink, enum uplink_line line, enum aq_message_type type, const void *message,
                uint64_t late_ms)
{
    struct uplink_question *question = &uplink->lines[line];
    aq_wire_seal(&uplink->key, type, message, &question->sealed);
    aq_assert(question->sealed.length <= AQ_WIRE_MESSAGE_MAX);
    question->asked = type;
    question->late_ms = late_ms;
    question->number = ++uplink->last_number & ~bottom;
    question->unsent = true;
    uplink_flush(uplink);
}

void uplink_give_up(struct uplink *uplink, enum uplink_line line)
{
    uplink->lines[line].asked = AQ_MSG_NONE;
    uplink->lines[line].unsent = false;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The line whose open question has this number; UPLINK_LINES: none. */
static enum uplink_line find_line(const struct uplink *uplink, const unsigned char *control)
{
    struct header header;
    memcpy(&header, control, sizeof header);
    if (header.head.cmsg_level != PROTO_SP || header.head.cmsg_type != SP_HDR || header.length != sizeof header.number)
        return UPLINK_LINES;
    uint32_t number = (uint32_t)header.number[0] << 24 | (uint32_t)header.number[1] << 16 |
                      (uint32_t)header.number[2] << 8 | header.number[3];
    int line = 0;
    while (line < UPLINK_LINES &&
           (uplink->lines[line].asked == AQ_MSG_NONE || (uplink->lines[line].number | bottom) != number))
        line++;
    return (enum uplink_line)line;
}

int uplink_take(struct uplink *uplink, enum uplink_line *line, enum aq_message_type *asked, enum aq_message_type *type,
                void **message, struct aq_arena *arena)
{
    for (int i = 0; i < ANSWERS_MAX && uplink->socket >= 0; i++) {
        void *body = NULL;
        struct aq_error ignored;
        _Alignas(struct header) unsigned char control[HEADER_SIZE] = {0};
        struct nn_iovec vector = {&body, NN_MSG};
        struct nn_msghdr head = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        int length = nn_recvmsg(uplink->socket, &head, NN_DONTWAIT);
        if (length < 0)
            return 0;
        *line = find_line(uplink, control);
        bool good = *line != UPLINK_LINES &&
                    aq_wire_open(&uplink->key, body, (size_t)length, type, message, arena, &ignored) == 0;
        nn_freemsg(body);
        if (!good)
            continue;
        *asked = uplink->lines[*line].asked;
        uplink_give_up(uplink, *line);
        return 1;
    }
    return 0;
}
