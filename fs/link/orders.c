#include "fs/link/orders.h"
#include "schema/wire/seal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MESSAGES_TURN = 256 }; /* answers taken in one call of orders_work() */

struct question {
    struct question *next;
    uint64_t ticket; /* its low 31 bits, with the top bit set, are its number on the wire */
    uint64_t until_ms;
    orders_done_fn *done;
    void *context;
};

struct orders {
    int socket, fd;
    struct aq_wire_key key;
    struct aq_buffer sealed;
    struct aq_arena arena;
    uint64_t last_ticket;
    struct question *questions; /* newest first */
    size_t count;
    uint64_t broken; /* connections that broke so far */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- open and close ----------------------------------------------------------------------------------- */

static int connect_socket(struct orders *orders, const char *directory, struct aq_error *error)
{
    char url[NN_SOCKADDR_MAX];
    int most = AQ_WIRE_MESSAGE_MAX;
    size_t size = sizeof orders->fd;
    int length = snprintf(url, sizeof url, "ipc://%s/%s", directory, AQ_FILE_LOCAL_SOCKET);
    if (length >= (int)sizeof url)
        return aq_fail(error, AQ_E_INVALID, "data is a path of %zu bytes, too long for a socket", strlen(directory));
    orders->socket = nn_socket(AF_SP_RAW, NN_REQ);
    if (orders->socket < 0)
        return aq_fail_errno(error, nn_errno(), "cannot make a socket");
    if (nn_setsockopt(orders->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &most, sizeof most) != 0 ||
        nn_getsockopt(orders->socket, NN_SOL_SOCKET, NN_RCVFD, &orders->fd, &size) != 0 ||
        nn_connect(orders->socket, url) < 0)
        return aq_fail(error, AQ_E_IO, "cannot connect to %s: %s", url, nn_strerror(nn_errno()));
    return 0;
}

int orders_open(struct orders **out, const char *directory, struct aq_error *error)
{
    char path[1200];
    struct orders *orders = aq_calloc(1, sizeof *orders);
    orders->socket = -1;
    snprintf(path, sizeof path, "%s/%s", directory, AQ_FILE_LOCAL_KEY);
    if (aq_wire_key_load(&orders->key, path, error) != 0 || connect_socket(orders, directory, error) != 0) {
        orders_close(orders);
        return -1;
    }
    *out = orders;
    return 0;
}

void orders_close(struct orders *orders)
{
    if (orders == NULL)
        return;
    if (orders->socket >= 0)
        nn_close(orders->socket);
    for (struct question *question = orders->questions, *next; question != NULL; question = next) {
        next = question->next;
        free(question);
    }
    aq_buffer_free(&orders->sealed);
    aq_arena_free(&orders->arena);
    free(orders);
}

int orders_fd(const struct orders *orders)
{
    return orders->fd;
}

bool orders_connected(const struct orders *orders)
{
    return nn_get_statistic(orders->socket, NN_STAT_CURRENT_CONNECTIONS) > 0;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static uint32_t number_of(uint64_t ticket)
{
    return 0x80000000u | (uint32_t)(ticket & 0x7fffffff);
}

/* The number travels in the header that a raw socket leaves to its user: a size, then the bytes. */
static int send_raw(struct orders *orders, uint32_t number)
{
    union {
        struct nn_cmsghdr head; /* for its alignment */
        unsigned char bytes[NN_CMSG_SPACE(sizeof(size_t) + sizeof(uint32_t))];
    } control = {0};
    const size_t size = sizeof(uint32_t);
    const uint32_t wire = htonl(number);
    struct nn_iovec body = {orders->sealed.data, orders->sealed.length};
    struct nn_msghdr message = {&body, 1, &control, sizeof control};
    control.head.cmsg_len = NN_CMSG_LEN(sizeof size + sizeof wire);
    control.head.cmsg_level = PROTO_SP;
    control.head.cmsg_type = SP_HDR;
    memcpy(NN_CMSG_DATA(&control.head), &size, sizeof size);
    memcpy(NN_CMSG_DATA(&control.head) + sizeof size, &wire, sizeof wire);
    return nn_sendmsg(orders->socket, &message, NN_DONTWAIT) < 0 ? nn_errno() : 0;
}

uint64_t orders_ask(struct orders *orders, enum aq_message_type type, const void *message, unsigned timeout_ms,
                    orders_done_fn *done, void *context, struct aq_error *error)
{
    if (orders->count >= ORDERS_MAX) {
        (void)aq_fail(error, AQ_E_BUSY, "%d writes are waiting already: try again", ORDERS_MAX);
        return 0;
    }
    aq_wire_seal(&orders->key, type, message, &orders->sealed);
    int number = orders_connected(orders) ? send_raw(orders, number_of(orders->last_ticket + 1)) : EAGAIN;
    if (number != 0) {
        if (number == EAGAIN)
            (void)aq_fail(error, AQ_E_NO_LEADER, "no controller answers here: reads go on, writes have to wait");
        else
            (void)aq_fail(error, AQ_E_IO, "cannot reach the controller: %s", nn_strerror(number));
        return 0;
    }
    struct question *question = aq_malloc(sizeof *question);
    *question = (struct question){.next = orders->questions,
                                  .ticket = ++orders->last_ticket,
                                  .until_ms = now_ms() + timeout_ms,
                                  .done = done,
                                  .context = context};
    orders->questions = question;
    orders->count++;
    return question->ticket;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* Takes the question out of the list. NULL: none has this number (any more). */
static struct question *take_question(struct orders *orders, uint32_t number)
{
    for (struct question **link = &orders->questions; *link != NULL; link = &(*link)->next)
        if (number_of((*link)->ticket) == number) {
            struct question *question = *link;
            *link = question->next;
            orders->count--;
            return question;
        }
    return NULL;
}

static void answer(struct orders *orders, uint32_t number, const void *data, size_t length)
{
    struct aq_error error = {0}, refused = {0};
    enum aq_message_type type;
    void *message;
    if (aq_wire_open(&orders->key, data, length, &type, &message, &orders->arena, &error) != 0)
        return; /* not from our controller; the question waits on */
    struct question *question = take_question(orders, number);
    if (question == NULL)
        return;
    if (type == AQ_MSG_REFUSED) {
        const struct aq_refused *words = message;
        (void)aq_fail(&refused, aq_error_from_name(words->error), "%s", words->message);
        if (refused.code == AQ_OK)
            refused.code = AQ_E_INTERNAL;
        message = NULL;
    }
    question->done(question->context, &refused, type, message);
    free(question);
}

/* Takes one message. False: none waits. */
static bool receive(struct orders *orders)
{
    void *body = NULL, *control = NULL;
    struct nn_iovec data = {&body, NN_MSG};
    struct nn_msghdr message = {&data, 1, &control, NN_MSG};
    int length = nn_recvmsg(orders->socket, &message, NN_DONTWAIT);
    if (length < 0)
        return false;
    struct nn_cmsghdr *head = NN_CMSG_FIRSTHDR(&message);
    const size_t wanted = sizeof(size_t) + sizeof(uint32_t);
    if (head != NULL && head->cmsg_level == PROTO_SP && head->cmsg_type == SP_HDR &&
        head->cmsg_len >= NN_CMSG_LEN(wanted)) {
        uint32_t wire;
        memcpy(&wire, NN_CMSG_DATA(head) + sizeof(size_t), sizeof wire);
        answer(orders, ntohl(wire), body, (size_t)length);
    }
    nn_freemsg(body);
    nn_freemsg(control);
    aq_arena_reset(&orders->arena);
    return true;
}

/* Gives up the questions that have waited until `now`, or all. */
static void give_up(struct orders *orders, uint64_t now, bool all, const char *why)
{
    struct aq_error error = {0};
    (void)aq_fail(&error, AQ_E_UNKNOWN, "%s: the outcome is not known, look before you repeat it", why);
    struct question *kept = NULL, **end = &kept, *given_up = NULL;
    for (struct question *question = orders->questions, *next; question != NULL; question = next) {
        next = question->next;
        if (all || question->until_ms <= now) {
            question->next = given_up;
            given_up = question;
            orders->count--;
        } else {
            *end = question;
            end = &question->next;
        }
    }
    *end = NULL;
    orders->questions = kept; /* complete again before anybody is called */
    for (struct question *question = given_up, *next; question != NULL; question = next) {
        next = question->next;
        question->done(question->context, &error, AQ_MSG_NONE, NULL);
        free(question);
    }
}

void orders_work(struct orders *orders)
{
    for (int i = 0; i < MESSAGES_TURN && receive(orders); i++)
        continue;
    uint64_t broken = nn_get_statistic(orders->socket, NN_STAT_BROKEN_CONNECTIONS) +
                      nn_get_statistic(orders->socket, NN_STAT_DROPPED_CONNECTIONS);
    if (broken != orders->broken)
        give_up(orders, 0, true, "the controller went away before it answered");
    orders->broken = broken;
    give_up(orders, now_ms(), false, "the controller has not answered in time");
}
