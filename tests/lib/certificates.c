#include "tests/lib/certificates.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

static void must(int number, const char *what)
{
    if (number < 0)
        aq_broken(__FILE__, __LINE__, what);
}
#define MUST(call) must(call, #call)

static gnutls_x509_privkey_t make_key(void)
{
    gnutls_x509_privkey_t key;
    MUST(gnutls_x509_privkey_init(&key));
    MUST(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, (unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                      0));
    return key;
}

static gnutls_x509_crt_t begin(gnutls_x509_privkey_t key, const char *name, struct test_validity validity)
{
    static unsigned char serial = 1;
    gnutls_x509_crt_t certificate;
    time_t now = time(NULL);
    MUST(gnutls_x509_crt_init(&certificate));
    MUST(gnutls_x509_crt_set_version(certificate, 3));
    MUST(gnutls_x509_crt_set_serial(certificate, &serial, 1));
    MUST(gnutls_x509_crt_set_activation_time(certificate, now + (time_t)validity.from * DAY_S));
    MUST(gnutls_x509_crt_set_expiration_time(certificate, now + (time_t)validity.to * DAY_S));
    MUST(gnutls_x509_crt_set_key(certificate, key));
    MUST(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)));
    serial++;
    return certificate;
}

static void print(gnutls_x509_crt_t certificate, struct aq_buffer *pem)
{
    gnutls_datum_t text;
    MUST(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text));
    aq_buffer_add(pem, text.data, text.size);
    gnutls_free(text.data);
}

struct test_authority *test_authority_make(const char *name, struct test_validity validity,
                                           const struct test_authority *key)
{
    struct test_authority *authority = aq_calloc(1, sizeof *authority);
    unsigned char hash[32];
    size_t length = sizeof hash;
    if (key == NULL) {
        authority->key = make_key();
    } else {
        MUST(gnutls_x509_privkey_init(&authority->key));
        MUST(gnutls_x509_privkey_cpy(authority->key, key->key));
    }
    authority->certificate = begin(authority->key, name, validity);
    MUST(gnutls_x509_crt_set_ca_status(authority->certificate, 1));
    MUST(gnutls_x509_crt_set_key_usage(authority->certificate, GNUTLS_KEY_KEY_CERT_SIGN));
    MUST(gnutls_x509_crt_sign2(authority->certificate, authority->certificate, authority->key, GNUTLS_DIG_SHA256, 0));
    MUST(gnutls_x509_crt_get_key_id(authority->certificate, GNUTLS_KEYID_USE_SHA256, hash, &length));
    strcpy(authority->fingerprint, "sha256:");
    for (size_t i = 0; i < length; i++)
        snprintf(authority->fingerprint + 7 + 2 * i, 3, "%02x", hash[i]);
    return authority;
}

void test_authority_free(struct test_authority *authority)
{
    if (authority == NULL)
        return;
    gnutls_x509_crt_deinit(authority->certificate);
    gnutls_x509_privkey_deinit(authority->key);
    free(authority);
}

void test_authority_print(const struct test_authority *authority, struct aq_buffer *pem)
{
    print(authority->certificate, pem);
}

static void add_name(gnutls_x509_crt_t certificate, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    unsigned size = inet_pton(AF_INET, name, address) == 1 ? 4 : inet_pton(AF_INET6, name, address) == 1 ? 16 : 0;
    if (size > 0)
        MUST(
            gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, size, GNUTLS_FSAN_APPEND));
    else
        MUST(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                                  GNUTLS_FSAN_APPEND));
}

void test_server_identity_make(struct test_server_identity *identity, const struct test_authority *issuer,
                               const char *names, struct test_validity validity)
{
    gnutls_x509_privkey_t key = make_key();
    gnutls_x509_crt_t certificate = begin(key, "aquarium controller", validity);
    gnutls_datum_t text;
    char *copy = aq_strdup(names), *rest = copy;
    for (char *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
        add_name(certificate, name);
    free(copy);
    MUST(gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0));
    MUST(gnutls_x509_crt_sign2(certificate, issuer->certificate, issuer->key, GNUTLS_DIG_SHA256, 0));
    *identity = (struct test_server_identity){0};
    MUST(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &text));
    aq_buffer_add(&identity->key, text.data, text.size);
    gnutls_free(text.data);
    print(certificate, &identity->chain);
    print(issuer->certificate, &identity->chain);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

void test_server_identity_free(struct test_server_identity *identity)
{
    aq_buffer_free(&identity->key);
    aq_buffer_free(&identity->chain);
}
