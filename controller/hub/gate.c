#include "controller/hub/gate.h"

#include "schema/base/clock.h"
#include "schema/base/listen.h"
#include "schema/base/memory.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    EVENTS_TURN = 64,
    ACCEPT_TURN = 64,
    READ_SIZE = 64 << 10,
    GREETING_SIZE = 8,
    LENGTH_SIZE = 8,
    NUMBER_SIZE = 4,
    SMALL_SIZE = 4096, /* so much any stranger may have on the way */
    SLOT_BITS = 16,    /* of a visitor's number; the rest is never used again */
    QUIET_S = 60,      /* after so long a silence the system asks whether the other side is still there, */
    PROBE_S = 10,      /* and again, */
    DEAD_MS = 60000,   /* and has it for dead once nothing was acknowledged for so long: his place is needed */
};

static const uint64_t LISTENER = UINT64_MAX;
static const char HIS_GREETING[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}, /* REQ */
    OUR_GREETING[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};               /* REP */

struct visitor {
    uint64_t id;
    int fd;
    bool greeted, known;
    bool ignored;                  /* what he sent did not open: he is not listened to any more */
    bool stuck;                    /* answers wait for him to read */
    struct visitor *older, *newer; /* strangers, as they came */
    uint64_t until_ms;
    struct aq_buffer in;  /* what has come of a message that is not complete */
    struct aq_buffer out; /* answers, from `sent` on */
    size_t sent;
    size_t charged; /* to the gate's bounds */
};

struct gate {
    int listener, epoll;
    bool paused; /* no descriptor was free: nobody is let in until the next tick */
    struct visitor *slots[GATE_VISITORS_MAX];
    uint16_t free_slots[GATE_VISITORS_MAX];
    uint32_t count, most;
    uint64_t serial;
    struct visitor *oldest, *newest; /* strangers */
    uint32_t strangers;
    size_t held, held_by_strangers;

    struct epoll_event events[EVENTS_TURN];
    int event_count, event_next;
    bool seen_all;           /* the last look brought less than it could: there was nothing more */
    struct visitor *current; /* whose bytes are being looked at: `left` of them, from `data` on */
    const char *data;
    size_t left;
    char scratch[READ_SIZE];
};

/* ---- visitors ------------------------------------------------------------------------------------------ */

static struct visitor *find(const struct gate *gate, uint64_t id)
{
    uint64_t slot = id & ((1U << SLOT_BITS) - 1);
    struct visitor *visitor = slot < GATE_VISITORS_MAX ? gate->slots[slot] : NULL;
    return visitor != NULL && visitor->id == id ? visitor : NULL;
}

static int watch_by(struct gate *gate, struct visitor *visitor, int operation)
{
    struct epoll_event event = {.events = (visitor->ignored ? 0 : EPOLLIN) | (visitor->stuck ? EPOLLOUT : 0),
                                .data.u64 = visitor->id};
    return epoll_ctl(gate->epoll, operation, visitor->fd, &event);
}

static void watch(struct gate *gate, struct visitor *visitor)
{
    int failed = watch_by(gate, visitor, EPOLL_CTL_MOD);
    aq_assert(failed == 0);
}

/* Counts what is held for him now. */
static void charge(struct gate *gate, struct visitor *visitor)
{
    size_t bytes = visitor->in.capacity + visitor->out.capacity;
    gate->held += bytes - visitor->charged;
    if (!visitor->known)
        gate->held_by_strangers += bytes - visitor->charged;
    visitor->charged = bytes;
}

static void forget_stranger(struct gate *gate, struct visitor *visitor)
{
    *(visitor->older != NULL ? &visitor->older->newer : &gate->oldest) = visitor->newer;
    *(visitor->newer != NULL ? &visitor->newer->older : &gate->newest) = visitor->older;
    visitor->older = visitor->newer = NULL;
    gate->strangers--;
}

static void send_away(struct gate *gate, struct visitor *visitor)
{
    aq_buffer_free(&visitor->in);
    aq_buffer_free(&visitor->out);
    charge(gate, visitor);
    if (!visitor->known)
        forget_stranger(gate, visitor);
    if (gate->current == visitor)
        gate->current = NULL;
    uint16_t slot = visitor->id & ((1U << SLOT_BITS) - 1);
    gate->slots[slot] = NULL;
    gate->free_slots[--gate->count] = slot;
    close(visitor->fd);
    free(visitor);
}

static void let_in(struct gate *gate, int fd)
{
    int on = 1, quiet_s = QUIET_S, probe_s = PROBE_S, dead_ms = DEAD_MS;
    if (gate->strangers == GATE_STRANGERS_MAX || (gate->count == gate->most && gate->strangers > 0))
        send_away(gate, gate->oldest);
    if (gate->count == gate->most ||
        send(fd, OUR_GREETING, GREETING_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL) != GREETING_SIZE) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &quiet_s, sizeof quiet_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &probe_s, sizeof probe_s);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
    uint16_t slot = gate->free_slots[gate->count++];
    struct visitor *visitor = aq_calloc(1, sizeof *visitor);
    *visitor = (struct visitor){.id = ++gate->serial << SLOT_BITS | slot,
                                .fd = fd,
                                .older = gate->newest,
                                .until_ms = aq_clock_coarse_ms() + GATE_STRANGER_MS};
    *(visitor->older != NULL ? &visitor->older->newer : &gate->oldest) = visitor;
    gate->newest = visitor;
    gate->strangers++;
    gate->slots[slot] = visitor;
    if (watch_by(gate, visitor, EPOLL_CTL_ADD) != 0) /* the system has no room for one more */
        send_away(gate, visitor);
}

static void watch_listener(struct gate *gate, int operation, bool paused)
{
    struct epoll_event event = {.events = paused ? 0 : EPOLLIN, .data.u64 = LISTENER};
    int failed = epoll_ctl(gate->epoll, operation, gate->listener, &event);
    aq_assert(failed == 0);
    gate->paused = paused;
}

static void accept_some(struct gate *gate)
{
    for (int i = 0; i < ACCEPT_TURN; i++) {
        int fd = accept4(gate->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            let_in(gate, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            watch_listener(gate, EPOLL_CTL_MOD, true);
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The rest of what waits, as far as he takes it. */
static void flush(struct gate *gate, struct visitor *visitor)
{
    struct aq_buffer *out = &visitor->out;
    ssize_t got =
        send(visitor->fd, out->data + visitor->sent, out->length - visitor->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (got > 0)
        visitor->sent += (size_t)got;
    if (visitor->sent < out->length)
        return; /* a connection that is broken is reported as such, too */
    aq_buffer_free(out);
    visitor->sent = 0;
    visitor->stuck = false;
    charge(gate, visitor);
    watch(gate, visitor);
}

static void keep(struct gate *gate, struct visitor *visitor, const struct iovec *parts, size_t count, size_t skip)
{
    struct aq_buffer *out = &visitor->out;
    if (visitor->sent > out->length / 2) { /* or it would grow for as long as he reads, but never all */
        memmove(out->data, out->data + visitor->sent, out->length - visitor->sent);
        out->length -= visitor->sent;
        visitor->sent = 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t skipped = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        aq_buffer_add(out, (const char *)parts[i].iov_base + skipped, parts[i].iov_len - skipped);
        skip -= skipped;
    }
    charge(gate, visitor);
    if (visitor->stuck)
        return;
    visitor->stuck = true;
    watch(gate, visitor);
}

/* Is there room for so much more that he does not read at once? */
static bool may_keep(const struct gate *gate, const struct visitor *visitor, size_t more)
{
    size_t waits = visitor->out.length - visitor->sent;
    if (!visitor->known && waits + more > SMALL_SIZE && gate->held_by_strangers + more > GATE_STRANGERS_BYTES)
        return false;
    return (waits == 0 || waits + more <= GATE_UNREAD_MAX) && gate->held + more <= GATE_BYTES_MAX;
}

void gate_answer(struct gate *gate, uint64_t to, const void *stack, size_t stack_length, const void *body,
                 size_t length)
{
    struct visitor *visitor = find(gate, to);
    const uint64_t size = htobe64(stack_length + length);
    struct iovec parts[] = {{(void *)&size, sizeof size}, {(void *)stack, stack_length}, {(void *)body, length}};
    const size_t total = sizeof size + stack_length + length;
    if (visitor == NULL)
        return;
    if (visitor->stuck) {
        if (may_keep(gate, visitor, total))
            keep(gate, visitor, parts, AQ_LENGTH(parts), 0);
        return;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = AQ_LENGTH(parts)};
    ssize_t got = sendmsg(visitor->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (got < 0 && errno != EAGAIN)
        return; /* the connection is broken, which we shall hear of */
    size_t sent = got > 0 ? (size_t)got : 0;
    if (sent == total)
        return;
    if (may_keep(gate, visitor, total - sent))
        keep(gate, visitor, parts, AQ_LENGTH(parts), sent);
    else if (sent > 0)
        shutdown(visitor->fd, SHUT_RDWR); /* half an answer cannot be taken back */
}

/* ---- messages ------------------------------------------------------------------------------------------ */

/* Where the stack ends: behind the first number whose top bit is set. 0: nowhere. */
static size_t stack_length(const char *data, size_t length)
{
    for (size_t at = 0; at + NUMBER_SIZE <= length && at < GATE_STACK_MAX; at += NUMBER_SIZE)
        if (data[at] & 0x80)
            return at + NUMBER_SIZE;
    return 0;
}

static int not_one_of_us(struct gate *gate)
{
    send_away(gate, gate->current);
    return -1;
}

/* The next complete message of what `current` has sent; 0: there is none. */
static int next_message(struct gate *gate, struct gate_message *message)
{
    struct visitor *visitor = gate->current;
    uint64_t size;
    if (!visitor->greeted) {
        if (gate->left < GREETING_SIZE)
            return 0;
        if (memcmp(gate->data, HIS_GREETING, GREETING_SIZE) != 0)
            return not_one_of_us(gate);
        visitor->greeted = true;
        gate->data += GREETING_SIZE;
        gate->left -= GREETING_SIZE;
    }
    if (gate->left < LENGTH_SIZE)
        return 0;
    memcpy(&size, gate->data, sizeof size);
    size = be64toh(size);
    if (size > GATE_MESSAGE_MAX)
        return not_one_of_us(gate);
    if (gate->left - LENGTH_SIZE < size)
        return 0;
    const char *data = gate->data + LENGTH_SIZE;
    size_t stack = stack_length(data, size);
    if (stack == 0)
        return not_one_of_us(gate);
    *message = (struct gate_message){
        .from = visitor->id, .stack = data, .stack_length = stack, .body = data + stack, .length = size - stack};
    gate->data += LENGTH_SIZE + size;
    gate->left -= LENGTH_SIZE + size;
    return 1;
}

/* Keeps what is left of what `current` has sent for the next time. -1: there is no room for it. */
static int put_back(struct gate *gate)
{
    struct visitor *visitor = gate->current;
    struct aq_buffer *in = &visitor->in;
    if (gate->left == 0)
        aq_buffer_free(in);
    else if (in->length == 0)
        aq_buffer_add(in, gate->data, gate->left);
    else if (gate->data != in->data) /* who sends a byte at a time does not have all moved for each */
        memmove(in->data, gate->data, gate->left);
    in->length = gate->left;
    charge(gate, visitor);
    gate->current = NULL;
    if (gate->held <= GATE_BYTES_MAX &&
        (visitor->known || in->capacity <= SMALL_SIZE || gate->held_by_strangers <= GATE_STRANGERS_BYTES))
        return 0;
    send_away(gate, visitor);
    return -1;
}

static void read_from(struct gate *gate, struct visitor *visitor)
{
    ssize_t got = recv(visitor->fd, gate->scratch, sizeof gate->scratch, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || visitor->ignored) {
        send_away(gate, visitor);
        return;
    }
    gate->current = visitor;
    gate->data = gate->scratch;
    gate->left = (size_t)got;
    if (visitor->in.length == 0)
        return;
    aq_buffer_add(&visitor->in, gate->scratch, (size_t)got);
    gate->data = visitor->in.data;
    gate->left = visitor->in.length;
}

static void handle(struct gate *gate, const struct epoll_event *event)
{
    if (event->data.u64 == LISTENER) {
        accept_some(gate);
        return;
    }
    struct visitor *visitor = find(gate, event->data.u64);
    if (visitor == NULL)
        return; /* gone since */
    if (event->events & EPOLLOUT && visitor->stuck)
        flush(gate, visitor);
    if (event->events & ~(uint32_t)EPOLLOUT)
        read_from(gate, visitor);
}

int gate_receive(struct gate *gate, struct gate_message *message)
{
    bool waited = false;
    for (;;) {
        if (gate->current != NULL) {
            int got = next_message(gate, message);
            if (got == 0)
                got = put_back(gate);
            if (got != 0)
                return got;
        }
        if (gate->event_next == gate->event_count) {
            if (waited || gate->seen_all) {
                gate->seen_all = false;
                return 0; /* others want their turn, too; what is left is still readable */
            }
            int count = epoll_wait(gate->epoll, gate->events, EVENTS_TURN, 0);
            gate->event_count = count > 0 ? count : 0;
            gate->event_next = 0;
            gate->seen_all = count > 0 && count < EVENTS_TURN;
            waited = true;
            if (gate->event_count == 0)
                return 0;
        }
        handle(gate, &gate->events[gate->event_next++]);
    }
}

void gate_judge(struct gate *gate, bool ours)
{
    struct visitor *visitor = gate->current;
    aq_assert(visitor != NULL);
    if (!ours && visitor->known) {
        send_away(gate, visitor);
    } else if (!ours) {
        /* Not sent away at once: he would be back at once. He stays until his time is over. */
        visitor->ignored = true;
        watch(gate, visitor);
        gate->left = 0;
        (void)put_back(gate);
    }
}

void gate_admit(struct gate *gate, uint64_t id)
{
    struct visitor *visitor = find(gate, id);
    if (visitor == NULL || visitor->known)
        return;
    forget_stranger(gate, visitor);
    gate->held_by_strangers -= visitor->charged;
    visitor->known = true;
}

void gate_tick(struct gate *gate)
{
    uint64_t now = aq_clock_coarse_ms();
    while (gate->oldest != NULL && gate->oldest->until_ms <= now)
        send_away(gate, gate->oldest);
    if (gate->paused)
        watch_listener(gate, EPOLL_CTL_MOD, false);
}

/* ---- open and close ------------------------------------------------------------------------------------ */

static int listen_on(const char *address, uint64_t *port, struct aq_error *error)
{
    struct aq_listen_place place = {.section = "hub", .address = address, .port = *port};
    if (aq_listen_resolve(&place, error) != 0)
        return -1;
    int fd = aq_listen_open(&place, BACKLOG, error);
    if (fd >= 0)
        *port = aq_listen_port(fd);
    return fd;
}

int gate_check(const char *address, struct aq_error *error)
{
    struct aq_listen_place place = {.section = "hub", .address = address};
    return aq_listen_resolve(&place, error);
}

/* Three of five descriptors are for agents, the others for everybody else. */
static uint32_t visitors_most(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 5 * 3 > GATE_VISITORS_MAX)
        return GATE_VISITORS_MAX;
    return (uint32_t)(limit.rlim_cur / 5 * 3);
}

int gate_open(struct gate **out, const char *address, uint64_t *port, struct aq_error *error)
{
    int listener = listen_on(address, port, error);
    if (listener < 0)
        return -1;
    struct gate *gate = aq_calloc(1, sizeof *gate);
    gate->listener = listener;
    gate->most = visitors_most();
    for (uint32_t i = 0; i < GATE_VISITORS_MAX; i++)
        gate->free_slots[i] = (uint16_t)i;
    gate->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (gate->epoll < 0) {
        aq_fail_errno(error, errno, "cannot make an epoll descriptor");
        gate_close(gate);
        return -1;
    }
    watch_listener(gate, EPOLL_CTL_ADD, false);
    *out = gate;
    return 0;
}

void gate_close(struct gate *gate)
{
    if (gate == NULL)
        return;
    for (uint32_t i = 0; i < GATE_VISITORS_MAX; i++)
        if (gate->slots[i] != NULL)
            send_away(gate, gate->slots[i]);
    aq_assert(gate->held == 0 && gate->count == 0);
    if (gate->epoll >= 0)
        close(gate->epoll);
    close(gate->listener);
    free(gate);
}

int gate_fd(const struct gate *gate)
{
    return gate->epoll;
}
