/* A peer on the agents' port that speaks nanomsg's protocol byte by byte, so that it can also break it: eight bytes of
 * greeting, then messages, each after its length and a number. */
#ifndef AQ_TESTS_LIB_RAW_PEER_H
#define AQ_TESTS_LIB_RAW_PEER_H

#include "schema/base/memory.h"
#include "schema/wire/messages.h"
#include "tests/lib/identities.h"

#include <stdbool.h>
#include <stdint.h>

enum { RAW_PEER_GREETING = 8, RAW_PEER_HEAD = 12, RAW_PEER_TIMEOUT_S = 5 };

extern const char raw_peer_greeting[RAW_PEER_GREETING];

struct raw_peer {
    int fd;
    uint32_t number; /* of the last question */
    struct test_end end;
    struct aq_arena arena; /* of the last answer */
    enum aq_message_type type;
    void *message;
};

/* Connects. */
bool raw_peer_open(struct raw_peer *peer, unsigned port);
/* Enrols as this node's agent, with the secret of a join token. False: it is refused. */
bool raw_peer_enrol(struct raw_peer *peer, const char *name, const char *secret);
/* Begins a sealed session. False: the hub does not. */
bool raw_peer_begin(struct raw_peer *peer, const struct aq_identity *identity);
void raw_peer_close(struct raw_peer *peer);
/* A message as nanomsg sends it: its length, the numbers 1 to `hops` of the connections it passed, its own number, the
 * body. */
void raw_peer_frame(struct aq_buffer *out, uint32_t hops, uint32_t number, const void *body, size_t length);
bool raw_peer_ask(struct raw_peer *peer, enum aq_message_type type, const void *message);
/* Receives the next answer, whichever question it belongs to. Returns false after a timeout. */
bool raw_peer_receive(struct raw_peer *peer);
/* Asks, and tells whether the answer has this type. */
bool raw_peer_expect(struct raw_peer *peer, enum aq_message_type question, const void *message,
                     enum aq_message_type answer);
/* The name of the error in a refusal, or "". */
const char *raw_peer_refusal(const struct raw_peer *peer);
/* Sends any bytes as they are. */
bool raw_peer_send(struct raw_peer *peer, const void *body, size_t length);
/* Sends any bytes, sealed, so that the caller chooses format, type and record. */
bool raw_peer_send_sealed(struct raw_peer *peer, const void *plain, size_t length);
struct aq_hello raw_peer_hello(const char *name, uint64_t instance, uint64_t session);

#endif
