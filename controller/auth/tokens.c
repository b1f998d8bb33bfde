#include "controller/auth/tokens.h"

#include <sodium.h>
#include <string.h>

enum {
    OPERATIONS = 2,
    MEMORY = 19 << 20, /* bytes; with two passes, the minimum that is recommended for Argon2id */
    TOKEN_BYTES = 32
};

void token_make(char token[TOKEN_SIZE])
{
    unsigned char bits[TOKEN_BYTES];
    randombytes_buf(bits, sizeof bits);
    memcpy(token, "aq_", 3);
    sodium_bin2base64(token + 3, TOKEN_SIZE - 3, bits, sizeof bits, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bits, sizeof bits);
}

int token_hash(const char *token, char hash[TOKEN_HASH_SIZE], struct aq_error *error)
{
    _Static_assert(crypto_pwhash_STRBYTES <= TOKEN_HASH_SIZE, "a hash must fit");
    if (sodium_init() < 0)
        return aq_fail(error, AQ_E_INTERNAL, "cannot start libsodium");
    memset(hash, 0, TOKEN_HASH_SIZE);
    if (crypto_pwhash_str_alg(hash, token, strlen(token), OPERATIONS, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return aq_fail(error, AQ_E_INTERNAL, "not enough memory to hash a token; %d MiB are needed", MEMORY >> 20);
    return 0;
}

bool token_matches(const char *token, const char *hash)
{
    return crypto_pwhash_str_verify(hash, token, strlen(token)) == 0;
}
