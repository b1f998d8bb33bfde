/* Tokens: made, hashed and checked. Argon2id costs tens of milliseconds and 19 MiB, so it runs on a small bounded pool
 * of threads, never on a serving thread; what was verified lately is remembered for a short time as a keyed hash.
 * Unknown users cost the same as known ones. */
#ifndef AQ_CONTROLLER_AUTH_CREDENTIALS_H
#define AQ_CONTROLLER_AUTH_CREDENTIALS_H

#include "controller/auth/tokens.h"
#include "controller/state/state.h"
#include "schema/model/user.h"

struct credentials;

int credentials_open(struct credentials **credentials, struct state *state, unsigned threads,
                     struct aq_error *error) AQ_MUST_CHECK;
void credentials_close(struct credentials *credentials); /* waits for jobs under way; NULL is fine */

/* Does this command make a token (it has an internal field "hash")? */
bool credentials_makes_token(const struct aq_command *command);

/* For such a command: makes a token, hashes it on the pool, puts the hash into the record's field (memory of
 * `arena`), then calls `done` on a pool thread. -1 with AQ_E_BUSY: too many wait. */
typedef void credentials_token_fn(void *context, const char *token, const struct aq_error *error);
int credentials_fill(struct credentials *credentials, const struct aq_command *command, void *record,
                     struct aq_arena *arena, credentials_token_fn *done, void *context,
                     struct aq_error *error) AQ_MUST_CHECK;

/* Is `token` the user's? 1: yes, from memory; `user` is filled (texts in `arena`). 0: `done` will be called on a pool
 * thread with AQ_OK or AQ_E_UNAUTHENTICATED; ask again then, and memory will know. -1: refused at once. */
typedef void credentials_check_fn(void *context, const struct aq_error *error);
int credentials_check(struct credentials *credentials, const char *name, const char *token, struct aq_user *user,
                      struct aq_arena *arena, credentials_check_fn *done, void *context,
                      struct aq_error *error) AQ_MUST_CHECK;

#endif
