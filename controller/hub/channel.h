/* A channel receives questions and sends answers, in any order and at any time. What carries them is a table of
 * functions (carrier.h). On the agents' channel they are sealed (seals.h); on that of file views they are not.
 *
 * A question comes with a header that names the peer, and the answer carries that header back. So any number of
 * questions can stay open, and none blocks another. Sending never waits: a peer that is gone, or does not read earlier
 * answers, loses the answer and asks again. */
#ifndef AQ_CONTROLLER_HUB_CHANNEL_H
#define AQ_CONTROLLER_HUB_CHANNEL_H

#include "controller/hub/carrier.h"
#include "controller/hub/seals.h"
#include "schema/base/memory.h"
#include "schema/wire/messages.h"

/* Zeroed memory is a closed one. */
struct hub_channel {
    struct hub_carrier *carrier;   /* NULL: closed */
    struct hub_seals *seals;       /* NULL: messages are not sealed */
    struct aq_buffer body, sealed; /* of the last message */
};

/* A question that waits for its answer. Zeroed memory is an empty one. */
struct hub_question {
    struct hub_channel *channel; /* NULL: there is no question */
    uint64_t peer;               /* who asked, as its carrier knows it, */
    struct seals_author author;  /* and as the seal says */
    unsigned header_length;
    unsigned char header[HUB_HEADER_MAX];
};

/* The carrier becomes the channel's. NULL: nothing comes. `seals` NULL: messages are not sealed; else they are
 * the caller's, and are in use until the channel is closed. */
void channel_open(struct hub_channel *channel, struct hub_carrier *carrier, struct hub_seals *seals);
void channel_close(struct hub_channel *channel);                 /* closes the carrier; does nothing if it is closed */
void channel_tick(struct hub_channel *channel, uint64_t now_ms); /* call a few times per second */

/* Takes what came next. 1: a message; *message is allocated in `arena`, and its peer is admitted, unless it only
 * enrols. 2: a handshake, or a message of a session that is not known, which was answered. 0: nothing. -1: something
 * that no agent has sealed, or that came before. */
int channel_receive(struct hub_channel *channel, struct hub_question *question, enum aq_message_type *type,
                    void **message, struct aq_arena *arena) AQ_MUST_CHECK;
/* Readable when channel_receive() has something to do: call that until it returns 0 before polling again. -1: there is
 * no descriptor. */
int channel_fd(const struct hub_channel *channel);

/* Sends the answer and clears the question. Does nothing if there is no question, or its channel is closed. */
void channel_answer(struct hub_question *question, enum aq_message_type type, const void *message);
void channel_refuse(struct hub_question *question, const struct aq_error *error);

/* Whoever asked this has enrolled: it is no stranger. */
void channel_trust(const struct hub_question *question);
/* Whether the peer's connection is open, as far as is known. */
bool channel_has(const struct hub_channel *channel, uint64_t peer);

#endif
