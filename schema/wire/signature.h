/* Signatures of the cluster's authority, for who must know whom it talks to before it says anything secret.
 *
 * The authority is a key of ECDSA on the curve P-256 (controller/tls/authority.h). A public key travels as its DER
 * encoding (SubjectPublicKeyInfo); its fingerprint is "sha256:" and 64 hex digits of the SHA-256 of that. An operator
 * carries the fingerprint over by hand, or in a join token.
 *
 * What is signed is told apart by its purpose, so that a signature for one purpose is worth nothing for another. */
#ifndef AQ_SCHEMA_WIRE_SIGNATURE_H
#define AQ_SCHEMA_WIRE_SIGNATURE_H

#include "schema/base/memory.h"
#include "schema/wire/fingerprint.h"

#include <stdbool.h>

enum {
    AQ_PUBLIC_KEY_MAX = 256, /* bytes in DER; P-256 has 91 */
    AQ_SIGNATURE_MAX = 80,   /* bytes in DER; P-256 has at most 72 */
    AQ_SIGNED_PURPOSE_MAX = 32,
    AQ_SIGNED_MAX = 1024 /* bytes of data that are signed at once */
};

/* Purposes. */
#define AQ_SIGNED_HUB_KEY "hub key" /* the static key of a hub: 32 bytes */

/* Appends what is signed: the purpose and the data. */
void aq_signature_subject(const char *purpose, const void *data, size_t length, struct aq_buffer *out);

/* Checks that the public key (DER) has the fingerprint, and that it signed the data for this purpose. Anything else
 * fails with AQ_E_UNAUTHENTICATED. The bytes may come from anybody. */
struct aq_signature_check {
    const char *fingerprint; /* as aq_fingerprint_make() writes it */
    const void *key;
    size_t key_length;
    const char *purpose;
    const void *data;
    size_t length;
    const void *signature;
    size_t signature_length;
};
int aq_signature_verify(const struct aq_signature_check *check, struct aq_error *error) AQ_MUST_CHECK;

#endif
