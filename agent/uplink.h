/* The uplink asks the hub questions, sealed with the agents' key, and gets its answers.
 *
 * It is one connection, a raw nanomsg socket of type REQ: each question carries a number that comes back with the
 * answer, so a POLL can wait for long while others come and go. Numbers are never used twice: an answer to a question
 * that was given up is dropped.
 *
 * nanomsg connects again by itself. Questions that are open then are asked again on the new connection, for the hub has
 * lost them with the old one. A connection on which an answer is late is closed and made anew. */
#ifndef AQ_AGENT_UPLINK_H
#define AQ_AGENT_UPLINK_H

#include "schema/wire/messages.h"
#include "schema/wire/seal.h"

struct uplink_question {
    enum aq_message_type asked; /* AQ_MSG_NONE: it is not open */
    uint64_t late_ms;           /* then the answer is late */
    uint32_t number;
    bool unsent; /* there is no connection to send it on */
    struct aq_buffer sealed;
};

enum uplink_line { UPLINK_TALK, UPLINK_POLL, UPLINK_LINES };

struct uplink {
    char *url;
    struct aq_wire_key key;
    int socket;           /* nanomsg's; -1: closed */
    int fd, send_fd;      /* readable: an answer is there; there is room for a question */
    uint64_t connections; /* made so far, on this socket */
    bool anew;            /* one more was made */
    uint32_t last_number;
    struct uplink_question lines[UPLINK_LINES]; /* one question may be open on each */
};

/* `url` as nanomsg's: "tcp://127.0.0.1:8002". Does not wait for the connection. */
int uplink_open(struct uplink *uplink, const char *url, const struct aq_wire_key *key,
                struct aq_error *error) AQ_MUST_CHECK;
void uplink_close(struct uplink *uplink);

/* Asks; a question that is open on that line is given up. Never waits. */
void uplink_ask(struct uplink *uplink, enum uplink_line line, enum aq_message_type type, const void *message,
                uint64_t late_ms);
void uplink_give_up(struct uplink *uplink, enum uplink_line line);

/* Sends what could not be sent before, or was lost with a connection. */
void uplink_flush(struct uplink *uplink);
bool uplink_was_made_anew(struct uplink *uplink); /* the connection, since this was asked last */
bool uplink_waits_to_send(const struct uplink *uplink);

/* 1: *type and *message, from `arena`, answer what was open on *line, as *asked; it is closed now. 0: no answer waits.
 * What does not open or fit is dropped. */
int uplink_take(struct uplink *uplink, enum uplink_line *line, enum aq_message_type *asked, enum aq_message_type *type,
                void **message, struct aq_arena *arena) AQ_MUST_CHECK;

/* Connects anew, and asks all open questions again. */
int uplink_renew(struct uplink *uplink, struct aq_error *error) AQ_MUST_CHECK;

#endif
