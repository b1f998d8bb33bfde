#include "controller/secrets/seal.h"

#include <sodium.h>
#include <string.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    PADDING = 64,
};
enum { FOR_BOXES = 1, FOR_DIGESTS = 2, FOR_WRAPPING = 3, FOR_FINGERPRINTS = 4 };

_Static_assert((int)crypto_kdf_KEYBYTES == (int)AQ_SECRET_KEY_SIZE, "keys follow from keys");
_Static_assert((int)crypto_aead_xchacha20poly1305_ietf_KEYBYTES == (int)AQ_SECRET_KEY_SIZE, "a key fits");

static void derive(const struct seal_key *from, uint64_t purpose, struct seal_key *key)
{
    crypto_kdf_derive_from_key(key->bytes, sizeof key->bytes, purpose, "aqsecret", from->bytes);
}

void seal_draw(struct seal_key *data_key)
{
    randombytes_buf(data_key->bytes, sizeof data_key->bytes);
}

void seal_wipe(struct seal_key *key)
{
    sodium_memzero(key, sizeof *key);
}

void seal_begin(const struct seal_key *data_key, struct seal_row *row)
{
    _Static_assert(sizeof row->nonce == NONCE, "a nonce fits");
    derive(data_key, FOR_BOXES, &row->boxes);
    derive(data_key, FOR_DIGESTS, &row->digests);
    randombytes_buf(row->nonce, sizeof row->nonce);
}

void seal_end(struct seal_row *row)
{
    sodium_memzero(row, sizeof *row);
}

/* Nonce, encrypted bytes, tag. */
static struct aq_bytes encrypt(const struct seal_key *key, const unsigned char nonce[NONCE], const char *about,
                               const unsigned char *plain, size_t length, struct aq_arena *arena)
{
    unsigned char *out = aq_arena_alloc(arena, NONCE + length + TAG);
    unsigned long long written;
    memcpy(out, nonce, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, &written, plain, length, (const unsigned char *)about,
                                               strlen(about), NULL, out, key->bytes);
    return (struct aq_bytes){out, NONCE + (size_t)written};
}

static bool decrypt(const struct seal_key *key, const char *about, const struct aq_bytes *box, unsigned char *plain)
{
    return box->length >= NONCE + TAG && crypto_aead_xchacha20poly1305_ietf_decrypt(
                                             plain, NULL, NULL, box->data + NONCE, box->length - NONCE,
                                             (const unsigned char *)about, strlen(about), box->data, key->bytes) == 0;
}

/* ---- values --------------------------------------------------------------------------------------------- */

struct aq_bytes seal_digest(const struct seal_row *row, const char *name, const char *value, size_t length,
                            struct aq_arena *arena)
{
    crypto_generichash_state hash;
    unsigned char *out = aq_arena_alloc(arena, AQ_SECRET_DIGEST_SIZE);
    crypto_generichash_init(&hash, row->digests.bytes, sizeof row->digests.bytes, AQ_SECRET_DIGEST_SIZE);
    crypto_generichash_update(&hash, (const unsigned char *)name, strlen(name) + 1);
    crypto_generichash_update(&hash, (const unsigned char *)value, length);
    crypto_generichash_final(&hash, out, AQ_SECRET_DIGEST_SIZE);
    sodium_memzero(&hash, sizeof hash);
    return (struct aq_bytes){out, AQ_SECRET_DIGEST_SIZE};
}

void seal_value(struct seal_row *row, const char *name, const char *value, size_t length, struct aq_boxed *sealed,
                struct aq_arena *arena)
{
    const size_t padded = (length / PADDING + 1) * PADDING;
    unsigned char *plain = aq_calloc(1, padded); /* the value, a byte 0x80, and zeros */
    memcpy(plain, value, length);
    plain[length] = 0x80;
    sealed->name = aq_arena_text(arena, name, strlen(name));
    sealed->box = encrypt(&row->boxes, row->nonce, name, plain, padded, arena);
    sealed->digest = seal_digest(row, name, value, length, arena);
    sodium_increment(row->nonce, sizeof row->nonce);
    sodium_memzero(plain, padded);
    free(plain);
}

const char *seal_open(const struct seal_key *data_key, const struct aq_boxed *sealed, struct aq_arena *arena)
{
    struct seal_key key;
    size_t length;
    if (sealed->box.length < NONCE + TAG)
        return NULL;
    unsigned char *plain = aq_arena_alloc(arena, sealed->box.length);
    derive(data_key, FOR_BOXES, &key);
    bool good = decrypt(&key, sealed->name, &sealed->box, plain) &&
                sodium_unpad(&length, plain, sealed->box.length - NONCE - TAG, PADDING) == 0;
    seal_wipe(&key);
    if (!good)
        return NULL;
    plain[length] = '\0';
    return (const char *)plain;
}

/* ---- data keys ------------------------------------------------------------------------------------------ */

void seal_wrap(const struct seal_key *epoch_key, const char *epoch, const struct seal_key *data_key,
               struct aq_wrap *wrap, struct aq_arena *arena)
{
    struct seal_key key;
    unsigned char nonce[NONCE];
    derive(epoch_key, FOR_WRAPPING, &key);
    randombytes_buf(nonce, sizeof nonce);
    wrap->epoch = aq_arena_text(arena, epoch, strlen(epoch));
    wrap->key = encrypt(&key, nonce, epoch, data_key->bytes, sizeof data_key->bytes, arena);
    seal_wipe(&key);
}

bool seal_unwrap(const struct seal_key *epoch_key, const struct aq_wrap *wrap, struct seal_key *data_key)
{
    struct seal_key key;
    if (wrap->key.length != NONCE + sizeof data_key->bytes + TAG)
        return false;
    derive(epoch_key, FOR_WRAPPING, &key);
    bool good = decrypt(&key, wrap->epoch, &wrap->key, data_key->bytes);
    seal_wipe(&key);
    return good;
}

uint64_t seal_fingerprint(const struct seal_key *epoch_key, uint64_t fingerprint)
{
    struct seal_key key;
    unsigned char hash[crypto_generichash_BYTES_MIN];
    uint64_t number;
    derive(epoch_key, FOR_FINGERPRINTS, &key);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)&fingerprint, sizeof fingerprint, key.bytes,
                       sizeof key.bytes);
    seal_wipe(&key);
    memcpy(&number, hash, sizeof number);
    return number;
}
