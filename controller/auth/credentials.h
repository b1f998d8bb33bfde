/* Makes and checks the tokens of users. Argon2id takes tens of milliseconds and 19 MiB, so it runs on a small pool of
 * threads, with a bounded queue. Recent results are kept for a short time (proofs.h). Checking the token of an unknown
 * user takes as long as that of a known one. Functions may be called on any thread. */
#ifndef AQ_CONTROLLER_AUTH_CREDENTIALS_H
#define AQ_CONTROLLER_AUTH_CREDENTIALS_H

#include "controller/auth/tokens.h"
#include "controller/state/state.h"
#include "schema/model/user.h"

struct credentials;

int credentials_open(struct credentials **credentials, struct state *state, unsigned threads,
                     struct aq_error *error) AQ_MUST_CHECK;
void credentials_close(struct credentials *credentials); /* waits for all jobs; NULL is fine */

/* Does the command make a token: has it an internal field "hash"? */
bool credentials_makes_token(const struct aq_command *command);

enum { CREDENTIALS_TOKENS_MAX = 16 }; /* in one request: making one costs as much as verifying one */

/* For such a command: makes a token, puts its hash into the record's field (memory of `arena`), and calls `done` on a
 * thread of the pool. `record` and `arena` must stay valid until then. Fails with AQ_E_BUSY if the queue is full. */
typedef void credentials_token_fn(void *context, const char *token, const struct aq_error *error);
int credentials_fill(struct credentials *credentials, const struct aq_command *command, void *record,
                     struct aq_arena *arena, credentials_token_fn *done, void *context,
                     struct aq_error *error) AQ_MUST_CHECK;

/* Checks the token of the user `name`. Returns 1 if it is known to be right: `user` is filled, with texts in `arena`,
 * as of `seq`, at which a refusal is true, too.
 * Returns 0 if it has to be verified: `done` will be called on a thread of the pool, with AQ_OK or
 * AQ_E_UNAUTHENTICATED; after AQ_OK, call again. Returns -1 if it is refused. */
typedef void credentials_check_fn(void *context, const struct aq_error *error);
int credentials_check(struct credentials *credentials, const char *name, const char *token, struct aq_user *user,
                      struct aq_arena *arena, uint64_t *seq, credentials_check_fn *done, void *context,
                      struct aq_error *error) AQ_MUST_CHECK;

#endif
