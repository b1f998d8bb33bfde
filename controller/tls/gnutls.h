/* What the files of this folder share: files that GnuTLS reads and writes, and its errors. */
#ifndef AQ_CONTROLLER_TLS_GNUTLS_H
#define AQ_CONTROLLER_TLS_GNUTLS_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <gnutls/x509.h>
#include <stdbool.h>

enum {
    TLS_FILE_MAX = 256 << 10, /* bytes of a file with keys or certificates */
    TLS_DAY_S = 24 * 3600
};

/* Fails with the text of GnuTLS's error `number` behind the given one. Returns -1. */
int tls_fail(struct aq_error *error, int number, const char *format, ...) AQ_PRINTF(3, 4);

/* A new key of ECDSA on P-256: what every TLS client knows, and quick to sign with. */
int tls_make_key(gnutls_x509_privkey_t *key, struct aq_error *error) AQ_MUST_CHECK;

/* Appends the key, or the certificate, in PEM. Wipe what holds a key. */
int tls_print_key(gnutls_x509_privkey_t key, struct aq_buffer *out, struct aq_error *error) AQ_MUST_CHECK;
int tls_print_certificate(gnutls_x509_crt_t certificate, struct aq_buffer *out, struct aq_error *error) AQ_MUST_CHECK;
void tls_wipe(struct aq_buffer *buffer); /* overwrites and frees it */

/* What every certificate that we make has: a random serial number, `key`'s public half, and the time. */
int tls_begin_certificate(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, uint64_t now_ms, unsigned days,
                          struct aq_error *error) AQ_MUST_CHECK;

/* True: it is, or will within so many days be, too old, or it is not valid yet. */
bool tls_is_old(gnutls_x509_crt_t certificate, uint64_t now_ms, unsigned days);

#endif
