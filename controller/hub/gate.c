#include "controller/hub/gate.h"

#include "drivers/cgroup/cgroup.h"
#include "schema/base/address.h"
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
    HEAD_MAX = 1 + LENGTH_SIZE, /* on a local socket, a byte comes before the length */
    NUMBER_SIZE = 4,
    SMALL_SIZE = 4096, /* any peer may have this many bytes held, admitted or not */
    SLOT_BITS = 16,    /* low bits of a peer's id: its slot; the bits above are a serial number */
    QUIET_S = 60,      /* the system probes a connection that has been silent this long, */
    PROBE_S = 10,      /* repeats the probe at this interval, */
    DEAD_MS = 60000,   /* and drops the peer after this long without an ACK, to free its slot */
};

static const uint64_t LISTENER = UINT64_MAX;
static const char LOCAL_MESSAGE = 1; /* the byte before the length: a message, and no shared memory */
static const char PEER_GREETING[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}, /* REQ */
    OUR_GREETING[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};                /* REP */

/* Of unadmitted peers. */
struct peer_list {
    struct peer *oldest, *newest;
    uint32_t count;
};

struct peer {
    uint64_t id;
    int fd;
    struct hub_source source;
    bool greeted, admitted;
    struct peer_list *list;     /* it is in this one; NULL: it is admitted */
    unsigned frames;            /* that came before it was admitted */
    bool ignored;               /* a message of this peer did not open: nothing more is read */
    bool stuck;                 /* answers wait until the peer reads */
    struct peer *older, *newer; /* in its list */
    uint64_t until_ms;          /* unadmitted: dropped then; 0: since the last tick, which will tell */
    struct aq_buffer in;        /* an incomplete message */
    struct aq_buffer out;       /* unsent answers, from `sent` on */
    size_t sent;
    size_t charged; /* bytes that the gate's totals include for this peer */
};

struct gate {
    struct hub_carrier carrier;
    int listener, epoll;
    bool local;  /* on a local socket */
    bool paused; /* no descriptor was free: no connection is accepted until the next tick */
    struct peer *slots[GATE_PEERS_MAX];
    uint16_t free_slots[GATE_PEERS_MAX];
    uint32_t count, count_max;
    uint64_t serial;
    struct peer_list strangers, vouched;
    size_t held, held_by_unadmitted; /* bytes of all buffers */

    struct epoll_event events[EVENTS_TURN];
    int event_count, event_next;
    bool seen_all;        /* the last epoll_wait() returned fewer events than it may: there are no more */
    struct peer *current; /* whose bytes are being read: `left` bytes at `data` */
    const char *data;
    size_t left;
    char scratch[READ_SIZE];
};

static struct gate *own(const struct hub_carrier *carrier)
{
    return (struct gate *)carrier;
}

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

static void list_peer(struct peer_list *list, struct peer *peer)
{
    peer->list = list;
    peer->until_ms = 0;
    peer->older = list->newest;
    *(peer->older != NULL ? &peer->older->newer : &list->oldest) = peer;
    list->newest = peer;
    list->count++;
}

static void unlist_peer(struct peer *peer)
{
    struct peer_list *list = peer->list;
    *(peer->older != NULL ? &peer->older->newer : &list->oldest) = peer->newer;
    *(peer->newer != NULL ? &peer->newer->older : &list->newest) = peer->older;
    peer->older = peer->newer = NULL;
    peer->list = NULL;
    list->count--;
}

static void drop_peer(struct gate *gate, struct peer *peer)
{
    aq_buffer_free(&peer->in);
    aq_buffer_free(&peer->out);
    charge(gate, peer);
    if (peer->list != NULL)
        unlist_peer(peer);
    if (gate->current == peer)
        gate->current = NULL;
    uint16_t slot = peer->id & ((1U << SLOT_BITS) - 1);
    gate->slots[slot] = NULL;
    gate->free_slots[--gate->count] = slot;
    close(peer->fd);
    free(peer);
}

static void admit_peer(struct gate *gate, struct peer *peer)
{
    unlist_peer(peer);
    gate->held_by_unadmitted -= peer->charged;
    peer->admitted = true;
}

/* The kernel says which process is at the other end of a local socket. A workload is no file view, not even as root. */
static bool is_trusted(int fd)
{
    uid_t uid;
    return cgroup_peer_is_outside(fd, &uid) && (uid == 0 || uid == geteuid());
}

/* So that the system notices a peer that has vanished. */
static void watch_connection(int fd)
{
    int on = 1, quiet_s = QUIET_S, probe_s = PROBE_S, dead_ms = DEAD_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &quiet_s, sizeof quiet_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &probe_s, sizeof probe_s);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
}

static void add_peer(struct gate *gate, int fd, const struct sockaddr_storage *address)
{
    struct peer_list *strangers = &gate->strangers;
    if (strangers->count == GATE_STRANGERS_MAX || (gate->count == gate->count_max && strangers->count > 0))
        drop_peer(gate, strangers->oldest);
    if (gate->count == gate->count_max || (gate->local && !is_trusted(fd)) ||
        send(fd, OUR_GREETING, GREETING_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL) != GREETING_SIZE) {
        close(fd);
        return;
    }
    if (!gate->local)
        watch_connection(fd);
    uint16_t slot = gate->free_slots[gate->count++];
    struct peer *peer = aq_calloc(1, sizeof *peer);
    *peer = (struct peer){.id = ++gate->serial << SLOT_BITS | slot, .fd = fd};
    (void)aq_address_bytes((const struct sockaddr *)address, peer->source.bytes); /* a local socket: zeros */
    list_peer(strangers, peer);
    gate->slots[slot] = peer;
    if (gate->local)
        admit_peer(gate, peer);
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
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd = accept4(gate->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            add_peer(gate, fd, &address);
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

/* What comes before a message of so many bytes. */
static size_t put_head(const struct gate *gate, unsigned char head[HEAD_MAX], uint64_t size)
{
    const uint64_t length = htobe64(size);
    size_t at = gate->local ? 1 : 0;
    head[0] = (unsigned char)LOCAL_MESSAGE;
    memcpy(head + at, &length, sizeof length);
    return at + sizeof length;
}

static void gate_answer(struct hub_carrier *carrier, uint64_t to, const void *header, size_t header_length,
                        const void *sealed, size_t length)
{
    struct gate *gate = own(carrier);
    struct peer *peer = find_peer(gate, to);
    unsigned char head[HEAD_MAX];
    const size_t head_length = put_head(gate, head, header_length + length);
    struct iovec parts[] = {{head, head_length}, {(void *)header, header_length}, {(void *)sealed, length}};
    const size_t total = head_length + header_length + length;
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
static int next_message(struct gate *gate, struct hub_frame *frame)
{
    struct peer *peer = gate->current;
    const size_t head = gate->local ? HEAD_MAX : LENGTH_SIZE;
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
    if (gate->left < head)
        return 0;
    memcpy(&size, gate->data + head - LENGTH_SIZE, sizeof size);
    size = be64toh(size);
    if (size > GATE_MESSAGE_MAX || (gate->local && gate->data[0] != LOCAL_MESSAGE))
        return drop_current(gate);
    if (gate->left - head < size)
        return 0;
    const char *data = gate->data + head;
    size_t stack = stack_length(data, size);
    if (stack == 0)
        return drop_current(gate);
    frame->peer = peer->id;
    frame->source = peer->source;
    memcpy(frame->header, data, stack);
    frame->header_length = (unsigned)stack;
    frame->sealed = data + stack;
    frame->length = size - stack;
    gate->data += head + size;
    gate->left -= head + size;
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

static int gate_receive(struct hub_carrier *carrier, struct hub_frame *frame)
{
    struct gate *gate = own(carrier);
    bool waited = false;
    for (;;) {
        if (gate->current != NULL) {
            int got = next_message(gate, frame);
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

static void gate_judge(struct hub_carrier *carrier, bool ours)
{
    struct gate *gate = own(carrier);
    struct peer *peer = gate->current;
    aq_assert(peer != NULL);
    const bool too_many = !peer->admitted && ++peer->frames >= GATE_UNADMITTED_FRAMES;
    if (!ours && peer->admitted) {
        drop_peer(gate, peer);
    } else if (!ours || too_many) {
        /* Not dropped yet: it would reconnect at once. It keeps its place until its time is over. */
        peer->ignored = true;
        update_interest(gate, peer);
        gate->left = 0;
        (void)keep_incomplete(gate);
    }
}

/* It gets its time once more. The peer is the one whose message is handled, so the oldest is another one. */
static void gate_vouch(struct hub_carrier *carrier, uint64_t id)
{
    struct gate *gate = own(carrier);
    struct peer *peer = find_peer(gate, id);
    if (peer == NULL || peer->list != &gate->strangers)
        return;
    if (gate->vouched.count == GATE_VOUCHED_MAX)
        drop_peer(gate, gate->vouched.oldest);
    unlist_peer(peer);
    list_peer(&gate->vouched, peer);
}

static void gate_admit(struct hub_carrier *carrier, uint64_t id)
{
    struct gate *gate = own(carrier);
    struct peer *peer = find_peer(gate, id);
    if (peer != NULL && !peer->admitted)
        admit_peer(gate, peer);
}

static bool gate_has(const struct hub_carrier *carrier, uint64_t id)
{
    return find_peer(own(carrier), id) != NULL;
}

/* A peer's time begins with the tick after it was listed: that time was not known then, if the last tick is long ago.
 */
static void drop_late(struct gate *gate, struct peer_list *list, uint64_t now_ms)
{
    for (struct peer *peer = list->newest; peer != NULL && peer->until_ms == 0; peer = peer->older)
        peer->until_ms = now_ms + GATE_ADMIT_MS;
    while (list->oldest != NULL && list->oldest->until_ms <= now_ms)
        drop_peer(gate, list->oldest);
}

static void gate_tick(struct hub_carrier *carrier, uint64_t now_ms)
{
    struct gate *gate = own(carrier);
    drop_late(gate, &gate->strangers, now_ms);
    drop_late(gate, &gate->vouched, now_ms);
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

static void gate_close(struct hub_carrier *carrier)
{
    struct gate *gate = own(carrier);
    for (uint32_t i = 0; i < GATE_PEERS_MAX; i++)
        if (gate->slots[i] != NULL)
            drop_peer(gate, gate->slots[i]);
    aq_assert(gate->held == 0 && gate->count == 0);
    if (gate->epoll >= 0)
        close(gate->epoll);
    close(gate->listener);
    free(gate);
}

static int gate_fd(const struct hub_carrier *carrier)
{
    return own(carrier)->epoll;
}

static const struct hub_carrier_kind gate_kind = {.close = gate_close,
                                                  .receive = gate_receive,
                                                  .judge = gate_judge,
                                                  .vouch = gate_vouch,
                                                  .answer = gate_answer,
                                                  .admit = gate_admit,
                                                  .has = gate_has,
                                                  .tick = gate_tick,
                                                  .fd = gate_fd};

static int open_gate(struct hub_carrier **out, int listener, bool local, struct aq_error *error)
{
    struct gate *gate = aq_calloc(1, sizeof *gate);
    gate->carrier.kind = &gate_kind;
    gate->listener = listener;
    gate->local = local;
    gate->count_max = local ? GATE_LOCAL_MAX : peers_max();
    for (uint32_t i = 0; i < GATE_PEERS_MAX; i++)
        gate->free_slots[i] = (uint16_t)i;
    gate->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (gate->epoll < 0) {
        aq_fail_errno(error, errno, "cannot make an epoll descriptor");
        gate_close(&gate->carrier);
        return -1;
    }
    watch_listener(gate, EPOLL_CTL_ADD, false);
    *out = &gate->carrier;
    return 0;
}

int gate_open(struct hub_carrier **out, const char *address, uint64_t *port, struct aq_error *error)
{
    int listener = listen_on(address, port, error);
    return listener >= 0 ? open_gate(out, listener, false, error) : -1;
}

int gate_open_local(struct hub_carrier **out, const char *path, struct aq_error *error)
{
    int listener = aq_listen_open_local(path, 0600, (gid_t)-1, BACKLOG, error);
    return listener >= 0 ? open_gate(out, listener, true, error) : -1;
}
