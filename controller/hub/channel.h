/* A channel receives questions that are sealed with one key, and sends answers, in any order and at any time.
 *
 * A question comes with a header that names the peer, and the answer carries that header back. So any number of
 * questions can stay open, and none blocks another. Sending never waits: a peer that is gone, or does not read earlier
 * answers, loses the answer and asks again.
 *
 * Both kinds of channel talk to nanomsg sockets of type REQ. On the local socket, which only root can reach, nanomsg
 * listens with a raw socket of type REP. On TCP, which anyone can reach, the gate listens. */
#ifndef AQ_CONTROLLER_HUB_CHANNEL_H
#define AQ_CONTROLLER_HUB_CHANNEL_H

#include "controller/hub/gate.h"
#include "schema/wire/messages.h"
#include "schema/wire/seal.h"

enum { HUB_HEADER_MAX = 96 };

struct hub_channel {
    int socket;        /* nanomsg's; -1: the gate is used */
    struct gate *gate; /* NULL: the socket is used */
    int fd;            /* readable when channel_receive() has something to do */
    struct aq_wire_key key;
    struct aq_buffer sealed; /* the last answer */
};

/* A question that waits for its answer. Zeroed memory is an empty one. */
struct hub_question {
    struct hub_channel *channel; /* NULL: there is no question */
    uint64_t peer;               /* its id in the gate */
    unsigned header_length;
    unsigned char header[HUB_HEADER_MAX];
};

/* Listens at a nanomsg URL. */
int channel_open(struct hub_channel *channel, const char *url, const struct aq_wire_key *key,
                 struct aq_error *error) AQ_MUST_CHECK;
/* Listens on TCP. *port 0 takes a free port and stores it there. */
int channel_open_tcp(struct hub_channel *channel, const char *address, uint64_t *port, const struct aq_wire_key *key,
                     struct aq_error *error) AQ_MUST_CHECK;
void channel_close(struct hub_channel *channel); /* does nothing if it was not opened and its socket is -1 */
void channel_tick(struct hub_channel *channel);  /* call a few times per second */

/* Takes the next message. 1: there is one; *message is allocated in `arena`. 0: none waits. -1: something came that is
 * not a message sealed with our key. Call until it returns 0 before polling `fd` again. */
int channel_receive(struct hub_channel *channel, struct hub_question *question, enum aq_message_type *type,
                    void **message, struct aq_arena *arena) AQ_MUST_CHECK;

/* Sends the answer and clears the question. Does nothing if there is no question. */
void channel_answer(struct hub_question *question, enum aq_message_type type, const void *message);
void channel_refuse(struct hub_question *question, const struct aq_error *error);

/* Admits the peer that asked this to the gate. */
void channel_admit(const struct hub_question *question);
/* Whether the peer's connection is open. On the local socket that is not known, and assumed. */
bool channel_has(const struct hub_channel *channel, uint64_t peer);

#endif
