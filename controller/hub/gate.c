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
    SMALL_SIZE = 4096, /* any peer may have this many bytes held, admitted or not */
    SLOT_BITS = 16,    /* low bits of a peer's id: its slot; the bits above are a serial number */
    QUIET_S = 60,      /* the system probes a connection that has been silent this long, */
    PROBE_S = 10,      /* repeats the probe at this interval, */
    DEAD_MS = 60000,   /* and drops the peer after this long without an ACK, to free its slot */
};

static const uint64_t LISTENER = UINT64_MAX;
static const char PEER_GREETING[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}, /* REQ */
    OUR_GREETING[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};                /* REP */

struct peer {
    uint64_t id;
    int fd;
    bool greeted, admitted;
    bool ignored;               /* a message of this peer did not open: nothing more is read */
    bool stuck;                 /* answers wait until the peer reads */
    struct peer *older, *newer; /* in the list of unadmitted peers */
    uint64_t until_ms;          /* unadmitted: dropped then */
    struct aq_buffer in;        /* an incomplete message */
    struct aq_buffer out;       /* unsent answers, from `sent` on */
    size_t sent;
    size_t charged; /* bytes that the gate's totals include for this peer */
};

struct gate {
    int listener, epoll;
    bool paused; /* no descriptor was free: no connection is accepted until the next tick */
    struct peer *slots[GATE_PEERS_MAX];
    uint16_t free_slots[GATE_PEERS_MAX];
    uint32_t count, count_max;
    uint64_t serial;
    struct peer *oldest, *newest; /* unadmitted peers */
    uint32_t unadmitted;
    size_t held, held_by_unadmitted; /* bytes of all buffers */

    struct epoll_event events[EVENTS_TURN];
    int event_count, event_next;
    bool seen_all;        /* the last epoll_wait() returned fewer events than it may: there are no more */
    struct peer *current; /* whose bytes are being read: `left` bytes at `data` */
    const char *data;
    size_t left;
    char scratch[READ_SIZE];
};

/* ---- peers --------------------------------------------------------------------------------------------- */

static struct peer *find_peer(const struct gate *gate, uint64_t id)
{
    uint64_t slot = id & ((1U << SLOT_BITS) - 1);
    struct peer *peer = slot < GATE_PEERS_MAX ? gate->slots[slot] : NULL;
    return peer != NULL && peer->id == id ? peer : NULL;
}

static int set_interest(struct gate *gate, struct peer *peer, int operation)
{
    struct epoll_event event = {.events = (peer->ignored ? 0 : EPOLLIN) | (peer->stuck ? EPOLLOUT : 0),
                                .data.u64 = peer->id};
    return epoll_ctl(gate->epoll, operation, peer->fd, &event);
}

static void update_interest(struct gate *gate, struct peer *peer)
{
    int failed = set_interest(gate, peer, EPOLL_CTL_MOD);
    aq_assert(failed == 0);
}

/* Updates the totals after the peer's buffers have changed. */
static void charge(struct gate *gate, struct peer *peer)
{
    size_t bytes = peer->in.capacity + peer->out.capacity;
    gate->held += bytes - peer->charged;
    if (!peer->admitted)
        gate->held_by_unadmitted += bytes - peer->charged;
    peer->charged = bytes;
}

static void remove_unadmitted(struct gate *gate, struct peer *peer)
{
    *(peer->older != NULL ? &peer->older->newer : &gate->oldest) = peer->newer;
    *(peer->newer != NULL ? &peer->newer->older : &gate->newest) = peer->older;
    peer->older = peer->newer = NULL;
    gate->unadmitted--;
}

static void drop_peer(struct gate *gate, struct peer *peer)
{
    aq_buffer_free(&peer->in);
    aq_buffer_free(&peer->out);
    charge(gate, peer);
    if (!peer->admitted)
        remove_unadmitted(gate, peer);
    if (gate->current == peer)
        gate->current = NULL;
    uint16_t slot = peer->id & ((1U << SLOT_BITS) - 1);
    gate->slots[slot] = NULL;
    gate->free_slots[--gate->count] = slot;
    close(peer->fd);
    free(peer);
}

static void add_peer(struct gate *gate, int fd)
{
    int on = 1, quiet_s = QUIET_S, probe_s = PROBE_S, dead_ms = DEAD_MS;
    if (gate->unadmitted == GATE_UNADMITTED_MAX || (gate->count == gate->count_max && gate->unadmitted > 0))
        drop_peer(gate, gate->oldest);
    if (gate->count == gate->count_max ||
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
    struct peer *peer = aq_calloc(1, sizeof *peer);
    *peer = (struct peer){.id = ++gate->serial << SLOT_BITS | slot,
                          .fd = fd,
                          .older = gate->newest,
                          .until_ms = aq_clock_coarse_ms() + GATE_ADMIT_MS};
    *(peer->older != NULL ? &peer->older->newer : &gate->oldest) = peer;
    gate->newest = peer;
    gate->unadmitted++;
    gate->slots[slot] = peer;
    if (set_interest(gate, peer, EPOLL_CTL_ADD) != 0) /* a limit of the system is reached */
        drop_peer(gate, peer);
}

static void watch_listener(struct gate *gate, int operation, bool paused)
{
    struct epoll_event event = {.events = paused ? 0 : EPOLLIN, .data.u64 = LISTENER};
    int failed = epoll_ctl(gate->epoll, operation, gate->listener, &event);
    aq_assert(failed == 0);
    gate->paused = paused;
}

static void accept_peers(struct gate *gate)
{
    for (int i = 0; i < ACCEPT_TURN; i++) {
        int fd = accept4(gate->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            add_peer(gate, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            watch_listener(gate, EPOLL_CTL_MOD, true);
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Sends as much of the unsent answers as the peer takes. */
static void send_unsent(struct gate *gate, struct peer *peer)
{
    struct aq_buffer *out = &peer->out;
    ssize_t got = send(peer->fd, out->data + peer->sent, out->length - peer->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (got > 0)
        peer->sent += (size_t)got;
    if (peer->sent < out->length)
        return; /* if the connection is broken, epoll reports that too */
    aq_buffer_free(out);
    peer->sent = 0;
    peer->stuck = false;
    charge(gate, peer);
    update_interest(gate, peer);
}

static void keep_unsent(struct gate *gate, struct peer *peer, const struct iovec *parts, size_t count, size_t skip)
{
    struct aq_buffer *out = &peer->out;
    if (peer->sent > out->length / 2) { /* otherwise it grows for ever if the peer reads, but never everything */
        memmove(out->data, out->data + peer->sent, out->length - peer->sent);
        out->length -= peer->sent;
        peer->sent = 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t skipped = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        aq_buffer_add(out, (const char *)parts[i].iov_base + skipped, parts[i].iov_len - skipped);
        skip -= skipped;
    }
    charge(gate, peer);
    if (peer->stuck)
        return;
    peer->stuck = true;
    update_interest(gate, peer);
}

/* Do the bounds allow to hold `more` bytes that the peer does not read at once? */
static bool may_keep(const struct gate *gate, const struct peer *peer, size_t more)
{
    size_t waits = peer->out.length - peer->sent;
    if (!peer->admitted && waits + more > SMALL_SIZE && gate->held_by_unadmitted + more > GATE_UNADMITTED_BYTES)
        return false;
    return (waits == 0 || waits + more <= GATE_UNREAD_MAX) && gate->held + more <= GATE_BYTES_MAX;
}

void gate_answer(struct gate *gate, uint64_t to, const void *stack, size_t stack_length, const void *body,
                 size_t length)
{
    struct peer *peer = find_peer(gate, to);
    const uint64_t size = htobe64(stack_length + length);
    struct iovec parts[] = {{(void *)&size, sizeof size}, {(void *)stack, stack_length}, {(void *)body, length}};
    const size_t total = sizeof size + stack_length + length;
    if (peer == NULL)
        return;
    if (peer->stuck) {
        if (may_keep(gate, peer, total))
            keep_unsent(gate, peer, parts, AQ_LENGTH(parts), 0);
        return;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = AQ_LENGTH(parts)};
    ssize_t got = sendmsg(peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (got < 0 && errno != EAGAIN)
        return; /* the connection is broken: epoll reports it */
    size_t sent = got > 0 ? (size_t)got : 0;
    if (sent == total)
        return;
    if (may_keep(gate, peer, total - sent))
        keep_unsent(gate, peer, parts, AQ_LENGTH(parts), sent);
    else if (sent > 0)
        shutdown(peer->fd, SHUT_RDWR); /* half an answer cannot be taken back */
}

/* ---- messages ------------------------------------------------------------------------------------------ */

/* The length of the stack: up to and including the first number whose top bit is set. 0: there is no such number. */
static size_t stack_length(const char *data, size_t length)
{
    for (size_t at = 0; at + NUMBER_SIZE <= length && at < GATE_STACK_MAX; at += NUMBER_SIZE)
        if (data[at] & 0x80)
            return at + NUMBER_SIZE;
    return 0;
}

static int drop_current(struct gate *gate)
{
    drop_peer(gate, gate->current);
    return -1;
}

/* Takes the next complete message from the bytes of `current`. 1: there is one. 0: there is none. -1: what came is not
 * this protocol, and the peer was dropped. */
static int next_message(struct gate *gate, struct gate_message *message)
{
    struct peer *peer = gate->current;
    uint64_t size;
    if (!peer->greeted) {
        if (gate->left < GREETING_SIZE)
            return 0;
        if (memcmp(gate->data, PEER_GREETING, GREETING_SIZE) != 0)
            return drop_current(gate);
        peer->greeted = true;
        gate->data += GREETING_SIZE;
        gate->left -= GREETING_SIZE;
    }
    if (gate->left < LENGTH_SIZE)
        return 0;
    memcpy(&size, gate->data, sizeof size);
    size = be64toh(size);
    if (size > GATE_MESSAGE_MAX)
        return drop_current(gate);
    if (gate->left - LENGTH_SIZE < size)
        return 0;
    const char *data = gate->data + LENGTH_SIZE;
    size_t stack = stack_length(data, size);
    if (stack == 0)
        return drop_current(gate);
    *message = (struct gate_message){
        .from = peer->id, .stack = data, .stack_length = stack, .body = data + stack, .length = size - stack};
    gate->data += LENGTH_SIZE + size;
    gate->left -= LENGTH_SIZE + size;
    return 1;
}

/* Keeps the remaining bytes of `current` until more arrive. -1: a bound is reached, and the peer was dropped. */
static int keep_incomplete(struct gate *gate)
{
    struct peer *peer = gate->current;
    struct aq_buffer *in = &peer->in;
    if (gate->left == 0)
        aq_buffer_free(in);
    else if (in->length == 0)
        aq_buffer_add(in, gate->data, gate->left);
    else if (gate->data != in->data) /* nothing to move if no message was complete */
        memmove(in->data, gate->data, gate->left);
    in->length = gate->left;
    charge(gate, peer);
    gate->current = NULL;
    if (gate->held <= GATE_BYTES_MAX &&
        (peer->admitted || in->capacity <= SMALL_SIZE || gate->held_by_unadmitted <= GATE_UNADMITTED_BYTES))
        return 0;
    drop_peer(gate, peer);
    return -1;
}

static void read_peer(struct gate *gate, struct peer *peer)
{
    ssize_t got = recv(peer->fd, gate->scratch, sizeof gate->scratch, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || peer->ignored) {
        drop_peer(gate, peer);
        return;
    }
    gate->current = peer;
    gate->data = gate->scratch;
    gate->left = (size_t)got;
    if (peer->in.length == 0)
        return;
    aq_buffer_add(&peer->in, gate->scratch, (size_t)got);
    gate->data = peer->in.data;
    gate->left = peer->in.length;
}

static void handle_event(struct gate *gate, const struct epoll_event *event)
{
    if (event->data.u64 == LISTENER) {
        accept_peers(gate);
        return;
    }
    struct peer *peer = find_peer(gate, event->data.u64);
    if (peer == NULL)
        return; /* dropped by an earlier event */
    if (event->events & EPOLLOUT && peer->stuck)
        send_unsent(gate, peer);
    if (event->events & ~(uint32_t)EPOLLOUT)
        read_peer(gate, peer);
}

int gate_receive(struct gate *gate, struct gate_message *message)
{
    bool waited = false;
    for (;;) {
        if (gate->current != NULL) {
            int got = next_message(gate, message);
            if (got == 0)
                got = keep_incomplete(gate);
            if (got != 0)
                return got;
        }
        if (gate->event_next == gate->event_count) {
            if (waited || gate->seen_all) {
                gate->seen_all = false;
                return 0; /* the caller has other work too; epoll still reports what is left */
            }
            int count = epoll_wait(gate->epoll, gate->events, EVENTS_TURN, 0);
            gate->event_count = count > 0 ? count : 0;
            gate->event_next = 0;
            gate->seen_all = count > 0 && count < EVENTS_TURN;
            waited = true;
            if (gate->event_count == 0)
                return 0;
        }
        handle_event(gate, &gate->events[gate->event_next++]);
    }
}

void gate_judge(struct gate *gate, bool ours)
{
    struct peer *peer = gate->current;
    aq_assert(peer != NULL);
    if (!ours && peer->admitted) {
        drop_peer(gate, peer);
    } else if (!ours) {
        /* Not dropped yet: it would reconnect at once. It keeps its place until its time is over. */
        peer->ignored = true;
        update_interest(gate, peer);
        gate->left = 0;
        (void)keep_incomplete(gate);
    }
}

void gate_admit(struct gate *gate, uint64_t id)
{
    struct peer *peer = find_peer(gate, id);
    if (peer == NULL || peer->admitted)
        return;
    remove_unadmitted(gate, peer);
    gate->held_by_unadmitted -= peer->charged;
    peer->admitted = true;
}

bool gate_has(const struct gate *gate, uint64_t id)
{
    return find_peer(gate, id) != NULL;
}

void gate_tick(struct gate *gate)
{
    uint64_t now = aq_clock_coarse_ms();
    while (gate->oldest != NULL && gate->oldest->until_ms <= now)
        drop_peer(gate, gate->oldest);
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

/* Agents get three fifths of the descriptors; the rest of the process gets the others. */
static uint32_t peers_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 5 * 3 > GATE_PEERS_MAX)
        return GATE_PEERS_MAX;
    return (uint32_t)(limit.rlim_cur / 5 * 3);
}

int gate_open(struct gate **out, const char *address, uint64_t *port, struct aq_error *error)
{
    int listener = listen_on(address, port, error);
    if (listener < 0)
        return -1;
    struct gate *gate = aq_calloc(1, sizeof *gate);
    gate->listener = listener;
    gate->count_max = peers_max();
    for (uint32_t i = 0; i < GATE_PEERS_MAX; i++)
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
    for (uint32_t i = 0; i < GATE_PEERS_MAX; i++)
        if (gate->slots[i] != NULL)
            drop_peer(gate, gate->slots[i]);
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
