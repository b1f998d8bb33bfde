#include "schema/wire/ask.h"

#include "schema/base/files.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RETRY_MS = 100,   /* between two attempts to connect, at first */
    HEADER_SIZE = 96, /* of the ancillary data of a message */
    DROPPED_MAX = 64, /* messages dropped in one call of aq_asker_take() */
};

/* The ancillary data of a message on a raw socket: the number of the question, whose highest bit marks it as the last
 * hop. */
struct header {
    struct nn_cmsghdr head;
    size_t length;
    unsigned char number[4];
};

static const uint32_t last_hop = 0x80000000;

struct aq_asker {
    char *url;
    int retry_most_ms;
    struct aq_wire_key key;
    int socket; /* nanomsg's; -1: none */
    int fd, send_fd;
    uint64_t made, lost; /* connections of this socket, at the last check */
    bool connected;      /* one was made since the last aq_asker_has_new_connection() */
    uint32_t last_number;
    struct aq_question *open, **end; /* oldest first */
    struct aq_buffer sealed;         /* for questions that are sent once */
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

static int fail_connect(const struct aq_asker *asker, struct aq_error *error)
{
    return aq_fail(error, AQ_E_IO, "cannot connect to %s: %s", asker->url, nn_strerror(nn_errno()));
}

/* nanomsg aborts the process when it is set to use IPv6 on a host without it. */
static int check_ipv6(struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 ? 0 : aq_fail_errno(error, errno, "this host has no IPv6");
}

static void close_connection(struct aq_asker *asker)
{
    if (asker->socket >= 0)
        nn_close(asker->socket);
    asker->socket = asker->fd = asker->send_fd = -1;
    asker->made = asker->lost = 0;
}

static int set_up_socket(struct aq_asker *asker, bool ipv6)
{
    if (set_option(asker->socket, NN_RCVMAXSIZE, AQ_WIRE_MESSAGE_MAX) != 0 ||
        set_option(asker->socket, NN_IPV4ONLY, !ipv6) != 0 ||
        set_option(asker->socket, NN_RECONNECT_IVL, RETRY_MS) != 0 ||
        set_option(asker->socket, NN_RECONNECT_IVL_MAX, asker->retry_most_ms) != 0 ||
        nn_connect(asker->socket, asker->url) < 0 || get_fd(asker->socket, NN_RCVFD, &asker->fd) != 0 ||
        get_fd(asker->socket, NN_SNDFD, &asker->send_fd) != 0)
        return -1;
    return 0;
}

static int connect_asker(struct aq_asker *asker, struct aq_error *error)
{
    const bool ipv6 = strstr(asker->url, "://[") != NULL;
    if (ipv6 && check_ipv6(error) != 0)
        return aq_error_context(error, "cannot connect to %s", asker->url);
    asker->socket = nn_socket(AF_SP_RAW, NN_REQ);
    if (asker->socket < 0)
        return fail_connect(asker, error);
    if (set_up_socket(asker, ipv6) == 0)
        return 0;
    fail_connect(asker, error);
    close_connection(asker);
    return -1;
}

int aq_asker_open(struct aq_asker **out, const char *url, int retry_most_ms, const struct aq_wire_key *key,
                  struct aq_error *error)
{
    struct aq_asker *asker = aq_malloc(sizeof *asker);
    *asker = (struct aq_asker){.url = aq_strdup(url),
                               .retry_most_ms = retry_most_ms,
                               .key = *key,
                               .socket = -1,
                               .fd = -1,
                               .send_fd = -1,
                               .last_number = randombytes_random(),
                               .end = &asker->open};
    if (connect_asker(asker, error) != 0) {
        aq_asker_close(asker);
        return -1;
    }
    *out = asker;
    return 0;
}

int aq_asker_fd(const struct aq_asker *asker)
{
    return asker->fd;
}

int aq_asker_send_fd(const struct aq_asker *asker)
{
    return asker->send_fd;
}

bool aq_asker_is_connected(const struct aq_asker *asker)
{
    return asker->socket >= 0 && nn_get_statistic(asker->socket, NN_STAT_CURRENT_CONNECTIONS) > 0;
}

bool aq_asker_has_new_connection(struct aq_asker *asker)
{
    bool connected = asker->connected;
    asker->connected = false;
    return connected;
}

/* ---- open questions ----------------------------------------------------------------------------------- */

static void add_question(struct aq_asker *asker, struct aq_question *question)
{
    question->open = true;
    *asker->end = question;
    asker->end = &question->next;
}

/* Closes the question that *link points to. */
static struct aq_question *remove_question(struct aq_asker *asker, struct aq_question **link)
{
    struct aq_question *question = *link;
    *link = question->next;
    if (asker->end == &question->next)
        asker->end = link;
    question->next = NULL;
    question->open = question->unsent = false;
    aq_buffer_free(&question->sealed);
    return question;
}

void aq_asker_drop(struct aq_asker *asker, struct aq_question *question)
{
    struct aq_question **link = &asker->open;
    if (!question->open)
        return;
    while (*link != question)
        link = &(*link)->next;
    remove_question(asker, link);
}

void aq_asker_close(struct aq_asker *asker)
{
    if (asker == NULL)
        return;
    close_connection(asker);
    while (asker->open != NULL)
        remove_question(asker, &asker->open);
    aq_buffer_free(&asker->sealed);
    free(asker->url);
    free(asker);
}

static void send_again(struct aq_asker *asker)
{
    for (struct aq_question *question = asker->open; question != NULL; question = question->next)
        question->unsent = question->again;
}

static void lose_questions(struct aq_asker *asker)
{
    for (struct aq_question *question = asker->open; question != NULL; question = question->next)
        question->lost = !question->again;
}

int aq_asker_reconnect(struct aq_asker *asker, struct aq_error *error)
{
    close_connection(asker);
    send_again(asker);
    lose_questions(asker);
    return connect_asker(asker, error);
}

/* Compares the numbers of connections that nanomsg counts with those at the last check. */
static void check_connections(struct aq_asker *asker)
{
    uint64_t made = nn_get_statistic(asker->socket, NN_STAT_ESTABLISHED_CONNECTIONS);
    uint64_t lost = nn_get_statistic(asker->socket, NN_STAT_BROKEN_CONNECTIONS) +
                    nn_get_statistic(asker->socket, NN_STAT_DROPPED_CONNECTIONS);
    if (made != asker->made && asker->made != 0)
        send_again(asker);
    if (lost != asker->lost)
        lose_questions(asker);
    asker->connected = asker->connected || made != asker->made;
    asker->made = made;
    asker->lost = lost;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

/* Returns an error number of nanomsg, or 0. */
static int send_sealed(struct aq_asker *asker, uint32_t number, const struct aq_buffer *sealed)
{
    number |= last_hop;
    struct header header = {
        .head = {NN_CMSG_SPACE(sizeof header.length + sizeof header.number), PROTO_SP, SP_HDR},
        .length = sizeof header.number,
        .number = {number >> 24, number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF},
    };
    struct nn_iovec vector = {sealed->data, sealed->length};
    struct nn_msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    return nn_sendmsg(asker->socket, &message, NN_DONTWAIT) < 0 ? nn_errno() : 0;
}

void aq_asker_flush(struct aq_asker *asker)
{
    if (asker->socket < 0)
        return;
    check_connections(asker);
    for (struct aq_question *question = asker->open; question != NULL; question = question->next)
        if (question->unsent)
            question->unsent = send_sealed(asker, question->number, &question->sealed) != 0;
}

bool aq_asker_has_unsent(const struct aq_asker *asker)
{
    const struct aq_question *question = asker->open;
    while (question != NULL && !question->unsent)
        question = question->next;
    return question != NULL;
}

static uint32_t next_number(struct aq_asker *asker)
{
    return ++asker->last_number & ~last_hop;
}

static void seal_message(const struct aq_asker *asker, enum aq_message_type type, const void *message,
                         struct aq_buffer *out)
{
    aq_wire_seal(&asker->key, type, message, out);
    aq_assert(out->length <= AQ_WIRE_MESSAGE_MAX);
}

void aq_asker_ask(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type, const void *message,
                  uint64_t late_ms)
{
    aq_asker_drop(asker, question);
    *question = (struct aq_question){
        .asked = type, .number = next_number(asker), .late_ms = late_ms, .unsent = true, .again = true};
    seal_message(asker, type, message, &question->sealed);
    add_question(asker, question);
    aq_asker_flush(asker);
}

int aq_asker_ask_once(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type,
                      const void *message, uint64_t late_ms, struct aq_error *error)
{
    aq_assert(!question->open);
    if (!aq_asker_is_connected(asker))
        return aq_fail(error, AQ_E_NO_LEADER, "there is no connection to %s", asker->url);
    check_connections(asker);
    *question = (struct aq_question){.asked = type, .number = next_number(asker), .late_ms = late_ms};
    seal_message(asker, type, message, &asker->sealed);
    int number = send_sealed(asker, question->number, &asker->sealed);
    if (number == EAGAIN)
        return aq_fail(error, AQ_E_NO_LEADER, "there is no connection to %s", asker->url);
    if (number != 0)
        return aq_fail(error, AQ_E_IO, "cannot send to %s: %s", asker->url, nn_strerror(number));
    add_question(asker, question);
    return 0;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* Finds the link to the open question that a message with this ancillary data answers. NULL: there is none. */
static struct aq_question **find_asked(struct aq_asker *asker, const unsigned char *control)
{
    struct header header;
    memcpy(&header, control, sizeof header);
    if (header.head.cmsg_level != PROTO_SP || header.head.cmsg_type != SP_HDR || header.length != sizeof header.number)
        return NULL;
    uint32_t number = (uint32_t)header.number[0] << 24 | (uint32_t)header.number[1] << 16 |
                      (uint32_t)header.number[2] << 8 | header.number[3];
    struct aq_question **link = &asker->open;
    while (*link != NULL && ((*link)->number | last_hop) != number)
        link = &(*link)->next;
    return *link != NULL ? link : NULL;
}

struct aq_question *aq_asker_take(struct aq_asker *asker, enum aq_message_type *type, void **message,
                                  struct aq_arena *arena)
{
    for (int i = 0; i < DROPPED_MAX && asker->socket >= 0; i++) {
        void *body = NULL;
        struct aq_error ignored;
        _Alignas(struct header) unsigned char control[HEADER_SIZE] = {0};
        struct nn_iovec vector = {&body, NN_MSG};
        struct nn_msghdr head = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        int length = nn_recvmsg(asker->socket, &head, NN_DONTWAIT);
        if (length < 0)
            return NULL;
        struct aq_question **link = find_asked(asker, control);
        bool good =
            link != NULL && aq_wire_open(&asker->key, body, (size_t)length, type, message, arena, &ignored) == 0;
        nn_freemsg(body);
        if (good)
            return remove_question(asker, link);
    }
    return NULL;
}

struct aq_question *aq_asker_take_failed(struct aq_asker *asker, uint64_t now_ms)
{
    struct aq_question **link = &asker->open;
    while (*link != NULL && !(*link)->lost && (*link)->late_ms > now_ms)
        link = &(*link)->next;
    return *link != NULL ? remove_question(asker, link) : NULL;
}
