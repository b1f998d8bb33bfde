#include "schema/wire/opening.h"

#include <sodium.h>

static const char purpose[] = "aquarium opening 1"; /* handshakes use the same agreement for another purpose */

bool aq_opening_key(unsigned char key[AQ_OPENING_KEY_SIZE], const struct aq_noise_pair *own,
                    const unsigned char other[AQ_NOISE_KEY_SIZE])
{
    unsigned char shared[AQ_NOISE_KEY_SIZE];
    const bool good = crypto_scalarmult_curve25519(shared, own->secret, other) == 0;
    if (good)
        crypto_generichash(key, AQ_OPENING_KEY_SIZE, (const unsigned char *)purpose, sizeof purpose, shared,
                           sizeof shared);
    sodium_memzero(shared, sizeof shared);
    return good;
}

void aq_opening_tag(unsigned char tag[AQ_OPENING_TAG_SIZE], const unsigned char key[AQ_OPENING_KEY_SIZE],
                    const void *frame, size_t length, const unsigned char *answered)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, AQ_OPENING_KEY_SIZE, AQ_OPENING_TAG_SIZE);
    crypto_generichash_update(&state, frame, length);
    if (answered != NULL)
        crypto_generichash_update(&state, answered, AQ_OPENING_TAG_SIZE);
    crypto_generichash_final(&state, tag, AQ_OPENING_TAG_SIZE);
}

bool aq_opening_tag_is(const unsigned char tag[AQ_OPENING_TAG_SIZE], const unsigned char key[AQ_OPENING_KEY_SIZE],
                       const void *frame, size_t length, const unsigned char *answered)
{
    unsigned char right[AQ_OPENING_TAG_SIZE];
    aq_opening_tag(right, key, frame, length, answered);
    return sodium_memcmp(tag, right, sizeof right) == 0;
}
