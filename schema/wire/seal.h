/* Sealing: how a message travels. It is encrypted and authenticated as a whole, type included (libsodium's secretbox):
 * 24 bytes of nonce, then the ciphertext of one byte format, one byte type, and the packed record. Without the key a
 * message can be neither read nor made. */
#ifndef AQ_SCHEMA_WIRE_SEAL_H
#define AQ_SCHEMA_WIRE_SEAL_H

#include "schema/wire/messages.h"

enum { AQ_WIRE_KEY_SIZE = 32 };

struct aq_wire_key {
    unsigned char bytes[AQ_WIRE_KEY_SIZE];
};

/* Reads a key file (64 hexadecimal digits, mode 0600 or stricter). */
int aq_wire_key_load(struct aq_wire_key *key, const char *path, struct aq_error *error) AQ_MUST_CHECK;
/* The same, but makes the file, with a new key, if there is none. */
int aq_wire_key_make(struct aq_wire_key *key, const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* Replaces the content of `out` by the sealed message. */
void aq_wire_seal(const struct aq_wire_key *key, enum aq_message_type type, const void *message, struct aq_buffer *out);

/* Opens and reads a message; *message comes from `arena` and is the struct that belongs to *type. */
int aq_wire_open(const struct aq_wire_key *key, const void *data, size_t length, enum aq_message_type *type,
                 void **message, struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

#endif
