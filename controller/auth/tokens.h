/* Tokens of users: random, and stored only as Argon2id hashes. Hashing and matching block for tens of milliseconds and
 * take 19 MiB, so only the start and the threads of credentials.h call them. */
#ifndef AQ_CONTROLLER_AUTH_TOKENS_H
#define AQ_CONTROLLER_AUTH_TOKENS_H

#include "schema/base/error.h"

#include <stdbool.h>

enum { TOKEN_SIZE = 64, TOKEN_HASH_SIZE = 128 };

/* "aq_" and 256 random bits in base64url. */
void token_make(char token[TOKEN_SIZE]);
int token_hash(const char *token, char hash[TOKEN_HASH_SIZE], struct aq_error *error) AQ_MUST_CHECK;
bool token_matches(const char *token, const char *hash);

#endif
