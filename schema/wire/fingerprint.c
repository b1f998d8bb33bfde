#include "schema/wire/fingerprint.h"

#include <ctype.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char prefix[] = AQ_FINGERPRINT_PREFIX;
enum { PREFIX_LENGTH = sizeof prefix - 1, HEX_LENGTH = 2 * crypto_hash_sha256_BYTES };
_Static_assert(AQ_FINGERPRINT_SIZE == PREFIX_LENGTH + HEX_LENGTH + 1, "the size of a fingerprint");

void aq_fingerprint_make(const void *key, size_t length, char out[AQ_FINGERPRINT_SIZE])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, key, length);
    memcpy(out, prefix, PREFIX_LENGTH);
    sodium_bin2hex(out + PREFIX_LENGTH, HEX_LENGTH + 1, hash, sizeof hash);
}

int aq_fingerprint_parse(const char *text, char out[AQ_FINGERPRINT_SIZE], struct aq_error *error)
{
    const char *at = text;
    unsigned digits = 0;
    if (strncasecmp(text, prefix, PREFIX_LENGTH) == 0)
        for (at += PREFIX_LENGTH; *at != '\0'; at++) {
            bool between = *at == ':' && digits > 0 && digits < HEX_LENGTH && digits % 2 == 0 && at[-1] != ':';
            if (between)
                continue;
            if (!isxdigit((unsigned char)*at) || digits == HEX_LENGTH)
                break;
            out[PREFIX_LENGTH + digits++] = (char)tolower((unsigned char)*at);
        }
    if (digits != HEX_LENGTH || *at != '\0')
        return aq_fail(error, AQ_E_INVALID, "the fingerprint is \"%.100s\", but must be sha256: and 64 hex digits",
                       text);
    memcpy(out, prefix, PREFIX_LENGTH);
    out[PREFIX_LENGTH + HEX_LENGTH] = '\0';
    return 0;
}
