/* The text of a join token. Input: 't', then a text; or another byte, then what a text encodes, so that the checksum
 * does not keep the fuzzer out.
 *
 * What was read can be made again, and says the same. */
#include "schema/codec/checksum.h"
#include "schema/wire/join_text.h"
#include "tests/lib/fuzz.h"

#include <sodium.h>

static char *encoded(const struct fuzz_input *in)
{
    const size_t coded = sodium_base64_encoded_len(in->size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = malloc(coded + 16);
    fuzz_must(text != NULL);
    strcpy(text, "aqjoin_");
    sodium_bin2base64(text + 7, coded, in->data, in->size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    const size_t length = strlen(text);
    aq_checksum(text, length, text + length);
    text[length + AQ_CHECKSUM_LENGTH] = '\0';
    return text;
}

static void check_again(const struct aq_join_said *said, struct aq_arena *arena)
{
    struct aq_join_said again;
    struct aq_error error = {0};
    unsigned char secret[AQ_JOIN_SECRET_BYTES];
    fuzz_must(strlen(said->secret) == AQ_JOIN_SECRET_SIZE - 1);
    fuzz_must(said->addresses.count >= 1 && said->addresses.count <= AQ_JOIN_ADDRESSES_MAX);
    fuzz_must(sodium_hex2bin(secret, sizeof secret, said->secret, strlen(said->secret), NULL, NULL, NULL) == 0);
    const char *text = aq_join_text_make(said->role, &said->addresses, said->fingerprint, secret, arena);
    fuzz_must(aq_join_text_read(text, &again, arena, &error) == 0);
    fuzz_must(strcmp(again.secret, said->secret) == 0 && strcmp(again.fingerprint, said->fingerprint) == 0);
    fuzz_must(again.addresses.count == said->addresses.count);
    for (uint32_t i = 0; i < said->addresses.count; i++)
        fuzz_must(strcmp(AQ_TEXT_ITEM(again.addresses, i), AQ_TEXT_ITEM(said->addresses, i)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_join_said said;
    if (size == 0)
        return -1;
    struct fuzz_input in = {data + 1, size - 1};
    char *text = data[0] == 't' ? fuzz_rest(&in, true) : encoded(&in);
    int status = aq_join_text_read(text, &said, &arena, &error);
    fuzz_check_error(status, &error);
    if (status == 0)
        check_again(&said, &arena);
    aq_arena_free(&arena);
    free(text);
    return 0;
}
