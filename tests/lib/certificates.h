/* Authorities and server certificates for tests: good ones, and every kind of bad one. What fails here aborts. */
#ifndef AQ_TESTS_LIB_CERTIFICATES_H
#define AQ_TESTS_LIB_CERTIFICATES_H

#include "schema/base/memory.h"
#include "schema/wire/fingerprint.h"

#include <gnutls/x509.h>

struct test_authority {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    char fingerprint[AQ_FINGERPRINT_SIZE];
};

/* Days from now, and may be negative. */
struct test_validity {
    int from, to;
};
#define TEST_VALID ((struct test_validity){-1, 30})

/* An authority that signs itself; with `key` of another, which is not changed, the same key gets another certificate.
 */
struct test_authority *test_authority_make(const char *name, struct test_validity validity,
                                           const struct test_authority *key);
void test_authority_free(struct test_authority *authority); /* NULL is fine */
void test_authority_print(const struct test_authority *authority,
                          struct aq_buffer *pem); /* its certificate, appended */

/* What a server shows: PEM of its key, and of its certificate and the issuer's. */
struct test_server_identity {
    struct aq_buffer key, chain;
};
/* `names`: host names and addresses, separated by commas. */
void test_server_identity_make(struct test_server_identity *identity, const struct test_authority *issuer,
                               const char *names, struct test_validity validity);
void test_server_identity_free(struct test_server_identity *identity);

#endif
