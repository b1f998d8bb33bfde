/* Asks the hub questions over one connection, any number of them at once, and matches its answers.
 *
 * The connection is a raw nanomsg socket of type REQ, and every message on it is sealed (seal.h). Each question carries
 * a number that comes back with its answer, so answers may come in any order. An answer that cannot be opened with the
 * key, or whose question is no longer open, is dropped.
 *
 * nanomsg reconnects by itself, but the hub drops the questions of a lost connection. aq_asker_ask() sends its
 * question again on each new connection; one asked with aq_asker_ask_once() fails when its connection is lost.
 *
 * The caller owns the questions; an open one must not be moved. No function waits or reads a clock: the caller passes
 * times, in milliseconds. For one thread at a time. */
#ifndef AQ_SCHEMA_WIRE_ASK_H
#define AQ_SCHEMA_WIRE_ASK_H

#include "schema/wire/messages.h"
#include "schema/wire/seal.h"

#include <stdbool.h>

struct aq_asker;

/* Zeroed memory is a question that is not open. Callers read `asked`, `open`, `lost` and `late_ms`, and write nothing.
 */
struct aq_question {
    struct aq_question *next;   /* open one that was asked after this */
    enum aq_message_type asked; /* the last one, if it is not open */
    uint32_t number;
    uint64_t late_ms; /* from then on, aq_asker_take_failed() returns it */
    bool open;
    bool lost;               /* its connection was lost before the answer came */
    bool unsent;             /* waits for a connection */
    bool again;              /* sent again on each new connection */
    struct aq_buffer sealed; /* the message, if so */
};

/* `url` is nanomsg's: "tcp://127.0.0.1:8002", "ipc:///run/x.sock". While there is no connection, the pause between two
 * tries grows up to `retry_most_ms`; 0: it does not grow. Does not wait for the connection. */
int aq_asker_open(struct aq_asker **asker, const char *url, int retry_most_ms, const struct aq_wire_key *key,
                  struct aq_error *error) AQ_MUST_CHECK;
void aq_asker_close(struct aq_asker *asker); /* drops all open questions; NULL is fine */

/* Replaces the connection, which counts as lost. On failure there is none until this is called again. */
int aq_asker_reconnect(struct aq_asker *asker, struct aq_error *error) AQ_MUST_CHECK;

/* Descriptors to poll for POLLIN; -1 while there is no socket. They change with aq_asker_reconnect(). */
int aq_asker_fd(const struct aq_asker *asker);      /* an answer has come */
int aq_asker_send_fd(const struct aq_asker *asker); /* a question can be sent */

bool aq_asker_is_connected(const struct aq_asker *asker);

/* Asks until it is answered, late or dropped. A question that is open is dropped first. */
void aq_asker_ask(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type, const void *message,
                  uint64_t late_ms);

/* Sends now or not at all: fails with AQ_E_NO_LEADER where there is no connection, and with AQ_E_IO. The question must
 * not be open. */
int aq_asker_ask_once(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type,
                      const void *message, uint64_t late_ms, struct aq_error *error) AQ_MUST_CHECK;

void aq_asker_drop(struct aq_asker *asker, struct aq_question *question); /* does nothing if it is not open */

/* Looks whether a connection was lost or made, and sends what waits for one. To be called before each poll. */
void aq_asker_flush(struct aq_asker *asker);
bool aq_asker_has_unsent(const struct aq_asker *asker);
bool aq_asker_has_new_connection(struct aq_asker *asker); /* since the last call */

/* The question that an answer has come for, which is not open any more, with the answer in *type and *message, from
 * `arena`. NULL: no answer waits. */
struct aq_question *aq_asker_take(struct aq_asker *asker, enum aq_message_type *type, void **message,
                                  struct aq_arena *arena) AQ_MUST_CHECK;

/* A question that was lost or is late, and is not open any more. NULL: there is none. */
struct aq_question *aq_asker_take_failed(struct aq_asker *asker, uint64_t now_ms) AQ_MUST_CHECK;

#endif
