#include "controller/tls/certificate.h"

#include "controller/tls/gnutls.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdio.h>

enum { CHAIN_MAX = 8, VALID_DAYS = 90, RENEW_DAYS = 30, COMMON_NAME_MAX = 64 };
static const char OWN_FILE[] = "tls/server.pem";

struct certificate {
    atomic_uint holders;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned count;
    gnutls_privkey_t key;
    uint64_t expires_ms;
};

/* ---- holding -------------------------------------------------------------------------------------------- */

struct certificate *certificate_hold(struct certificate *certificate)
{
    atomic_fetch_add(&certificate->holders, 1);
    return certificate;
}

void certificate_release(struct certificate *certificate)
{
    if (certificate == NULL || atomic_fetch_sub(&certificate->holders, 1) > 1)
        return;
    for (unsigned i = 0; i < certificate->count; i++)
        gnutls_pcert_deinit(&certificate->chain[i]);
    if (certificate->key != NULL)
        gnutls_privkey_deinit(certificate->key);
    free(certificate);
}

gnutls_pcert_st *certificate_chain(const struct certificate *certificate, unsigned *count)
{
    *count = certificate->count;
    return (gnutls_pcert_st *)certificate->chain;
}

gnutls_privkey_t certificate_key(const struct certificate *certificate)
{
    return certificate->key;
}

uint64_t certificate_expires_ms(const struct certificate *certificate)
{
    return certificate->expires_ms;
}

int certificate_authority(const struct certificate *certificate, char fingerprint[AQ_FINGERPRINT_SIZE],
                          struct aq_buffer *pem, struct aq_error *error)
{
    const gnutls_pcert_st *last = &certificate->chain[certificate->count - 1];
    gnutls_datum_t key, text;
    int failed = gnutls_pubkey_export2(last->pubkey, GNUTLS_X509_FMT_DER, &key);
    if (failed != 0)
        return tls_fail(error, failed, "cannot write a key");
    aq_fingerprint_make(key.data, key.size, fingerprint);
    gnutls_free(key.data);
    failed = gnutls_pem_base64_encode2("CERTIFICATE", &last->cert, &text);
    if (failed != 0)
        return tls_fail(error, failed, "cannot write a certificate");
    aq_buffer_add(pem, text.data, text.size);
    gnutls_free(text.data);
    return 0;
}

bool certificate_equals(const struct certificate *one, const struct certificate *other)
{
    if (one->count != other->count)
        return false;
    for (unsigned i = 0; i < one->count; i++)
        if (one->chain[i].cert.size != other->chain[i].cert.size ||
            memcmp(one->chain[i].cert.data, other->chain[i].cert.data, one->chain[i].cert.size) != 0)
            return false;
    return true;
}

/* ---- from PEM ---------------------------------------------------------------------------------------------- */

static int load_chain(struct certificate *certificate, const struct aq_buffer *pem, const char *path,
                      struct aq_error *error)
{
    gnutls_datum_t datum = {(unsigned char *)pem->data, (unsigned)pem->length};
    gnutls_x509_crt_t first;
    unsigned count = CHAIN_MAX;
    int failed = gnutls_pcert_list_import_x509_raw(certificate->chain, &count, &datum, GNUTLS_X509_FMT_PEM,
                                                   GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (failed < 0)
        return tls_fail(error, failed, "%s must have 1 to %d certificates, each signed by the next", path, CHAIN_MAX);
    certificate->count = count;
    failed = gnutls_pcert_export_x509(&certificate->chain[0], &first);
    if (failed != 0)
        return tls_fail(error, failed, "%s", path);
    certificate->expires_ms = (uint64_t)gnutls_x509_crt_get_expiration_time(first) * 1000;
    gnutls_x509_crt_deinit(first);
    return 0;
}

static int load_key(struct certificate *certificate, const struct aq_buffer *pem, const char *path,
                    struct aq_error *error)
{
    gnutls_datum_t datum = {(unsigned char *)pem->data, (unsigned)pem->length};
    int failed = gnutls_privkey_init(&certificate->key);
    if (failed == 0)
        failed = gnutls_privkey_import_x509_raw(certificate->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    return failed == 0 ? 0 : tls_fail(error, failed, "%s must have a private key without a password", path);
}

static int check_pair(const struct certificate *certificate, const char *chain, const char *key, struct aq_error *error)
{
    unsigned char one[64], other[64];
    size_t one_length = sizeof one, other_length = sizeof other;
    gnutls_pubkey_t public_key;
    int failed = gnutls_pubkey_init(&public_key);
    if (failed == 0) {
        failed = gnutls_pubkey_import_privkey(public_key, certificate->key, 0, 0);
        if (failed == 0)
            failed = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, one, &one_length);
        gnutls_pubkey_deinit(public_key);
    }
    if (failed == 0)
        failed = gnutls_pubkey_get_key_id(certificate->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, other, &other_length);
    if (failed != 0)
        return tls_fail(error, failed, "%s", key);
    if (one_length == other_length && memcmp(one, other, one_length) == 0)
        return 0;
    return aq_fail(error, AQ_E_INVALID, "the key in %s is not that of the first certificate in %s", key, chain);
}

static int load(struct certificate **out, const struct aq_buffer *chain, const char *chain_path,
                const struct aq_buffer *key, const char *key_path, struct aq_error *error)
{
    struct certificate *certificate = aq_calloc(1, sizeof *certificate);
    atomic_init(&certificate->holders, 1);
    if (load_chain(certificate, chain, chain_path, error) != 0 || load_key(certificate, key, key_path, error) != 0 ||
        check_pair(certificate, chain_path, key_path, error) != 0) {
        certificate_release(certificate);
        return -1;
    }
    *out = certificate;
    return 0;
}

int certificate_read(struct certificate **out, const char *chain_path, const char *key_path, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer chain = {0};
    struct aq_buffer key = {0};
    int status = aq_file_read(AT_FDCWD, chain_path, TLS_FILE_MAX, &chain, error);
    if (status == 0)
        status = aq_file_read(AT_FDCWD, key_path, TLS_FILE_MAX, &key, error);
    if (status == 0)
        status = load(out, &chain, chain_path, &key, key_path, error);
    tls_wipe(&key);
    return status;
}

/* ---- the cluster's own ------------------------------------------------------------------------------------- */

static int add_name(gnutls_x509_crt_t certificate, const char *name)
{
    unsigned char bytes[16];
    size_t length = tls_name_address(name, bytes);
    if (length > 0)
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, bytes, (unsigned)length,
                                                    GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                                GNUTLS_FSAN_APPEND);
}

static int describe(gnutls_x509_crt_t certificate, const struct tls_names *names, struct aq_error *error)
{
    size_t length = strlen(names->list[0]);
    int failed = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "Aquarium", 8);
    if (failed == 0 && length <= COMMON_NAME_MAX)
        failed = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, names->list[0],
                                               (unsigned)length);
    for (size_t i = 0; failed == 0 && i < names->count; i++)
        failed = add_name(certificate, names->list[i]);
    if (failed == 0)
        failed = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
    if (failed == 0)
        failed = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (failed == 0)
        failed = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 1);
    return failed == 0 ? 0 : tls_fail(error, failed, "cannot make a certificate");
}

static int sign(const struct authority *authority, gnutls_x509_privkey_t key, const struct tls_names *names,
                uint64_t now_ms, struct aq_buffer *pem, struct aq_error *error)
{
    gnutls_x509_crt_t certificate;
    int failed = gnutls_x509_crt_init(&certificate);
    if (failed != 0)
        return tls_fail(error, failed, "cannot make a certificate");
    int status = tls_begin_certificate(certificate, key, now_ms, VALID_DAYS, error);
    if (status == 0)
        status = describe(certificate, names, error);
    if (status == 0)
        status = authority_sign_certificate(authority, certificate, error);
    if (status == 0)
        status = tls_print_certificate(certificate, pem, error);
    gnutls_x509_crt_deinit(certificate);
    return status;
}

/* Key and certificate are one file, so that they are replaced together. */
static int make_own(int data, const struct authority *authority, const struct tls_names *names, uint64_t now_ms,
                    struct aq_buffer *pem, struct aq_error *error)
{
    gnutls_x509_privkey_t key;
    if (tls_make_key(&key, error) != 0)
        return -1;
    int status = tls_print_key(key, pem, error);
    if (status == 0)
        status = sign(authority, key, names, now_ms, pem, error);
    gnutls_x509_privkey_deinit(key);
    return status == 0 ? aq_file_replace(data, OWN_FILE, 0600, pem->data, pem->length, error) : -1;
}

static bool has_name(gnutls_x509_crt_t certificate, const char *name)
{
    unsigned char bytes[16], found[TLS_NAME_SIZE];
    size_t length = tls_name_address(name, bytes), size = sizeof found;
    bool is_address = length > 0;
    if (!is_address)
        length = strlen(name);
    for (unsigned i = 0;; i++, size = sizeof found) {
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, found, &size, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return false;
        if (type == (is_address ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME) && size == length &&
            memcmp(found, is_address ? bytes : (const unsigned char *)name, length) == 0)
            return true;
    }
}

static bool is_signed_by(gnutls_x509_crt_t certificate, const struct authority *authority)
{
    const char *pem = authority_pem(authority);
    gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)strlen(pem)};
    gnutls_x509_crt_t issuer;
    unsigned problems = 0;
    if (gnutls_x509_crt_init(&issuer) != 0)
        return false;
    bool is = gnutls_x509_crt_import(issuer, &datum, GNUTLS_X509_FMT_PEM) == 0 &&
              gnutls_x509_crt_verify(certificate, &issuer, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &problems) == 0 &&
              problems == 0;
    gnutls_x509_crt_deinit(issuer);
    return is;
}

static bool is_good(const struct aq_buffer *pem, const struct authority *authority, const struct tls_names *names,
                    uint64_t now_ms)
{
    gnutls_datum_t datum = {(unsigned char *)pem->data, (unsigned)pem->length};
    gnutls_x509_crt_t certificate;
    if (pem->length == 0 || gnutls_x509_crt_init(&certificate) != 0)
        return false;
    bool good = gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_PEM) == 0 &&
                !tls_is_old(certificate, now_ms, RENEW_DAYS) && is_signed_by(certificate, authority);
    for (size_t i = 0; good && i < names->count; i++)
        good = has_name(certificate, names->list[i]);
    gnutls_x509_crt_deinit(certificate);
    return good;
}

/* A file that is damaged is made again, like one that is missing: nobody knows it by itself. */
static int load_own(struct certificate **out, const struct authority *authority, const struct aq_buffer *pem,
                    struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer chain = {0};
    const char *begin = strstr(aq_buffer_string(pem), "-----BEGIN CERTIFICATE-----");
    aq_buffer_text(&chain, begin != NULL ? begin : "");
    aq_buffer_text(&chain, authority_pem(authority));
    return load(out, &chain, OWN_FILE, pem, OWN_FILE, error);
}

int certificate_own(struct certificate **out, const struct authority *authority, const char *data,
                    const struct tls_names *names, uint64_t now_ms, struct aq_error *error)
{
    struct aq_buffer pem = {0};
    struct aq_error unread;
    AQ_CLEANUP_FD int directory = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    aq_assert(names->count > 0);
    if (directory < 0)
        return aq_fail_errno(error, errno, "cannot open directory %s", data);
    bool read = aq_file_read(directory, OWN_FILE, TLS_FILE_MAX, &pem, &unread) == 0;
    int status = read && is_good(&pem, authority, names, now_ms) ? load_own(out, authority, &pem, &unread) : -1;
    if (status != 0) {
        tls_wipe(&pem);
        status = make_own(directory, authority, names, now_ms, &pem, error);
        if (status == 0)
            status = load_own(out, authority, &pem, error);
        if (status == 0)
            aq_journal(AQ_INFO, "made a certificate for TLS", "name", names->list[0], NULL);
    }
    tls_wipe(&pem);
    return status;
}
