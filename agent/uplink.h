/* An uplink asks the hub one question at a time, sealed with the agents' key, and gets its answer. An agent has two: one
 * where a POLL waits, one for all that is to be said meanwhile.
 *
 * A question may be given up and another asked: an answer to the first is dropped. nanomsg connects again by itself; a
 * connection that does not answer in time is closed and made anew. */
#ifndef AQ_AGENT_UPLINK_H
#define AQ_AGENT_UPLINK_H

#include "schema/wire.h"

struct uplink {
    char *url;
    struct aq_wire_key key;
    int socket;                 /* nanomsg's; -1: closed */
    int fd;                     /* readable when an answer is there */
    enum aq_message_type asked; /* AQ_MSG_NONE: no question is open */
    uint64_t late_ms;           /* then the answer is late */
    struct aq_buffer sealed;
};

/* `url` as nanomsg's: "tcp://127.0.0.1:8002". Does not wait for the connection. */
int uplink_open(struct uplink *uplink, const char *url, const struct aq_wire_key *key,
                struct aq_error *error) AQ_MUST_CHECK;
void uplink_close(struct uplink *uplink);

/* Asks; an open question is given up. A failure to send shows as an answer that is late. */
void uplink_ask(struct uplink *uplink, enum aq_message_type type, const void *message, uint64_t late_ms);
void uplink_give_up(struct uplink *uplink); /* the open question, if there is one */

/* 1: *type and *message answer the open question, which is closed; from `arena`. 0: no answer yet. -1: what came is not sealed with our
 * key, or no message: the question stays open. */
int uplink_take(struct uplink *uplink, enum aq_message_type *type, void **message, struct aq_arena *arena) AQ_MUST_CHECK;

/* Connects anew; the open question is given up. */
int uplink_renew(struct uplink *uplink, struct aq_error *error) AQ_MUST_CHECK;

#endif
