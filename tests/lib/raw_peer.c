#include "tests/lib/raw_peer.h"
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

bool raw_peer_open(struct raw_peer *peer, unsigned port, const struct aq_wire_key *key)
{
    char greeting[RAW_PEER_GREETING];
    *peer = (struct raw_peer){.fd = test_connect(1, port, RAW_PEER_TIMEOUT_S), .key = *key};
    return peer->fd >= 0 && send(peer->fd, raw_peer_greeting, RAW_PEER_GREETING, MSG_NOSIGNAL) == RAW_PEER_GREETING &&
           raw_peer_read(peer->fd, greeting, sizeof greeting);
}

void raw_peer_close(struct raw_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
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

static bool raw_peer_send(struct raw_peer *peer, const void *body, size_t length)
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
    aq_wire_seal(&peer->key, type, message, &sealed);
    bool sent = raw_peer_send(peer, sealed.data, sealed.length);
    aq_buffer_free(&sealed);
    return sent;
}

bool raw_peer_receive(struct raw_peer *peer)
{
    unsigned char head[RAW_PEER_HEAD];
    struct aq_error error;
    uint64_t size;
    if (!raw_peer_read(peer->fd, head, sizeof head))
        return false;
    memcpy(&size, head, sizeof size);
    size = be64toh(size) - 4;
    aq_assert(size <= AQ_WIRE_MESSAGE_MAX);
    char *body = aq_malloc(size);
    aq_arena_reset(&peer->arena);
    bool good = raw_peer_read(peer->fd, body, size) &&
                aq_wire_open(&peer->key, body, size, &peer->type, &peer->message, &peer->arena, &error) == 0;
    free(body);
    return good;
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

void raw_peer_seal(const struct aq_wire_key *key, const void *plain, size_t length, struct aq_buffer *out)
{
    const size_t sealed_length = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + length;
    unsigned char *sealed = aq_malloc(sealed_length);
    randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, plain, length, sealed, key->bytes);
    aq_buffer_add(out, sealed, sealed_length);
    free(sealed);
}

bool raw_peer_send_sealed(struct raw_peer *peer, const void *plain, size_t length)
{
    struct aq_buffer sealed = {0};
    raw_peer_seal(&peer->key, plain, length, &sealed);
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
                             .capacity = {.cpu = 8000, .ram = 8192, .disk = 1024, .slots = 64}};
}
