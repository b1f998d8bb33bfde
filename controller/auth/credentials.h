/* Checks the tokens of users, with the user's name (Basic) or alone (Bearer).
 *
 * A whole token (tokens.h) is found by its hash, which is fast. Anything else may be a token of an earlier build, whose
 * hash is Argon2id: it needs the user's name, and takes tens of milliseconds and 19 MiB, so it is verified on a small
 * pool of threads, with a bounded queue, and good results are kept (proofs.h). So the form of a token decides what it
 * costs, and not whether there is such a user or such a token.
 *
 * An address from which too many logins fail is slowed down (attempts.h): a token that is not right is refused with
 * AQ_E_ATTEMPTS, and one that needs the pool is not looked at for a moment. A right token that is whole, or was
 * verified before, is good whatever else comes from its address. Failures go to the journal. Functions may be called on
 * any thread. */
#ifndef AQ_CONTROLLER_AUTH_CREDENTIALS_H
#define AQ_CONTROLLER_AUTH_CREDENTIALS_H

#include "controller/auth/attempts.h"
#include "controller/auth/tokens.h"
#include "controller/state/live.h"
#include "controller/state/rights.h"
#include "controller/state/state.h"

struct credentials;

/* `live`: where it is noted when a token was used; NULL: nowhere. */
int credentials_open(struct credentials **credentials, struct state *state, struct live *live, unsigned threads,
                     struct aq_error *error) AQ_MUST_CHECK;
void credentials_close(struct credentials *credentials); /* waits for all jobs; NULL is fine */

/* What a client shows. */
struct credentials_login {
    const char *name; /* of the user; NULL: the token alone */
    const char *token;
    struct attempts_source source;
    uint64_t time_ms, wall_ms; /* by the log's clock, and by the wall clock */
};

/* Checks a login. Returns 1 if it is right: `caller` is filled, with texts in `arena`, as of `seq`, at which a refusal
 * is true, too. Returns 0 if it has to be verified: `done` will be called on a thread of the pool, with AQ_OK or
 * AQ_E_UNAUTHENTICATED; after AQ_OK, call again. Returns -1 if it is refused. */
typedef void credentials_check_fn(void *context, const struct aq_error *error);
int credentials_check(struct credentials *credentials, const struct credentials_login *login, struct aq_caller *caller,
                      struct aq_arena *arena, uint64_t *seq, credentials_check_fn *done, void *context,
                      struct aq_error *error) AQ_MUST_CHECK;

struct credentials_figures {
    uint64_t hashes, slow_hashes; /* computed: BLAKE2b, Argon2id */
    uint64_t failures;            /* wrong tokens and unknown users */
    uint64_t slowed;              /* of these, refused with AQ_E_ATTEMPTS */
};
void credentials_figures(struct credentials *credentials, struct credentials_figures *figures);

#endif
