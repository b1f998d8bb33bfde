/* The cluster's authority: the key that everything else of this cluster is recognized by, and its certificate.
 *
 * It is made at the first start, below <data>/tls (mode 0700):
 *
 *     authority.key  the private key in PEM, mode 0600: ECDSA on P-256
 *     authority.crt  its certificate, signed by itself, mode 0600. It is valid for ten years, and made again, with the
 *                    same key, when less than one is left: the fingerprint stays
 *
 * The authority signs the certificates that REST shows (certificate.h) and the hub's key. Clients and agents know the
 * cluster by the fingerprint of its public key. */
#ifndef AQ_CONTROLLER_TLS_AUTHORITY_H
#define AQ_CONTROLLER_TLS_AUTHORITY_H

#include "schema/wire/signature.h"

#include <gnutls/x509.h>

struct authority;

/* Opens the authority of a data directory, which must exist, and makes what is missing. `now_ms` is the wall clock. A
 * certificate without its key, and one that is not of this key, is refused: AQ_E_CORRUPT. */
int authority_open(struct authority **authority, const char *data, uint64_t now_ms,
                   struct aq_error *error) AQ_MUST_CHECK;
void authority_close(struct authority *authority); /* NULL is fine */

const char *authority_fingerprint(const struct authority *authority); /* "sha256:..." */
/* The public key in DER, for programs that check a signature by the fingerprint alone; at most AQ_PUBLIC_KEY_MAX bytes.
 */
const void *authority_public_key(const struct authority *authority, size_t *length);
/* The certificate, in PEM. */
const char *authority_pem(const struct authority *authority);

/* Signs up to AQ_SIGNED_MAX bytes for a purpose (schema/wire/signature.h), as aq_signature_verify() checks it. Any
 * thread. */
int authority_sign(const struct authority *authority, const char *purpose, const void *data, size_t length,
                   unsigned char signature[AQ_SIGNATURE_MAX], size_t *signature_length,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Signs a certificate, which is complete but for its issuer. */
int authority_sign_certificate(const struct authority *authority, gnutls_x509_crt_t certificate,
                               struct aq_error *error) AQ_MUST_CHECK;

#endif
