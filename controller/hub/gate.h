/* The gate: where agents connect over TCP, before anything they say is believed.
 *
 * It speaks what nanomsg's REQ sockets speak: eight bytes each way to begin with, then messages, each with its length
 * in front and a stack of numbers before its body that an answer carries back. nanomsg's own listener is no gate:
 * whoever connects keeps a descriptor for as long as he likes, and some of what is no SP makes it abort the process
 * (its issue 956). Here everything has a bound:
 *
 *   - A visitor is a stranger until he is admitted: for a message that opened with our key and that cannot have been
 * recorded from another. Strangers have a few seconds for that, and only so many may try at once: for one more, the
 * oldest goes. A message that does not open ends the listening to him.
 *   - Unfinished messages and answers that are not read are bounded: each, those of all strangers, and all together.
 *   - The process always keeps descriptors for others than agents.
 *
 * All of it belongs to the hub's thread. */
#ifndef AQ_CONTROLLER_HUB_GATE_H
#define AQ_CONTROLLER_HUB_GATE_H

#include "schema/base/error.h"
#include "schema/wire/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GATE_VISITORS_MAX = 12000,       /* at once; fewer where the process may not open that many descriptors */
    GATE_STRANGERS_MAX = 1024,       /* of them, those who are not admitted yet */
    GATE_STRANGER_MS = 5000,         /* they have for it */
    GATE_BYTES_MAX = 256 << 20,      /* of unfinished messages and unread answers, all visitors together */
    GATE_STRANGERS_BYTES = 16 << 20, /* the same, all strangers together, but for what is small */
    GATE_UNREAD_MAX = 4 << 20,       /* of answers for one visitor; more are dropped, and he asks again */
    GATE_STACK_MAX = 64,             /* bytes of a message's stack */
    GATE_MESSAGE_MAX = AQ_WIRE_MESSAGE_MAX + GATE_STACK_MAX
};

struct gate;

struct gate_message {
    uint64_t from; /* the visitor, for gate_answer() */
    const char *stack, *body;
    size_t stack_length, length;
};

/* Is it an address? Opens nothing. */
int gate_check(const char *address, struct aq_error *error) AQ_MUST_CHECK;
/* `address` is IPv4 or IPv6; port 0: a free one, which is put there. */
int gate_open(struct gate **gate, const char *address, uint64_t *port, struct aq_error *error) AQ_MUST_CHECK;
void gate_close(struct gate *gate); /* NULL is fine */

/* Readable when something came. What one read brought may hold several messages: take them until there is none. */
int gate_fd(const struct gate *gate);
/* 1: *message holds until the next call, and is to be judged first. 0: none for now. -1: somebody who does not speak as
 * agents do was sent away. */
int gate_receive(struct gate *gate, struct gate_message *message) AQ_MUST_CHECK;
/* Was the message that came last sealed with our key? */
void gate_judge(struct gate *gate, bool ours);
/* He is no stranger any more. Does nothing where he is gone. */
void gate_admit(struct gate *gate, uint64_t visitor);
/* Never waits. Does nothing where the visitor is gone. */
void gate_answer(struct gate *gate, uint64_t to, const void *stack, size_t stack_length, const void *body,
                 size_t length);
/* To be called a few times per second: strangers whose time is over go. */
void gate_tick(struct gate *gate);

#endif
