#include "tests/lib/raw_peer.h"
#include "schema/wire/join.h"
#include "tests/lib/socket.h"

#include <endian.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char raw_peer_greeting[RAW_PEER_GREETING] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

/* Reads exactly so many bytes; false when fewer come. */
static bool raw_peer_read(int fd, void *bytes, size_t length)
{
    return recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length;
}

bool raw_peer_open(struct raw_peer *peer, unsigned port)
{
    char greeting[RAW_PEER_GREETING];
    *peer = (struct raw_peer){.fd = test_connect(1, port, RAW_PEER_TIMEOUT_S)};
    return peer->fd >= 0 && send(peer->fd, raw_peer_greeting, RAW_PEER_GREETING, MSG_NOSIGNAL) == RAW_PEER_GREETING &&
           raw_peer_read(peer->fd, greeting, sizeof greeting);
}

void raw_peer_close(struct raw_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    test_end_free(&peer->end);
    aq_arena_free(&peer->arena);
}

void raw_peer_frame(struct aq_buffer *out, uint32_t hops, uint32_t number, const void *body, size_t length)
{
    const uint64_t size = htobe64((hops + 1) * sizeof number + length);
    aq_buffer_add(out, &size, sizeof size);
    for (uint32_t hop = 1; hop <= hops; hop++)
        aq_buffer_add(out, &(uint32_t){htobe32(hop)}, sizeof hop);
    aq_buffer_add(out, &(uint32_t){htobe32(number | 0x80000000U)}, sizeof number);
    aq_buffer_add(out, body, length);
}

bool raw_peer_send(struct raw_peer *peer, const void *body, size_t length)
{
    struct aq_buffer frame = {0};
    raw_peer_frame(&frame, 0, ++peer->number, body, length);
    bool sent = send(peer->fd, frame.data, frame.length, MSG_NOSIGNAL) == (ssize_t)frame.length;
    aq_buffer_free(&frame);
    return sent;
}

bool raw_peer_ask(struct raw_peer *peer, enum aq_message_type type, const void *message)
{
    struct aq_buffer sealed = {0};
    test_end_seal(&peer->end, type, message, &sealed);
    bool sent = raw_peer_send(peer, sealed.data, sealed.length);
    aq_buffer_free(&sealed);
    return sent;
}

/* Receives the next frame, whatever it is. */
static bool receive_frame(struct raw_peer *peer, struct aq_buffer *frame)
{
    unsigned char head[RAW_PEER_HEAD];
    uint64_t size;
    if (!raw_peer_read(peer->fd, head, sizeof head))
        return false;
    memcpy(&size, head, sizeof size);
    size = be64toh(size) - 4;
    aq_assert(size <= AQ_WIRE_MESSAGE_MAX);
    aq_buffer_reset(frame);
    aq_buffer_room(frame, size);
    frame->length = size;
    return raw_peer_read(peer->fd, frame->data, size);
}

bool raw_peer_enrol(struct raw_peer *peer, const char *name, const char *secret)
{
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0}, answer = {0};
    const struct aq_enrol enrol = {.name = name, .instance = 1, .secret = secret};
    struct aq_noise noise;
    struct aq_noise_pair own;
    struct aq_frame frame;
    test_node_pair(&own, name);
    aq_join_begin(&noise, &own, &out);
    if (!raw_peer_send(peer, out.data, out.length) || !receive_frame(peer, &answer) ||
        !aq_frame_read(&frame, answer.data, answer.length) || frame.kind != AQ_FRAME_PROOF)
        return false;
    aq_buffer_reset(&out);
    if (!aq_noise_read(&noise, frame.data, frame.length, &out))
        return false;
    aq_buffer_reset(&out);
    peer->end.asked = 0;
    return aq_join_enrol(&noise, frame.session, &enrol, &peer->end.session, &out) &&
           raw_peer_send(peer, out.data, out.length) && raw_peer_receive(peer) && peer->type == AQ_MSG_ENROLLED;
}

bool raw_peer_begin(struct raw_peer *peer, const struct aq_identity *identity)
{
    AQ_CLEANUP_BUFFER struct aq_buffer frame = {0};
    peer->end.identity = *identity;
    test_end_begin(&peer->end, &frame);
    return raw_peer_send(peer, frame.data, frame.length) && receive_frame(peer, &frame) &&
           test_end_take(&peer->end, frame.data, frame.length);
}

bool raw_peer_receive(struct raw_peer *peer)
{
    AQ_CLEANUP_BUFFER struct aq_buffer frame = {0};
    if (!receive_frame(peer, &frame))
        return false;
    aq_arena_reset(&peer->arena);
    return test_end_open(&peer->end, peer->end.asked, frame.data, frame.length, &peer->type, &peer->message,
                         &peer->arena);
}

bool raw_peer_expect(struct raw_peer *peer, enum aq_message_type question, const void *message,
                     enum aq_message_type answer)
{
    return raw_peer_ask(peer, question, message) && raw_peer_receive(peer) && peer->type == answer;
}

const char *raw_peer_refusal(const struct raw_peer *peer)
{
    return peer->type == AQ_MSG_REFUSED ? ((const struct aq_refused *)peer->message)->error : "";
}

bool raw_peer_send_sealed(struct raw_peer *peer, const void *plain, size_t length)
{
    struct aq_buffer sealed = {0};
    peer->end.asked = aq_sealed_seal(&peer->end.session, NULL, plain, length, &sealed);
    bool sent = raw_peer_send(peer, sealed.data, sealed.length);
    aq_buffer_free(&sealed);
    return sent;
}

struct aq_hello raw_peer_hello(const char *name, uint64_t instance, uint64_t session)
{
    static const char *drivers[] = {"test"};
    return (struct aq_hello){.name = name,
                             .instance = instance,
                             .session = session,
                             .address = "127.0.0.1",
                             .agent_version = "abuse",
                             .drivers = {drivers, 1},
                             .capacity = {.cpu = 8000, .ram = 8192, .disk = 1024, .slots = 64},
                             .process = session,
                             .home = instance};
}
