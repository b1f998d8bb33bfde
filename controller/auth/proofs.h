/* What was verified lately: a bounded memory of digests of (user, token), each with the hash that it was compared with
 * and the outcome. A good one holds for a minute, a bad one for a few seconds, so that a client that repeats a wrong
 * token costs nothing. None holds once the user's stored hash is another. Not safe between threads by itself. */
#ifndef AQ_CONTROLLER_AUTH_PROOFS_H
#define AQ_CONTROLLER_AUTH_PROOFS_H

#include "controller/auth/tokens.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROOF_SIZE = 32, PROOFS_MAX_COUNT = 1024, PROOF_GOOD_MS = 60000, PROOF_BAD_MS = 3000 };

enum proof { PROOF_NONE, PROOF_GOOD, PROOF_BAD };

struct proofs;

struct proofs *proofs_new(void);
void proofs_free(struct proofs *proofs); /* NULL is fine */

/* `digest` must come from a hash under a secret key: its first bytes choose the place. `stored`: the user's hash now;
 * empty: no such user. */
enum proof proofs_find(struct proofs *proofs, const unsigned char digest[PROOF_SIZE], const char *stored,
                       uint64_t now_ms);
/* The oldest goes when there is no room; bad ones before good ones. */
void proofs_add(struct proofs *proofs, const unsigned char digest[PROOF_SIZE], const char *stored, bool good,
                uint64_t now_ms);

#endif
