/* Somebody on the agents' port who speaks what nanomsg speaks there, byte by byte, so that he can also speak it
 * wrongly: eight bytes of greeting, then messages, each with its length in front and a number before its body. */
#ifndef AQ_TESTS_LIB_VISITOR_H
#define AQ_TESTS_LIB_VISITOR_H

#include "schema/wire/messages.h"
#include "schema/wire/seal.h"
#include "tests/lib/abuse.h"

#include <endian.h>

enum { VISITOR_GREETING = 8, VISITOR_HEAD = 12, VISITOR_PLAIN_MAX = 4096 };

static const char visitor_greeting[VISITOR_GREETING] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

struct visitor {
    int fd;
    uint32_t number; /* of the last question */
    struct aq_wire_key key;
    struct aq_arena arena; /* of the last answer */
    enum aq_message_type type;
    void *message;
};

static inline void visitor_key(struct aq_wire_key *key)
{
    char path[BENCH_PATH_SIZE + 16];
    struct aq_error error;
    snprintf(path, sizeof path, "%s/" AQ_FILE_AGENT_KEY, abuse_cluster.directory);
    BENCH_MUST(aq_wire_key_load(key, path, &error) == 0);
}

/* Reads exactly so much; false: it did not come. */
static inline bool visitor_read(int fd, void *bytes, size_t length)
{
    return recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length;
}

static inline bool visitor_open(struct visitor *visitor, const struct aq_wire_key *key)
{
    char greeting[VISITOR_GREETING];
    *visitor = (struct visitor){.fd = abuse_connect(abuse_cluster.hub_port, 1), .key = *key};
    return visitor->fd >= 0 &&
           send(visitor->fd, visitor_greeting, VISITOR_GREETING, MSG_NOSIGNAL) == VISITOR_GREETING &&
           visitor_read(visitor->fd, greeting, sizeof greeting);
}

static inline void visitor_close(struct visitor *visitor)
{
    if (visitor->fd >= 0)
        close(visitor->fd);
    aq_arena_free(&visitor->arena);
}

/* A message as it stands on the wire. */
static inline void visitor_frame(struct aq_buffer *out, uint32_t number, const void *body, size_t length)
{
    const uint64_t size = htobe64(length + sizeof number);
    const uint32_t bottom = htobe32(number | 0x80000000U);
    aq_buffer_add(out, &size, sizeof size);
    aq_buffer_add(out, &bottom, sizeof bottom);
    aq_buffer_add(out, body, length);
}

static inline bool visitor_send(struct visitor *visitor, const void *body, size_t length)
{
    struct aq_buffer frame = {0};
    visitor_frame(&frame, ++visitor->number, body, length);
    bool sent = send(visitor->fd, frame.data, frame.length, MSG_NOSIGNAL) == (ssize_t)frame.length;
    aq_buffer_free(&frame);
    return sent;
}

static inline bool visitor_ask(struct visitor *visitor, enum aq_message_type type, const void *message)
{
    struct aq_buffer sealed = {0};
    aq_wire_seal(&visitor->key, type, message, &sealed);
    bool sent = visitor_send(visitor, sealed.data, sealed.length);
    aq_buffer_free(&sealed);
    return sent;
}

/* The next answer, within the socket's patience; whose question it answers does not matter. */
static inline bool visitor_hear(struct visitor *visitor)
{
    unsigned char head[VISITOR_HEAD];
    struct aq_error error;
    uint64_t size;
    if (!visitor_read(visitor->fd, head, sizeof head))
        return false;
    memcpy(&size, head, sizeof size);
    size = be64toh(size) - 4;
    BENCH_MUST(size <= AQ_WIRE_MESSAGE_MAX);
    char *body = aq_malloc(size);
    aq_arena_reset(&visitor->arena);
    bool good = visitor_read(visitor->fd, body, size) && aq_wire_open(&visitor->key, body, size, &visitor->type,
                                                                      &visitor->message, &visitor->arena, &error) == 0;
    free(body);
    return good;
}

/* Asks, and is the answer of this type? */
static inline bool visitor_gets(struct visitor *visitor, enum aq_message_type question, const void *message,
                                enum aq_message_type answer)
{
    return visitor_ask(visitor, question, message) && visitor_hear(visitor) && visitor->type == answer;
}

/* The error's name in a refusal. */
static inline const char *visitor_refusal(const struct visitor *visitor)
{
    return visitor->type == AQ_MSG_REFUSED ? ((const struct aq_refused *)visitor->message)->error : "";
}

/* Any bytes, sealed with the right key: format, type and record are up to the caller. */
static inline bool visitor_send_sealed(struct visitor *visitor, const void *plain, size_t length)
{
    unsigned char sealed[crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + VISITOR_PLAIN_MAX];
    BENCH_MUST(length <= VISITOR_PLAIN_MAX);
    randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, plain, length, sealed, visitor->key.bytes);
    return visitor_send(visitor, sealed, crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + length);
}

static inline struct aq_hello visitor_hello(const char *name, uint64_t instance, uint64_t session)
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

#endif
