#include "controller/tls/gnutls.h"

#include <gnutls/gnutls.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

enum { SERIAL_SIZE = 16, BEFORE_S = TLS_DAY_S /* clocks of clients may be behind */ };

int tls_fail(struct aq_error *error, int number, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return aq_fail(error, AQ_E_INVALID, "%s: %s", text, gnutls_strerror(number));
}

/* ---- keys ------------------------------------------------------------------------------------------------- */

int tls_make_key(gnutls_x509_privkey_t *key, struct aq_error *error)
{
    int failed = gnutls_x509_privkey_init(key);
    if (failed != 0)
        return tls_fail(error, failed, "cannot make a key");
    failed = gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
                                          (unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (failed == 0)
        return 0;
    gnutls_x509_privkey_deinit(*key);
    *key = NULL;
    return tls_fail(error, failed, "cannot make a key");
}

int tls_print_key(gnutls_x509_privkey_t key, struct aq_buffer *out, struct aq_error *error)
{
    gnutls_datum_t pem;
    int failed = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);
    if (failed != 0)
        return tls_fail(error, failed, "cannot write a key");
    aq_buffer_add(out, pem.data, pem.size);
    sodium_memzero(pem.data, pem.size);
    gnutls_free(pem.data);
    return 0;
}

void tls_wipe(struct aq_buffer *buffer)
{
    if (buffer->data != NULL)
        sodium_memzero(buffer->data, buffer->capacity);
    aq_buffer_free(buffer);
}

/* ---- certificates ----------------------------------------------------------------------------------------- */

int tls_print_certificate(gnutls_x509_crt_t certificate, struct aq_buffer *out, struct aq_error *error)
{
    gnutls_datum_t pem;
    int failed = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);
    if (failed != 0)
        return tls_fail(error, failed, "cannot write a certificate");
    aq_buffer_add(out, pem.data, pem.size);
    gnutls_free(pem.data);
    return 0;
}

int tls_begin_certificate(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, uint64_t now_ms, unsigned days,
                          struct aq_error *error)
{
    unsigned char serial[SERIAL_SIZE], identifier[64];
    size_t length = sizeof identifier;
    time_t now = (time_t)(now_ms / 1000);
    int failed;
    randombytes_buf(serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x3F) | 0x40); /* positive, and always of the same length */
    if ((failed = gnutls_x509_crt_set_version(certificate, 3)) != 0 ||
        (failed = gnutls_x509_crt_set_serial(certificate, serial, sizeof serial)) != 0 ||
        (failed = gnutls_x509_crt_set_activation_time(certificate, now - BEFORE_S)) != 0 ||
        (failed = gnutls_x509_crt_set_expiration_time(certificate, now + (time_t)days * TLS_DAY_S)) != 0 ||
        (failed = gnutls_x509_crt_set_key(certificate, key)) != 0 ||
        (failed = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA1, identifier, &length)) != 0 ||
        (failed = gnutls_x509_crt_set_subject_key_id(certificate, identifier, length)) != 0)
        return tls_fail(error, failed, "cannot make a certificate");
    return 0;
}

bool tls_is_old(gnutls_x509_crt_t certificate, uint64_t now_ms, unsigned days)
{
    time_t now = (time_t)(now_ms / 1000);
    return gnutls_x509_crt_get_activation_time(certificate) > now ||
           gnutls_x509_crt_get_expiration_time(certificate) <= now + (time_t)days * TLS_DAY_S;
}
