/* The Noise protocol framework, revision 34: handshakes by which two sides agree on keys, each proving that it holds
 * the secret half of its static key.
 *
 * There are two of its patterns, with X25519, ChaCha20-Poly1305 and BLAKE2b:
 *
 *   IK   begins sessions. The initiator knows the responder's public key.
 *            -> e, es, s, ss      <- e, ee, se
 *   XX   for joining. Neither knows the other's public key before; each learns it from the handshake.
 *            -> e      <- e, ee, s, es      -> s, se
 *
 * Each message can carry a payload. What protects it follows from the pattern: that of XX's first message is not
 * secret; that of IK's first message can be a recording, and whoever gets the responder's secret key later can read it.
 *
 * The primitives are libsodium's, and so are the random bytes of ephemeral keys. */
#ifndef AQ_SCHEMA_WIRE_NOISE_H
#define AQ_SCHEMA_WIRE_NOISE_H

#include "schema/base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AQ_NOISE_KEY_SIZE = 32,
    AQ_NOISE_HASH_SIZE = 64,
    AQ_NOISE_TAG_SIZE = 16,
    AQ_NOISE_MESSAGE_MAX = 65535 /* of a message of a handshake */
};

struct aq_noise_pair {
    unsigned char secret[AQ_NOISE_KEY_SIZE], public[AQ_NOISE_KEY_SIZE];
};

enum aq_noise_pattern { AQ_NOISE_IK, AQ_NOISE_XX };

/* A handshake. It holds secrets: wipe it with aq_noise_wipe(), also after a failure. */
struct aq_noise {
    enum aq_noise_pattern pattern;
    bool initiator;
    unsigned step; /* messages so far */
    bool has_key;  /* `key` is set: from now on messages are encrypted */
    uint64_t nonce;
    unsigned char key[AQ_NOISE_KEY_SIZE];
    unsigned char chain[AQ_NOISE_HASH_SIZE], hash[AQ_NOISE_HASH_SIZE];
    struct aq_noise_pair own, ephemeral;
    unsigned char remote[AQ_NOISE_KEY_SIZE]; /* the other side's static key, as soon as it is known */
    unsigned char remote_ephemeral[AQ_NOISE_KEY_SIZE];
};

/* Keys of the messages after the handshake, one for each direction. */
struct aq_noise_keys {
    unsigned char send[AQ_NOISE_KEY_SIZE], receive[AQ_NOISE_KEY_SIZE];
};

void aq_noise_pair_make(struct aq_noise_pair *pair);

/* `remote` is the other side's static key if the pattern wants it to be known: for the initiator of IK; else NULL. Both
 * sides must give the same prologue. */
void aq_noise_begin(struct aq_noise *noise, enum aq_noise_pattern pattern, bool initiator,
                    const struct aq_noise_pair *own, const unsigned char *remote, const void *prologue,
                    size_t prologue_length);

/* Appends the next message to `out`. False: a key of the other side is one of the few that no honest side has. */
bool aq_noise_write(struct aq_noise *noise, const void *payload, size_t length, struct aq_buffer *out) AQ_MUST_CHECK;

/* Takes the other side's next message, and appends its payload to `payload`. False: it is not one, and nothing can be
 * done with this handshake any more. */
bool aq_noise_read(struct aq_noise *noise, const void *message, size_t length, struct aq_buffer *payload) AQ_MUST_CHECK;

bool aq_noise_is_done(const struct aq_noise *noise);
/* When it is done. `noise->hash` names this handshake, as no other. */
void aq_noise_split(const struct aq_noise *noise, struct aq_noise_keys *keys);
void aq_noise_wipe(struct aq_noise *noise);

/* Encrypts and authenticates a message with a counter that no other message with this key has. `out` has room for
 * length + AQ_NOISE_TAG_SIZE bytes. */
void aq_noise_seal(const unsigned char key[AQ_NOISE_KEY_SIZE], uint64_t counter, const void *bound, size_t bound_length,
                   const void *plain, size_t length, unsigned char *out);
/* `out` has room for length - AQ_NOISE_TAG_SIZE bytes. False: it was not sealed with these. */
bool aq_noise_open(const unsigned char key[AQ_NOISE_KEY_SIZE], uint64_t counter, const void *bound, size_t bound_length,
                   const void *sealed, size_t length, unsigned char *out) AQ_MUST_CHECK;

#endif
