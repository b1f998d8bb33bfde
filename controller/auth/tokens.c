#include "controller/auth/tokens.h"

#include "schema/codec/checksum.h"
#include "schema/codec/command.h"
#include "schema/model/join_token.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum { RANDOM_COUNT = 43, BASE = 62, HASH_BYTES = 32 };

static const char prefix[] = "aq_";
static const char scheme[] = "$blake2b$";
/* The hash of a token that nobody knows, for comparisons that take time but match nothing. */
static const char nobodys[] =
    "$argon2id$v=19$m=19456,t=2,p=1$NTddaLsZyqQm7gilrl9vvw$4gAHmdX+ffpNbS8/y2ZQJchXejJdC0ukdBzC/B/N3e4";

void token_make(char token[TOKEN_SIZE])
{
    char *at = stpcpy(token, prefix);
    for (int i = 0; i < RANDOM_COUNT; i++)
        *at++ = aq_base62[randombytes_uniform(BASE)];
    aq_checksum(token, TOKEN_LENGTH - AQ_CHECKSUM_LENGTH, at);
    at[AQ_CHECKSUM_LENGTH] = '\0';
}

bool token_is_whole(const char *token)
{
    char checksum[AQ_CHECKSUM_LENGTH];
    size_t begin = sizeof prefix - 1;
    if (strlen(token) != TOKEN_LENGTH || strncmp(token, prefix, begin) != 0 ||
        strspn(token + begin, aq_base62) != TOKEN_LENGTH - begin)
        return false;
    aq_checksum(token, TOKEN_LENGTH - AQ_CHECKSUM_LENGTH, checksum);
    return memcmp(checksum, token + TOKEN_LENGTH - AQ_CHECKSUM_LENGTH, AQ_CHECKSUM_LENGTH) == 0;
}

void token_hash(const char *token, char hash[TOKEN_HASH_SIZE])
{
    unsigned char bytes[HASH_BYTES];
    memset(hash, 0, TOKEN_HASH_SIZE);
    crypto_generichash(bytes, sizeof bytes, (const unsigned char *)token, strlen(token), NULL, 0);
    char *at = stpcpy(hash, scheme);
    sodium_bin2base64(at, TOKEN_HASH_SIZE - (sizeof scheme - 1), bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool token_matches_slowly(const char *token, const char *hash)
{
    bool slow = strncmp(hash, crypto_pwhash_argon2id_STRPREFIX, sizeof crypto_pwhash_argon2id_STRPREFIX - 1) == 0;
    bool matches = crypto_pwhash_str_verify(slow ? hash : nobodys, token, strlen(token)) == 0;
    return matches && slow;
}

bool token_is_made_by(const struct aq_command *command)
{
    return aq_command_token_field(command) != NULL;
}

const char *token_fill(const struct aq_command *command, void *record, const struct issuer *issuer,
                       struct aq_arena *arena)
{
    char token[AQ_JOIN_SECRET_SIZE], hash[TOKEN_HASH_SIZE];
    _Static_assert(sizeof token >= TOKEN_SIZE, "a token has room");
    const char *text = NULL;
    aq_assert(token_is_made_by(command));
    if (command == &aq_command_join_token_create)
        text = issuer_make_join_text(issuer, token, arena);
    else
        token_make(token);
    token_hash(token, hash);
    *(const char **)AQ_AT(record, aq_command_token_field(command)) = aq_arena_text(arena, hash, strlen(hash));
    if (text == NULL)
        text = aq_arena_text(arena, token, strlen(token));
    sodium_memzero(token, sizeof token);
    return text;
}
