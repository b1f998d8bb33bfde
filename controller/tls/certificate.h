/* A certificate as REST shows it: the chain, the server's own one first, and the private key of that one.
 *
 * Its users are counted, so that it can be replaced while handshakes with it go on. Any thread. */
#ifndef AQ_CONTROLLER_TLS_CERTIFICATE_H
#define AQ_CONTROLLER_TLS_CERTIFICATE_H

#include "controller/tls/authority.h"
#include "controller/tls/names.h"

#include <gnutls/abstract.h>
#include <stdint.h>

struct certificate;

/* An operator's: `chain` and `key` are paths of files in PEM; the chain begins with the server's certificate, and the
 * key has no password. Fails if the key is not that of the first certificate. */
int certificate_read(struct certificate **certificate, const char *chain, const char *key,
                     struct aq_error *error) AQ_MUST_CHECK;

/* The cluster's own: <data>/tls/server.pem (mode 0600), a key and a certificate that the authority has signed, valid
 * for 90 days. It is made again, with a new key, when less than 30 are left, when a name is missing in it, or when
 * another authority has signed it. */
int certificate_own(struct certificate **certificate, const struct authority *authority, const char *data,
                    const struct tls_names *names, uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;

struct certificate *certificate_hold(struct certificate *certificate);
void certificate_release(struct certificate *certificate); /* NULL is fine */

/* For GnuTLS, which changes neither. */
gnutls_pcert_st *certificate_chain(const struct certificate *certificate, unsigned *count);
gnutls_privkey_t certificate_key(const struct certificate *certificate);
uint64_t certificate_expires_ms(const struct certificate *certificate); /* the server's own one */
/* The last one of the chain, by which clients know this server: the fingerprint of its key, and itself, appended in
 * PEM.
 */
int certificate_authority(const struct certificate *certificate, char fingerprint[AQ_FINGERPRINT_SIZE],
                          struct aq_buffer *pem, struct aq_error *error) AQ_MUST_CHECK;
/* Are they the same bytes? */
bool certificate_equals(const struct certificate *one, const struct certificate *other);

#endif
