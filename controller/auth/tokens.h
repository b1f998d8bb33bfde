/* Tokens of users, and what is kept of them.
 *
 * A token is "aq_", 43 random letters and digits (256 bits), and 6 that are their checksum: the CRC-32 of all that
 * comes before it, in base 62 (digits, capitals, small letters). So a scanner for leaked tokens knows one without
 * asking. Nobody can try 256 bits, so a fast hash (BLAKE2b) is enough. Earlier builds made tokens without a checksum,
 * and kept an Argon2id hash, which takes tens of milliseconds and 19 MiB to compare: only the threads of credentials.h
 * do that. */
#ifndef AQ_CONTROLLER_AUTH_TOKENS_H
#define AQ_CONTROLLER_AUTH_TOKENS_H

#include "controller/auth/issuer.h"
#include "schema/base/memory.h"
#include "schema/model/command.h"

#include <stdbool.h>

enum { TOKEN_LENGTH = 3 + 43 + 6, TOKEN_SIZE = 64, TOKEN_HASH_SIZE = 128 };

void token_make(char token[TOKEN_SIZE]);
bool token_is_whole(const char *token); /* it has the form above, and its checksum is right */
void token_hash(const char *token, char hash[TOKEN_HASH_SIZE]);
/* The hash of an earlier build: slow. False for any other; it takes as long for one. */
bool token_matches_slowly(const char *token, const char *hash);

/* Does the command make a token: has it an internal field "hash"? */
bool token_is_made_by(const struct aq_command *command);
/* For such a command: makes a token, puts its hash into the record, and returns its text; both are in `arena`. Wipe the
 * text when it has been told. */
const char *token_fill(const struct aq_command *command, void *record, const struct issuer *issuer,
                       struct aq_arena *arena) AQ_MUST_CHECK;

#endif
