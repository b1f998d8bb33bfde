/* The gate accepts the agents' TCP connections and bounds what they can take before they have shown the key.
 *
 * It speaks the protocol of nanomsg's REQ sockets: each side sends a greeting of eight bytes, then messages. A message
 * is its length, a stack of numbers that the answer must carry back, and a body. nanomsg's own listener cannot be used
 * here: it keeps every connection for as long as the other side likes, and some input that is not SP makes it abort the
 * process (nanomsg issue 956). The gate bounds everything:
 *
 *   - A peer is unadmitted until it has sent a message that opened with our key and cannot be a recording. It has a few
 *     seconds for that. The number of unadmitted peers is limited; for one more, the oldest is dropped. After a message
 *     that does not open, nothing more is read from the peer.
 *   - Incomplete messages and unread answers are limited for each peer, for all unadmitted peers, and in total.
 *   - Agents cannot take all descriptors of the process.
 *
 * All functions must be called on the hub's thread. */
#ifndef AQ_CONTROLLER_HUB_GATE_H
#define AQ_CONTROLLER_HUB_GATE_H

#include "schema/base/error.h"
#include "schema/wire/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GATE_PEERS_MAX = 12000,           /* connections; fewer if the process may open fewer descriptors */
    GATE_UNADMITTED_MAX = 1024,       /* of them, those that are not admitted yet */
    GATE_ADMIT_MS = 5000,             /* an unadmitted peer is dropped after this long */
    GATE_BYTES_MAX = 256 << 20,       /* of incomplete messages and unread answers, of all peers */
    GATE_UNADMITTED_BYTES = 16 << 20, /* the same, of all unadmitted peers; small buffers are not refused */
    GATE_UNREAD_MAX = 4 << 20,        /* of unread answers, for each peer; more are dropped, and the peer asks again */
    GATE_STACK_MAX = 64,              /* of a message's stack */
    GATE_MESSAGE_MAX = AQ_WIRE_MESSAGE_MAX + GATE_STACK_MAX
};

struct gate;

struct gate_message {
    uint64_t from; /* the peer's id, for gate_answer() and gate_admit() */
    const char *stack, *body;
    size_t stack_length, length;
};

/* Fails if `address` is not an IP address. Opens nothing. */
int gate_check(const char *address, struct aq_error *error) AQ_MUST_CHECK;
/* Listens at `address`, IPv4 or IPv6. *port 0 takes a free port and stores it there. */
int gate_open(struct gate **gate, const char *address, uint64_t *port, struct aq_error *error) AQ_MUST_CHECK;
void gate_close(struct gate *gate); /* NULL is fine */

/* Readable when gate_receive() has something to do. Call that until it returns 0 before polling again. */
int gate_fd(const struct gate *gate);
/* 1: there is a message; it is valid until the next call, and gate_judge() must be called before that. 0: none for now.
 * -1: a peer was dropped that does not speak the protocol. */
int gate_receive(struct gate *gate, struct gate_message *message) AQ_MUST_CHECK;
/* Tells whether the last message was sealed with our key. */
void gate_judge(struct gate *gate, bool ours);
/* Admits the peer. Does nothing if the peer is gone. */
void gate_admit(struct gate *gate, uint64_t peer);
bool gate_has(const struct gate *gate, uint64_t peer); /* its connection is open */
/* Sends an answer to the peer, without waiting. Does nothing if the peer is gone. */
void gate_answer(struct gate *gate, uint64_t to, const void *stack, size_t stack_length, const void *body,
                 size_t length);
/* Call a few times per second: drops unadmitted peers whose time is over. */
void gate_tick(struct gate *gate);

#endif
