/* Fingerprints of public keys: "sha256:" and 64 hex digits of the SHA-256 of the key's DER encoding
 * (SubjectPublicKeyInfo). That of the cluster's authority is what people and join tokens carry from host to host. */
#ifndef AQ_SCHEMA_WIRE_FINGERPRINT_H
#define AQ_SCHEMA_WIRE_FINGERPRINT_H

#include "schema/base/error.h"

#include <stddef.h>

#define AQ_FINGERPRINT_PREFIX "sha256:"
enum { AQ_FINGERPRINT_SIZE = 7 + 64 + 1 }; /* with the NUL */

/* Of a public key in DER. */
void aq_fingerprint_make(const void *key, size_t length, char out[AQ_FINGERPRINT_SIZE]);

/* Is it "sha256:" and 64 hex digits? Those may be upper case, and may have colons between bytes, as openssl prints
 * them; `out` is in the form above. Fails with AQ_E_INVALID, and the message quotes the text. */
int aq_fingerprint_parse(const char *text, char out[AQ_FINGERPRINT_SIZE], struct aq_error *error) AQ_MUST_CHECK;

#endif
