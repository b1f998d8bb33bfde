/* Questions to the controller, any number of them open at once: writes (ORDER), the wait for news (WATCH), logs of
 * workloads (FETCH).
 *
 * A raw nanomsg socket of type REQ: each question carries a number of ours, and its answer carries it back. Nothing
 * here waits: poll orders_fd(), and call orders_work() when it is readable and at least each ORDERS_TICK_MS. Answers
 * come from there, each question's exactly once: the message, or an error: AQ_E_NO_LEADER (nobody was reached; nothing
 * happened), or AQ_E_UNKNOWN (whoever was asked went away, or took too long: it may have happened). */
#ifndef AQ_FS_LINK_ORDERS_H
#define AQ_FS_LINK_ORDERS_H

#include "schema/wire/messages.h"

#include <stdbool.h>

enum { ORDERS_MAX = 4096, ORDERS_TICK_MS = 500 };

struct orders;

/* `directory` is the controller's data directory: the key and the socket are below it. The controller need not run. */
int orders_open(struct orders **orders, const char *directory, struct aq_error *error) AQ_MUST_CHECK;
void orders_close(struct orders *orders); /* drops open questions without an answer; NULL is fine */

int orders_fd(const struct orders *orders);
void orders_work(struct orders *orders);
bool orders_connected(const struct orders *orders); /* there is a controller to ask */

/* `error` is AQ_OK and `answer` the message, or `answer` is NULL. Both hold during the call. A REFUSED comes as its
 * error. */
typedef void orders_done_fn(void *context, const struct aq_error *error, enum aq_message_type type, const void *answer);

/* Asks. Returns the question's ticket, never 0; or 0 with `error` (AQ_E_NO_LEADER, AQ_E_BUSY), and `done` is not
 * called. */
uint64_t orders_ask(struct orders *orders, enum aq_message_type type, const void *message, unsigned timeout_ms,
                    orders_done_fn *done, void *context, struct aq_error *error) AQ_MUST_CHECK;

#endif
