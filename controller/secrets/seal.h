/* How secrets are encrypted: with XChaCha20-Poly1305 of libsodium, each in a box of its own, padded so that its length
 * tells little; the name of a secret is authenticated with it, so that no box can take the place of another.
 *
 * A data key is drawn for each application and each version of a label. From it follow one key for boxes and one for
 * digests. From the key of an epoch follow one that wraps data keys, and one for fingerprints of requests. */
#ifndef AQ_CONTROLLER_SECRETS_SEAL_H
#define AQ_CONTROLLER_SECRETS_SEAL_H

#include "schema/base/memory.h"
#include "schema/model/secret.h"

#include <stdbool.h>

struct seal_key {
    unsigned char bytes[AQ_SECRET_KEY_SIZE];
};

void seal_draw(struct seal_key *data_key);
void seal_wipe(struct seal_key *key);

/* What sealing the secrets of one row takes. Wipe it after use. */
struct seal_row {
    struct seal_key boxes, digests;
    unsigned char nonce[24]; /* of the next box: drawn once, and counted up */
};
void seal_begin(const struct seal_key *data_key, struct seal_row *row);
void seal_end(struct seal_row *row);

/* Fills name, box and digest; they are in `arena`. */
void seal_value(struct seal_row *row, const char *name, const char *value, size_t length, struct aq_boxed *sealed,
                struct aq_arena *arena);
/* The value, in `arena`, which is to be wiped. NULL: it is not what this key has sealed under its name. */
const char *seal_open(const struct seal_key *data_key, const struct aq_boxed *sealed, struct aq_arena *arena);
/* What seal_value() fills in as digest. */
struct aq_bytes seal_digest(const struct seal_row *row, const char *name, const char *value, size_t length,
                            struct aq_arena *arena);

/* The data key, encrypted for this epoch; in `arena`. */
void seal_wrap(const struct seal_key *epoch_key, const char *epoch, const struct seal_key *data_key,
               struct aq_wrap *wrap, struct aq_arena *arena);
bool seal_unwrap(const struct seal_key *epoch_key, const struct aq_wrap *wrap, struct seal_key *data_key);

/* Of a request that holds secrets: without the key of the epoch, nobody can try values until it fits. */
uint64_t seal_fingerprint(const struct seal_key *epoch_key, uint64_t fingerprint);

#endif
