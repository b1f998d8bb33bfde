/* The file view's questions to the controller, any number of them open at once: commands (ORDER), the wait for news
 * (WATCH), logs of workloads (FETCH).
 *
 * No function waits: poll questions_fd(), and call questions_work() when it is readable and at least each
 * QUESTIONS_TICK_MS. It calls `done` of each question exactly once, with the answer or an error. A question that cannot
 * be sent at once fails with AQ_E_NO_LEADER; nothing has happened. A question whose controller disconnected or took too
 * long fails with AQ_E_UNKNOWN; its command may have been carried out. */
#ifndef AQ_FS_LINK_QUESTIONS_H
#define AQ_FS_LINK_QUESTIONS_H

#include "schema/wire/messages.h"

#include <stdbool.h>

enum { QUESTIONS_MAX = 4096, QUESTIONS_TICK_MS = 500 };

struct questions;

/* `directory` is the controller's data directory, which has the key and the socket. The controller need not run. */
int questions_open(struct questions **questions, const char *directory, struct aq_error *error) AQ_MUST_CHECK;
void questions_close(struct questions *questions); /* drops open questions without calling `done`; NULL is fine */

int questions_fd(const struct questions *questions);
void questions_work(struct questions *questions);
bool questions_connected(const struct questions *questions); /* a controller is connected */

/* `error` is AQ_OK and `answer` the message, or `answer` is NULL. Both are valid during the call. A REFUSED is passed
 * as its error. */
typedef void question_done_fn(void *context, const struct aq_error *error, enum aq_message_type type,
                              const void *answer);

/* After a failure (AQ_E_NO_LEADER, AQ_E_BUSY, AQ_E_IO) `done` is not called. */
int questions_ask(struct questions *questions, enum aq_message_type type, const void *message, unsigned timeout_ms,
                  question_done_fn *done, void *context, struct aq_error *error) AQ_MUST_CHECK;

#endif
