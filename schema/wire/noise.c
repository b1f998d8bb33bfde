#include "schema/wire/noise.h"

#include <sodium.h>
#include <string.h>

enum { HASH = AQ_NOISE_HASH_SIZE, KEY = AQ_NOISE_KEY_SIZE, TAG = AQ_NOISE_TAG_SIZE, BLOCK = 128, NONCE = 12 };

/* What a message consists of: keys that are sent, and agreements that are mixed in. The initiator's key is named first:
 * ES is between the initiator's ephemeral and the responder's static key. */
enum token { END, E, S, EE, ES, SE, SS };

enum { TOKENS_MAX = 5, STEPS_MAX = 3 };

struct pattern {
    const char *name; /* of at most HASH bytes */
    bool knows_responder;
    unsigned steps;
    enum token tokens[STEPS_MAX][TOKENS_MAX];
};

static const struct pattern patterns[] = {
    [AQ_NOISE_IK] = {"Noise_IK_25519_ChaChaPoly_BLAKE2b", true, 2, {{E, ES, S, SS}, {E, EE, SE}}},
    [AQ_NOISE_XX] = {"Noise_XX_25519_ChaChaPoly_BLAKE2b", false, 3, {{E}, {E, EE, S, ES}, {S, SE}}},
};

/* ---- hashing ------------------------------------------------------------------------------------------ */

struct part {
    const void *data;
    size_t length;
};

static void hash_parts(unsigned char out[HASH], struct part first, struct part second)
{
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, NULL, 0, HASH);
    crypto_generichash_blake2b_update(&state, first.data, first.length);
    crypto_generichash_blake2b_update(&state, second.data, second.length);
    crypto_generichash_blake2b_final(&state, out, HASH);
}

/* HMAC as RFC 2104 has it, with a key of HASH bytes: Noise does not use the keyed mode of BLAKE2b. */
static void hmac(unsigned char out[HASH], const unsigned char key[HASH], const void *data, size_t length)
{
    unsigned char inner[BLOCK], outer[BLOCK], middle[HASH];
    memset(inner, 0x36, sizeof inner);
    memset(outer, 0x5C, sizeof outer);
    for (unsigned i = 0; i < HASH; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }
    hash_parts(middle, (struct part){inner, sizeof inner}, (struct part){data, length});
    hash_parts(out, (struct part){outer, sizeof outer}, (struct part){middle, sizeof middle});
    sodium_memzero(inner, sizeof inner);
    sodium_memzero(outer, sizeof outer);
    sodium_memzero(middle, sizeof middle);
}

/* Noise's HKDF with two outputs. `first` may be `chain`. */
static void derive(const unsigned char chain[HASH], const void *input, size_t length, unsigned char first[HASH],
                   unsigned char second[HASH])
{
    unsigned char secret[HASH], block[HASH + 1];
    hmac(secret, chain, input, length);
    hmac(block, secret, "\1", 1);
    block[HASH] = 2;
    hmac(second, secret, block, sizeof block);
    memcpy(first, block, HASH);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(block, sizeof block);
}

/* ---- symmetric state ---------------------------------------------------------------------------------- */

static void mix_hash(struct aq_noise *noise, const void *data, size_t length)
{
    hash_parts(noise->hash, (struct part){noise->hash, HASH}, (struct part){data, length});
}

static void mix_key(struct aq_noise *noise, const void *input, size_t length)
{
    unsigned char key[HASH];
    derive(noise->chain, input, length, noise->chain, key);
    memcpy(noise->key, key, KEY);
    sodium_memzero(key, sizeof key);
    noise->has_key = true;
    noise->nonce = 0;
}

static void make_nonce(unsigned char nonce[NONCE], uint64_t counter)
{
    memset(nonce, 0, NONCE);
    for (unsigned i = 0; i < sizeof counter; i++)
        nonce[NONCE - sizeof counter + i] = (unsigned char)(counter >> (8 * i));
}

void aq_noise_seal(const unsigned char key[KEY], uint64_t counter, const void *bound, size_t bound_length,
                   const void *plain, size_t length, unsigned char *out)
{
    unsigned char nonce[NONCE];
    make_nonce(nonce, counter);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, length, bound, bound_length, NULL, nonce, key);
}

bool aq_noise_open(const unsigned char key[KEY], uint64_t counter, const void *bound, size_t bound_length,
                   const void *sealed, size_t length, unsigned char *out)
{
    unsigned char nonce[NONCE];
    make_nonce(nonce, counter);
    return length >= TAG && crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, length, bound,
                                                                      bound_length, nonce, key) == 0;
}

static void encrypt_and_hash(struct aq_noise *noise, const void *plain, size_t length, struct aq_buffer *out)
{
    const size_t sealed_length = length + (noise->has_key ? TAG : 0);
    aq_buffer_room(out, sealed_length);
    unsigned char *sealed = (unsigned char *)out->data + out->length;
    if (noise->has_key)
        aq_noise_seal(noise->key, noise->nonce++, noise->hash, HASH, plain, length, sealed);
    else if (length > 0)
        memcpy(sealed, plain, length);
    mix_hash(noise, sealed, sealed_length);
    aq_buffer_put(out, out->data + out->length + sealed_length);
}

/* `out` has room for what was sealed. */
static bool decrypt_and_hash(struct aq_noise *noise, const unsigned char *sealed, size_t length, unsigned char *out)
{
    if (noise->has_key && !aq_noise_open(noise->key, noise->nonce++, noise->hash, HASH, sealed, length, out))
        return false;
    if (!noise->has_key && length > 0)
        memcpy(out, sealed, length);
    mix_hash(noise, sealed, length);
    return true;
}

/* ---- handshake ---------------------------------------------------------------------------------------- */

void aq_noise_pair_make(struct aq_noise_pair *pair)
{
    randombytes_buf(pair->secret, sizeof pair->secret);
    crypto_scalarmult_curve25519_base(pair->public, pair->secret);
}

void aq_noise_begin(struct aq_noise *noise, enum aq_noise_pattern pattern, bool initiator,
                    const struct aq_noise_pair *own, const unsigned char *remote, const void *prologue,
                    size_t prologue_length)
{
    const struct pattern *known = &patterns[pattern];
    const size_t length = strlen(known->name);
    aq_assert(length <= HASH && (remote != NULL) == (known->knows_responder && initiator));
    *noise = (struct aq_noise){.pattern = pattern, .initiator = initiator, .own = *own};
    memcpy(noise->hash, known->name, length);
    memcpy(noise->chain, noise->hash, HASH);
    mix_hash(noise, prologue, prologue_length);
    if (remote != NULL)
        memcpy(noise->remote, remote, KEY);
    if (known->knows_responder)
        mix_hash(noise, initiator ? noise->remote : noise->own.public, KEY);
}

/* Agrees on a secret, of which nobody else knows both halves, and mixes it in. */
static bool agree(struct aq_noise *noise, enum token token)
{
    unsigned char shared[KEY];
    bool mine_static = token == SS || token == (noise->initiator ? SE : ES);
    bool theirs_static = token == SS || token == (noise->initiator ? ES : SE);
    const unsigned char *secret = mine_static ? noise->own.secret : noise->ephemeral.secret;
    const unsigned char *public = theirs_static ? noise->remote : noise->remote_ephemeral;
    bool good = crypto_scalarmult_curve25519(shared, secret, public) == 0;
    if (good)
        mix_key(noise, shared, sizeof shared);
    sodium_memzero(shared, sizeof shared);
    return good;
}

static bool write_token(struct aq_noise *noise, enum token token, struct aq_buffer *out)
{
    if (token == E) {
        aq_noise_pair_make(&noise->ephemeral);
        aq_buffer_add(out, (const char *)noise->ephemeral.public, KEY);
        mix_hash(noise, noise->ephemeral.public, KEY);
        return true;
    }
    if (token != S)
        return agree(noise, token);
    encrypt_and_hash(noise, noise->own.public, KEY, out);
    return true;
}

static bool is_my_turn(const struct aq_noise *noise, bool to_write)
{
    return !aq_noise_is_done(noise) && (noise->step % 2 == 0) == (noise->initiator == to_write);
}

bool aq_noise_write(struct aq_noise *noise, const void *payload, size_t length, struct aq_buffer *out)
{
    aq_assert(is_my_turn(noise, true));
    const enum token *tokens = patterns[noise->pattern].tokens[noise->step++];
    for (unsigned i = 0; i < TOKENS_MAX && tokens[i] != END; i++)
        if (!write_token(noise, tokens[i], out))
            return false;
    encrypt_and_hash(noise, payload, length, out);
    return true;
}

/* Takes the key that the token stands for from the message, of which `left` bytes are left at *at. */
static bool read_token(struct aq_noise *noise, enum token token, const unsigned char **at, size_t *left)
{
    const unsigned char *sent = *at;
    const size_t size = token == S && noise->has_key ? KEY + TAG : KEY;
    if (token != E && token != S)
        return agree(noise, token);
    if (*left < size)
        return false;
    *at += size;
    *left -= size;
    if (token == S)
        return decrypt_and_hash(noise, sent, size, noise->remote);
    memcpy(noise->remote_ephemeral, sent, KEY);
    mix_hash(noise, sent, KEY);
    return true;
}

bool aq_noise_read(struct aq_noise *noise, const void *message, size_t length, struct aq_buffer *payload)
{
    const unsigned char *at = message;
    size_t left = length;
    if (!is_my_turn(noise, false) || length > AQ_NOISE_MESSAGE_MAX)
        return false;
    const enum token *tokens = patterns[noise->pattern].tokens[noise->step++];
    for (unsigned i = 0; i < TOKENS_MAX && tokens[i] != END; i++)
        if (!read_token(noise, tokens[i], &at, &left))
            return false;
    if (noise->has_key && left < TAG)
        return false;
    aq_buffer_room(payload, left);
    if (!decrypt_and_hash(noise, at, left, (unsigned char *)payload->data + payload->length))
        return false;
    aq_buffer_put(payload, payload->data + payload->length + left - (noise->has_key ? TAG : 0));
    return true;
}

bool aq_noise_is_done(const struct aq_noise *noise)
{
    return noise->step == patterns[noise->pattern].steps;
}

void aq_noise_split(const struct aq_noise *noise, struct aq_noise_keys *keys)
{
    unsigned char first[HASH], second[HASH];
    aq_assert(aq_noise_is_done(noise));
    derive(noise->chain, NULL, 0, first, second);
    memcpy(keys->send, noise->initiator ? first : second, KEY);
    memcpy(keys->receive, noise->initiator ? second : first, KEY);
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
}

void aq_noise_wipe(struct aq_noise *noise)
{
    sodium_memzero(noise, sizeof *noise);
}
