/* Seals messages: each is encrypted and authenticated as a whole, type included, with libsodium's secretbox. A sealed
 * message is a nonce of 24 bytes, then the ciphertext of a format byte, a type byte and the packed record. Without the
 * key, a message can be neither read nor forged. */
#ifndef AQ_SCHEMA_WIRE_SEAL_H
#define AQ_SCHEMA_WIRE_SEAL_H

#include "schema/wire/messages.h"

enum { AQ_WIRE_KEY_SIZE = 32 };

struct aq_wire_key {
    unsigned char bytes[AQ_WIRE_KEY_SIZE];
};

/* Reads a key file: 64 hexadecimal digits, mode 0600 or stricter. */
int aq_wire_key_load(struct aq_wire_key *key, const char *path, struct aq_error *error) AQ_MUST_CHECK;
/* The same, but creates the file with a new key if it is missing. */
int aq_wire_key_make(struct aq_wire_key *key, const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* Replaces the contents of `out` by the sealed message. */
void aq_wire_seal(const struct aq_wire_key *key, enum aq_message_type type, const void *message, struct aq_buffer *out);

/* Opens a sealed message. *message is the struct that belongs to *type, in `arena`. */
int aq_wire_open(const struct aq_wire_key *key, const void *data, size_t length, enum aq_message_type *type,
                 void **message, struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

#endif
