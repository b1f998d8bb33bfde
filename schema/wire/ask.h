/* Asks the hub questions over one connection, any number of them at once, and matches its answers.
 *
 * The connection is an uplink (uplink.h). Messages on it are sealed (sealed.h), except on a local socket. Each
 * question has a number that comes back with its answer, so answers may come in any order. Answers that the key does
 * not open, and answers to questions that are no longer open, are dropped.
 *
 * The uplink reconnects by itself, but the hub drops the questions of a lost connection. aq_asker_ask() sends its
 * question again on each new connection; one asked with aq_asker_ask_once() fails when its connection is lost.
 *
 * The caller owns the questions; an open one must not be moved. No function waits or reads a clock: the caller passes
 * times, in milliseconds. For one thread at a time. */
#ifndef AQ_SCHEMA_WIRE_ASK_H
#define AQ_SCHEMA_WIRE_ASK_H

#include "schema/wire/joiner.h"
#include "schema/wire/messages.h"
#include "schema/wire/sealer.h"
#include "schema/wire/uplink.h"

#include <stdbool.h>

struct aq_asker;

/* Zeroed memory is a question that is not open. Callers may read `asked`, `open`, `lost` and `late_ms`. */
struct aq_question {
    struct aq_question *next;   /* the open question that was asked after this one */
    enum aq_message_type asked; /* if it is not open, the last one */
    uint32_t number;
    uint64_t late_ms; /* aq_asker_take_failed() returns it from then on */
    bool open;
    bool lost;                 /* its connection was lost before an answer came */
    bool unsent;               /* waits for a connection */
    bool again;                /* sent again on each new connection */
    struct aq_buffer body;     /* the message, to be sent again */
    uint64_t session, counter; /* with which it was sealed last */
};

/* Connects the uplink, without waiting for the connection. The uplink is the asker's from now on, also after a failure:
 * then it is closed. `identity` NULL: messages are not sealed. */
int aq_asker_open(struct aq_asker **asker, struct aq_uplink *uplink, const struct aq_identity *identity,
                  struct aq_error *error) AQ_MUST_CHECK;
void aq_asker_close(struct aq_asker *asker); /* drops all open questions; NULL is fine */

/* Replaces the connection, which counts as lost. After a failure there is none until this is called again. */
int aq_asker_reconnect(struct aq_asker *asker, struct aq_error *error) AQ_MUST_CHECK;

/* Descriptors to poll for POLLIN; -1: none, as after a failure to connect. aq_asker_reconnect() changes them. */
int aq_asker_fd(const struct aq_asker *asker);      /* an answer has come */
int aq_asker_send_fd(const struct aq_asker *asker); /* a question can be sent */

bool aq_asker_is_connected(const struct aq_asker *asker);

/* The time for sessions: call it before the functions that send or take. Without sealing it is not needed. */
void aq_asker_set_time(struct aq_asker *asker, const struct aq_clocks *now);
/* When aq_asker_flush() is due for a session. UINT64_MAX: never. */
uint64_t aq_asker_deadline_ms(const struct aq_asker *asker);
/* Questions can be sealed. Before that they wait. */
bool aq_asker_has_session(const struct aq_asker *asker);
/* Joins (join.h): finds out the hub's key, and enrols if there is a secret. No question is sent before that is done. */
void aq_asker_join(struct aq_asker *asker, const struct aq_join *join);
bool aq_asker_joins(const struct aq_asker *asker); /* it is not done yet */
/* Why it is not done yet; its code is AQ_OK if nothing is known. */
const struct aq_error *aq_asker_join_refusal(const struct aq_asker *asker);
/* True, once, when it is done: then `hub` is the hub's key. */
bool aq_asker_take_hub(struct aq_asker *asker, unsigned char hub[AQ_NOISE_KEY_SIZE]);
/* Why the hub began no session the last time; 0: it did, or nothing is known. Anybody on the way can say that. */
enum aq_denial aq_asker_denial(const struct aq_asker *asker);

/* Sends the question, and sends it again on each new connection. If it is open, it is dropped first. */
void aq_asker_ask(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type, const void *message,
                  uint64_t late_ms);

/* Sends the question now or not at all. Fails with AQ_E_NO_LEADER without a connection, or with AQ_E_IO. The question
 * must not be open. */
int aq_asker_ask_once(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type,
                      const void *message, uint64_t late_ms, struct aq_error *error) AQ_MUST_CHECK;

void aq_asker_drop(struct aq_asker *asker, struct aq_question *question); /* does nothing if it is not open */

/* Checks whether connections were lost or made, and sends what waits for one. Call it before each poll. */
void aq_asker_flush(struct aq_asker *asker);
bool aq_asker_has_unsent(const struct aq_asker *asker);
bool aq_asker_has_new_connection(struct aq_asker *asker); /* since the last call */

/* Takes an answer: returns its question, which is no longer open, and the answer in *type and *message, from `arena`.
 * NULL: no answer has come. */
struct aq_question *aq_asker_take(struct aq_asker *asker, enum aq_message_type *type, void **message,
                                  struct aq_arena *arena) AQ_MUST_CHECK;

/* Returns a question that was lost or is late, and is no longer open. NULL: there is none. */
struct aq_question *aq_asker_take_failed(struct aq_asker *asker, uint64_t now_ms) AQ_MUST_CHECK;

#endif
