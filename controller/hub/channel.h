/* A channel is where questions come in, sealed with one key, and where answers go out, in any order and at any time.
 *
 * Each message comes with a header that says who asked, and an answer carries that header back. So any number of
 * questions can stay open, and none blocks another. Sending never waits: an asker who is gone, or does not read what
 * was sent before, loses the answer and asks again.
 *
 * Both kinds speak with nanomsg's sockets of type REQ. On this host's own socket, which only root can reach, nanomsg
 * itself listens, as a raw socket of type REP; on TCP, where anybody can come, the gate does. */
#ifndef AQ_CONTROLLER_HUB_CHANNEL_H
#define AQ_CONTROLLER_HUB_CHANNEL_H

#include "controller/hub/gate.h"
#include "schema/wire/messages.h"
#include "schema/wire/seal.h"

enum { HUB_HEADER_MAX = 96 };

struct hub_channel {
    int socket;        /* nanomsg's; -1: none */
    struct gate *gate; /* NULL: none */
    int fd;            /* readable when something came; take all before waiting for it again */
    struct aq_wire_key key;
    struct aq_buffer sealed; /* of the answer under way */
};

/* A question that waits for its answer. Zeroed memory is no question. */
struct hub_question {
    struct hub_channel *channel; /* NULL: none */
    uint64_t visitor;            /* of a gate */
    unsigned header_length;
    unsigned char header[HUB_HEADER_MAX];
};

int channel_open(struct hub_channel *channel, const char *url, const struct aq_wire_key *key,
                 struct aq_error *error) AQ_MUST_CHECK;
/* On TCP; port 0: finds a free one. *port is the one taken. */
int channel_open_tcp(struct hub_channel *channel, const char *address, uint64_t *port, const struct aq_wire_key *key,
                     struct aq_error *error) AQ_MUST_CHECK;
void channel_close(struct hub_channel *channel); /* where its socket is -1 and it has no gate, nothing happens */
void channel_tick(struct hub_channel *channel);  /* to be called a few times per second */

/* Takes the next message. 1: there is one, *message comes from `arena`. 0: none waits. -1: one came that is no message
 * of ours, or something that is no message at all. */
int channel_receive(struct hub_channel *channel, struct hub_question *question, enum aq_message_type *type,
                    void **message, struct aq_arena *arena) AQ_MUST_CHECK;

/* Answers, and forgets the question; does nothing where there is none. */
void channel_answer(struct hub_question *question, enum aq_message_type type, const void *message);
void channel_refuse(struct hub_question *question, const struct aq_error *error);

/* Whoever asked this is no stranger to the gate any more. */
void channel_admit(const struct hub_question *question);

#endif
