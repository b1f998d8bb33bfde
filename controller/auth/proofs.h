/* Results of verifying tokens of earlier builds, which is slow: a table of fixed size, from the digest of user and
 * token to the hash that the token was compared with, and the result. A good result is valid for a day, so that
 * strangers who keep the pool busy do not keep out users that have been in before. A bad one is valid for a few
 * seconds, so that a client that repeats a wrong token costs little. A result becomes invalid when the user's stored
 * hash changes. The caller has to serialize calls. */
#ifndef AQ_CONTROLLER_AUTH_PROOFS_H
#define AQ_CONTROLLER_AUTH_PROOFS_H

#include "controller/auth/tokens.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROOF_SIZE = 32, PROOFS_MAX_COUNT = 1024, PROOF_GOOD_MS = 86400000, PROOF_BAD_MS = 3000 };

enum proof { PROOF_NONE, PROOF_GOOD, PROOF_BAD };

struct proofs;

struct proofs *proofs_new(void);
void proofs_free(struct proofs *proofs); /* NULL is fine */

/* `digest` must be a hash with a secret key, since its first bytes choose the place. `stored`: the user's current hash;
 * empty: there is no such user. */
enum proof proofs_find(struct proofs *proofs, const unsigned char digest[PROOF_SIZE], const char *stored,
                       uint64_t now_ms);
/* Replaces the oldest result if there is no room; bad ones first. */
void proofs_add(struct proofs *proofs, const unsigned char digest[PROOF_SIZE], const char *stored, bool good,
                uint64_t now_ms);

#endif
