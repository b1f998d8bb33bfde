#include "schema/wire/signature.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* No certificate begins like this, so a signature of the authority on one is never taken for a signature on the other.
 */
void aq_signature_subject(const char *purpose, const void *data, size_t length, struct aq_buffer *out)
{
    aq_buffer_format(out, "aquarium %s\n", purpose);
    aq_buffer_add(out, data, length);
}

static int fail_signature(struct aq_error *error, const char *what)
{
    return aq_fail(error, AQ_E_UNAUTHENTICATED, "the other side is not of this cluster: %s", what);
}

static bool is_p256(gnutls_pubkey_t key)
{
    gnutls_ecc_curve_t curve;
    return gnutls_pubkey_get_pk_algorithm(key, NULL) == GNUTLS_PK_ECDSA &&
           gnutls_pubkey_export_ecc_raw(key, &curve, NULL, NULL) == 0 && curve == GNUTLS_ECC_CURVE_SECP256R1;
}

static int verify_with(gnutls_pubkey_t key, const struct aq_signature_check *check, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer subject = {0};
    gnutls_datum_t der = {(unsigned char *)check->key, (unsigned)check->key_length};
    gnutls_datum_t signature = {(unsigned char *)check->signature, (unsigned)check->signature_length};
    if (gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER) != 0 || !is_p256(key))
        return fail_signature(error, "what it shows as the authority's key is none");
    aq_signature_subject(check->purpose, check->data, check->length, &subject);
    gnutls_datum_t signed_data = {(unsigned char *)subject.data, (unsigned)subject.length};
    if (gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &signed_data, &signature) < 0)
        return fail_signature(error, "the authority's signature is wrong");
    return 0;
}

int aq_signature_verify(const struct aq_signature_check *check, struct aq_error *error)
{
    char fingerprint[AQ_FINGERPRINT_SIZE];
    gnutls_pubkey_t key;
    if (check->key_length > AQ_PUBLIC_KEY_MAX || check->signature_length > AQ_SIGNATURE_MAX ||
        check->length > AQ_SIGNED_MAX)
        return fail_signature(error, "its answer is too long");
    aq_fingerprint_make(check->key, check->key_length, fingerprint);
    if (strcmp(fingerprint, check->fingerprint) != 0)
        return fail_signature(error, "its authority has another fingerprint");
    if (gnutls_pubkey_init(&key) != 0)
        return aq_fail(error, AQ_E_INTERNAL, "GnuTLS has no memory for a key");
    int status = verify_with(key, check, error);
    gnutls_pubkey_deinit(key);
    return status;
}
