#include "schema/wire/join_text.h"

#include "schema/codec/checksum.h"
#include "schema/codec/pack.h"

#include <sodium.h>
#include <string.h>

#define PREFIX "aqjoin_"

enum {
    PREFIX_LENGTH = sizeof PREFIX - 1,
    FINGERPRINT_HEAD = sizeof AQ_FINGERPRINT_PREFIX - 1,
    FINGERPRINT_BYTES = 32,
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING
};

AQ_DEFINE_WORDS(aq_join_role, AQ_JOIN_ROLES)
AQ_DEFINE(aq_join_text, "join token", 1, "what the text of a join token says")

void aq_join_secret_text(const unsigned char secret[AQ_JOIN_SECRET_BYTES], char out[AQ_JOIN_SECRET_SIZE])
{
    sodium_bin2hex(out, AQ_JOIN_SECRET_SIZE, secret, AQ_JOIN_SECRET_BYTES);
}

const char *aq_join_text_make(enum aq_join_role role, const struct aq_list *addresses, const char *fingerprint,
                              const unsigned char secret[AQ_JOIN_SECRET_BYTES], struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    unsigned char digest[FINGERPRINT_BYTES];
    int failed = sodium_hex2bin(digest, sizeof digest, fingerprint + FINGERPRINT_HEAD,
                                strlen(fingerprint + FINGERPRINT_HEAD), NULL, NULL, NULL);
    aq_assert(failed == 0);
    const struct aq_join_text said = {.role = role,
                                      .addresses = *addresses,
                                      .fingerprint = {digest, sizeof digest},
                                      .secret = {secret, AQ_JOIN_SECRET_BYTES}};
    aq_buffer_char(&packed, AQ_JOIN_TEXT_VERSION);
    aq_record_pack(&aq_join_text_record, &said, &packed);

    const size_t coded = sodium_base64_encoded_len(packed.length, VARIANT); /* with the NUL */
    char *text = aq_arena_alloc(arena, PREFIX_LENGTH + coded + AQ_CHECKSUM_LENGTH);
    memcpy(text, PREFIX, PREFIX_LENGTH);
    sodium_bin2base64(text + PREFIX_LENGTH, coded, (const unsigned char *)packed.data, packed.length, VARIANT);
    const size_t length = strlen(text);
    aq_assert(length + AQ_CHECKSUM_LENGTH <= AQ_JOIN_TEXT_MAX);
    aq_checksum(text, length, text + length);
    text[length + AQ_CHECKSUM_LENGTH] = '\0';
    sodium_memzero(packed.data, packed.length);
    return text;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static int check_form(const char *text, size_t length, struct aq_error *error)
{
    char checksum[AQ_CHECKSUM_LENGTH];
    if (length < PREFIX_LENGTH || strncmp(text, PREFIX, PREFIX_LENGTH) != 0)
        return aq_fail(error, AQ_E_INVALID,
                       "this is not a join token: one begins with " PREFIX ", and `aq nodes token` prints it");
    if (length > AQ_JOIN_TEXT_MAX)
        return aq_fail(error, AQ_E_INVALID, "the join token has %zu characters, more than %d", length,
                       AQ_JOIN_TEXT_MAX);
    if (length > PREFIX_LENGTH + AQ_CHECKSUM_LENGTH) {
        aq_checksum(text, length - AQ_CHECKSUM_LENGTH, checksum);
        if (memcmp(checksum, text + length - AQ_CHECKSUM_LENGTH, AQ_CHECKSUM_LENGTH) == 0)
            return 0;
    }
    return aq_fail(error, AQ_E_INVALID, "the join token is not whole: its checksum is wrong; was it cut or mistyped?");
}

static int unpack(const unsigned char *bytes, size_t length, struct aq_join_text *packed, struct aq_arena *arena,
                  struct aq_error *error)
{
    if (length == 0 || bytes[0] != AQ_JOIN_TEXT_VERSION)
        return aq_fail(error, AQ_E_INVALID, "the join token has version %u, but this program knows version %d",
                       length > 0 ? bytes[0] : 0u, AQ_JOIN_TEXT_VERSION);
    if (aq_record_unpack(&aq_join_text_record, packed, bytes + 1, length - 1, true, arena, error) != 0)
        return aq_error_context(error, "the join token");
    return 0;
}

static struct aq_list copy_texts(const struct aq_list *texts, struct aq_arena *arena)
{
    const char **copies = aq_arena_alloc(arena, texts->count * sizeof *copies);
    for (uint32_t i = 0; i < texts->count; i++)
        copies[i] = aq_arena_text(arena, AQ_TEXT_ITEM(*texts, i), strlen(AQ_TEXT_ITEM(*texts, i)));
    return (struct aq_list){copies, texts->count};
}

int aq_join_text_read(const char *text, struct aq_join_said *said, struct aq_arena *arena, struct aq_error *error)
{
    static const char blanks[] = " \t\r\n";
    AQ_CLEANUP_SECRET_ARENA struct aq_arena secret = {0};
    unsigned char bytes[AQ_JOIN_TEXT_MAX];
    struct aq_join_text packed;
    size_t count = 0;
    text += strspn(text, blanks);
    const size_t length = strcspn(text, blanks);
    if (text[length + strspn(text + length, blanks)] != '\0')
        return aq_fail(error, AQ_E_INVALID, "the join token must be one word, without blanks in it");
    if (check_form(text, length, error) != 0)
        return -1;
    if (sodium_base642bin(bytes, sizeof bytes, text + PREFIX_LENGTH, length - PREFIX_LENGTH - AQ_CHECKSUM_LENGTH, NULL,
                          &count, NULL, VARIANT) != 0) {
        sodium_memzero(bytes, sizeof bytes);
        return aq_fail(error, AQ_E_INVALID, "the join token is not whole: it is not base64");
    }
    int status = unpack(bytes, count, &packed, &secret, error);
    sodium_memzero(bytes, sizeof bytes);
    if (status != 0)
        return -1;
    *said = (struct aq_join_said){.role = packed.role, .addresses = copy_texts(&packed.addresses, arena)};
    memcpy(said->fingerprint, AQ_FINGERPRINT_PREFIX, FINGERPRINT_HEAD);
    sodium_bin2hex(said->fingerprint + FINGERPRINT_HEAD, sizeof said->fingerprint - FINGERPRINT_HEAD,
                   packed.fingerprint.data, packed.fingerprint.length);
    aq_join_secret_text(packed.secret.data, said->secret);
    return 0;
}
