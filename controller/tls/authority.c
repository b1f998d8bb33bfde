#include "controller/tls/authority.h"

#include "controller/tls/gnutls.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

enum { VALID_DAYS = 3650, RENEW_DAYS = 365 };
static const char FOLDER[] = "tls", KEY_FILE[] = "authority.key", CERTIFICATE_FILE[] = "authority.crt";

struct authority {
    gnutls_x509_privkey_t key;
    gnutls_privkey_t signer; /* the same key, as signing wants it */
    gnutls_x509_crt_t certificate;
    unsigned char public_key[AQ_PUBLIC_KEY_MAX]; /* DER */
    size_t public_length;
    char fingerprint[AQ_FINGERPRINT_SIZE];
    struct aq_buffer pem; /* of the certificate */
};

/* ---- the key ------------------------------------------------------------------------------------------- */

static int make_key(struct authority *authority, int directory, struct aq_error *error)
{
    struct aq_buffer pem = {0};
    int status = tls_make_key(&authority->key, error);
    if (status == 0)
        status = tls_print_key(authority->key, &pem, error);
    if (status == 0)
        status = aq_file_replace(directory, KEY_FILE, 0600, pem.data, pem.length, error);
    tls_wipe(&pem);
    return status;
}

static int import_key(struct authority *authority, const struct aq_buffer *pem, struct aq_error *error)
{
    gnutls_datum_t datum = {(unsigned char *)pem->data, (unsigned)pem->length};
    gnutls_ecc_curve_t curve;
    int failed = gnutls_x509_privkey_init(&authority->key);
    if (failed == 0)
        failed = gnutls_x509_privkey_import(authority->key, &datum, GNUTLS_X509_FMT_PEM);
    if (failed != 0)
        return tls_fail(error, failed, "%s/%s", FOLDER, KEY_FILE);
    if (gnutls_x509_privkey_get_pk_algorithm(authority->key) != GNUTLS_PK_ECDSA ||
        gnutls_x509_privkey_export_ecc_raw(authority->key, &curve, NULL, NULL, NULL) != 0 ||
        curve != GNUTLS_ECC_CURVE_SECP256R1)
        return aq_fail(error, AQ_E_INVALID, "%s/%s must be a key of ECDSA on the curve P-256", FOLDER, KEY_FILE);
    return 0;
}

/* Only a data directory without both gets a new authority: clients and agents know the old one by its fingerprint. */
static int open_key(struct authority *authority, int directory, struct aq_error *error)
{
    struct aq_buffer pem = {0};
    int status = aq_file_read(directory, KEY_FILE, TLS_FILE_MAX, &pem, error);
    if (status == 0)
        status = import_key(authority, &pem, error);
    else if (error->code == AQ_E_NOT_FOUND && faccessat(directory, CERTIFICATE_FILE, F_OK, 0) == 0)
        aq_fail(error, AQ_E_CORRUPT,
                "%s/%s is missing, but %s is there: restore the key from a backup, or remove the certificate, too, "
                "for a new authority, which no client and no agent knows",
                FOLDER, KEY_FILE, CERTIFICATE_FILE);
    else if (error->code == AQ_E_NOT_FOUND)
        status = make_key(authority, directory, error);
    tls_wipe(&pem);
    return status;
}

static int open_signer(struct authority *authority, struct aq_error *error)
{
    gnutls_pubkey_t public_key;
    int failed = gnutls_privkey_init(&authority->signer);
    if (failed == 0)
        failed = gnutls_privkey_import_x509(authority->signer, authority->key, 0);
    if (failed != 0 || (failed = gnutls_pubkey_init(&public_key)) != 0)
        return tls_fail(error, failed, "the key of the authority");
    authority->public_length = sizeof authority->public_key;
    failed = gnutls_pubkey_import_privkey(public_key, authority->signer, 0, 0);
    if (failed == 0)
        failed =
            gnutls_pubkey_export(public_key, GNUTLS_X509_FMT_DER, authority->public_key, &authority->public_length);
    gnutls_pubkey_deinit(public_key);
    if (failed != 0)
        return tls_fail(error, failed, "the key of the authority");
    aq_fingerprint_make(authority->public_key, authority->public_length, authority->fingerprint);
    return 0;
}

/* ---- the certificate ------------------------------------------------------------------------------------- */

/* The name tells authorities apart where several are trusted. */
static int name_certificate(const struct authority *authority, gnutls_x509_crt_t certificate, struct aq_error *error)
{
    char name[64];
    int failed;
    snprintf(name, sizeof name, "Aquarium authority %.16s", strchr(authority->fingerprint, ':') + 1);
    if ((failed = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "Aquarium", 8)) !=
            0 ||
        (failed = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                                (unsigned)strlen(name))) != 0 ||
        (failed = gnutls_x509_crt_set_basic_constraints(certificate, 1, 0)) != 0 ||
        (failed = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN)) != 0)
        return tls_fail(error, failed, "cannot make the certificate of the authority");
    return 0;
}

/* Replaces the certificate of the authority, and writes it. */
static int make_certificate(struct authority *authority, int directory, uint64_t now_ms, struct aq_error *error)
{
    struct aq_buffer pem = {0};
    gnutls_x509_crt_t certificate;
    int failed = gnutls_x509_crt_init(&certificate);
    if (failed != 0)
        return tls_fail(error, failed, "cannot make the certificate of the authority");
    int status = tls_begin_certificate(certificate, authority->key, now_ms, VALID_DAYS, error);
    if (status == 0)
        status = name_certificate(authority, certificate, error);
    if (status == 0 &&
        (failed = gnutls_x509_crt_sign2(certificate, certificate, authority->key, GNUTLS_DIG_SHA256, 0)) != 0)
        status = tls_fail(error, failed, "cannot sign the certificate of the authority");
    if (status == 0)
        status = tls_print_certificate(certificate, &pem, error);
    if (status == 0)
        status = aq_file_replace(directory, CERTIFICATE_FILE, 0600, pem.data, pem.length, error);
    aq_buffer_free(&pem);
    if (status != 0) {
        gnutls_x509_crt_deinit(certificate);
        return -1;
    }
    if (authority->certificate != NULL)
        gnutls_x509_crt_deinit(authority->certificate);
    authority->certificate = certificate;
    return 0;
}

static int check_is_own(const struct authority *authority, struct aq_error *error)
{
    unsigned char own[64], its[64];
    size_t own_length = sizeof own, its_length = sizeof its;
    if (gnutls_x509_privkey_get_key_id(authority->key, GNUTLS_KEYID_USE_SHA256, own, &own_length) == 0 &&
        gnutls_x509_crt_get_key_id(authority->certificate, GNUTLS_KEYID_USE_SHA256, its, &its_length) == 0 &&
        own_length == its_length && memcmp(own, its, own_length) == 0)
        return 0;
    return aq_fail(error, AQ_E_CORRUPT, "%s/%s is not the certificate of %s", FOLDER, CERTIFICATE_FILE, KEY_FILE);
}

static int read_certificate(struct authority *authority, int directory, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer pem = {0};
    if (aq_file_read(directory, CERTIFICATE_FILE, TLS_FILE_MAX, &pem, error) != 0)
        return -1;
    gnutls_datum_t datum = {(unsigned char *)pem.data, (unsigned)pem.length};
    int failed = gnutls_x509_crt_init(&authority->certificate);
    if (failed == 0)
        failed = gnutls_x509_crt_import(authority->certificate, &datum, GNUTLS_X509_FMT_PEM);
    if (failed != 0)
        return tls_fail(error, failed, "%s/%s", FOLDER, CERTIFICATE_FILE);
    return check_is_own(authority, error);
}

static int open_certificate(struct authority *authority, int directory, uint64_t now_ms, struct aq_error *error)
{
    struct aq_error reading;
    if (read_certificate(authority, directory, &reading) == 0) {
        if (tls_is_old(authority->certificate, now_ms, RENEW_DAYS) &&
            make_certificate(authority, directory, now_ms, error) != 0)
            return -1;
    } else if (reading.code == AQ_E_NOT_FOUND) {
        if (make_certificate(authority, directory, now_ms, error) != 0)
            return -1;
        aq_journal(AQ_INFO, "made the cluster's authority", "fingerprint", authority->fingerprint, NULL);
    } else {
        *error = reading;
        return -1;
    }
    return tls_print_certificate(authority->certificate, &authority->pem, error);
}

/* ---- open and close --------------------------------------------------------------------------------------- */

int authority_open(struct authority **out, const char *data, uint64_t now_ms, struct aq_error *error)
{
    AQ_CLEANUP_FD int home = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home < 0)
        return aq_fail_errno(error, errno, "cannot open directory %s", data);
    AQ_CLEANUP_FD int directory = aq_directory_open(home, FOLDER, error);
    struct authority *authority = aq_calloc(1, sizeof *authority);
    if (directory < 0 || aq_directory_sync(home, ".", error) != 0 || open_key(authority, directory, error) != 0 ||
        open_signer(authority, error) != 0 || open_certificate(authority, directory, now_ms, error) != 0) {
        authority_close(authority);
        return aq_error_context(error, "the authority in %s", data);
    }
    *out = authority;
    return 0;
}

void authority_close(struct authority *authority)
{
    if (authority == NULL)
        return;
    if (authority->certificate != NULL)
        gnutls_x509_crt_deinit(authority->certificate);
    if (authority->signer != NULL)
        gnutls_privkey_deinit(authority->signer);
    if (authority->key != NULL)
        gnutls_x509_privkey_deinit(authority->key);
    aq_buffer_free(&authority->pem);
    free(authority);
}

const char *authority_fingerprint(const struct authority *authority)
{
    return authority->fingerprint;
}

const void *authority_public_key(const struct authority *authority, size_t *length)
{
    *length = authority->public_length;
    return authority->public_key;
}

const char *authority_pem(const struct authority *authority)
{
    return aq_buffer_string(&authority->pem);
}

/* ---- signing ----------------------------------------------------------------------------------------------- */

int authority_sign(const struct authority *authority, const char *purpose, const void *data, size_t length,
                   unsigned char signature[AQ_SIGNATURE_MAX], size_t *signature_length, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer subject = {0};
    aq_assert(length <= AQ_SIGNED_MAX && strlen(purpose) <= AQ_SIGNED_PURPOSE_MAX);
    aq_signature_subject(purpose, data, length, &subject);
    gnutls_datum_t signed_data = {(unsigned char *)subject.data, (unsigned)subject.length}, made;
    int failed = gnutls_privkey_sign_data2(authority->signer, GNUTLS_SIGN_ECDSA_SHA256, 0, &signed_data, &made);
    if (failed != 0)
        return tls_fail(error, failed, "cannot sign with the key of the authority");
    aq_assert(made.size <= AQ_SIGNATURE_MAX);
    memcpy(signature, made.data, made.size);
    *signature_length = made.size;
    gnutls_free(made.data);
    return 0;
}

int authority_sign_certificate(const struct authority *authority, gnutls_x509_crt_t certificate, struct aq_error *error)
{
    unsigned char identifier[64];
    size_t length = sizeof identifier;
    int failed = gnutls_x509_crt_get_subject_key_id(authority->certificate, identifier, &length, NULL);
    if (failed == 0)
        failed = gnutls_x509_crt_set_authority_key_id(certificate, identifier, length);
    if (failed == 0)
        failed = gnutls_x509_crt_sign2(certificate, authority->certificate, authority->key, GNUTLS_DIG_SHA256, 0);
    return failed == 0 ? 0 : tls_fail(error, failed, "cannot sign a certificate");
}
