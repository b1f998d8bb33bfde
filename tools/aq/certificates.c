#include "tools/aq/certificates.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    KEY_SIZE_MAX = 8192, /* a key of RSA with 16,384 bits has 2 KiB */
    NAMES_MOST = 8,      /* in a message */
    DATE_SIZE = 32,
};

#define FUNCTIONS(X)                                                                                                   \
    X(SSL_CTX_set_cert_verify_callback)                                                                                \
    X(X509_STORE_CTX_get0_cert)                                                                                        \
    X(X509_STORE_CTX_get0_untrusted)                                                                                   \
    X(X509_STORE_CTX_set0_trusted_stack)                                                                               \
    X(X509_STORE_CTX_set_flags)                                                                                        \
    X(X509_STORE_CTX_get_current_cert)                                                                                 \
    X(X509_STORE_CTX_get_error)                                                                                        \
    X(X509_STORE_CTX_set_error)                                                                                        \
    X(X509_verify_cert)                                                                                                \
    X(X509_verify_cert_error_string)                                                                                   \
    X(X509_check_host)                                                                                                 \
    X(X509_check_ip_asc)                                                                                               \
    X(X509_get_X509_PUBKEY)                                                                                            \
    X(X509_get0_notBefore)                                                                                             \
    X(X509_get0_notAfter)                                                                                              \
    X(X509_get_ext_d2i)                                                                                                \
    X(i2d_X509_PUBKEY)                                                                                                 \
    X(ASN1_TIME_to_tm)                                                                                                 \
    X(ASN1_STRING_get0_data)                                                                                           \
    X(ASN1_STRING_length)                                                                                              \
    X(GENERAL_NAMES_free)                                                                                              \
    X(OPENSSL_sk_new_null)                                                                                             \
    X(OPENSSL_sk_push)                                                                                                 \
    X(OPENSSL_sk_num)                                                                                                  \
    X(OPENSSL_sk_value)                                                                                                \
    X(OPENSSL_sk_pop_free)                                                                                             \
    X(X509_up_ref)                                                                                                     \
    X(X509_free)                                                                                                       \
    X(BIO_new_mem_buf)                                                                                                 \
    X(BIO_free)                                                                                                        \
    X(PEM_read_bio_X509)                                                                                               \
    X(ERR_clear_error)

/* OpenSSL's functions, once libcurl is loaded. */
static struct {
#define FIELD(name) __typeof__(name) *p_##name;
    FUNCTIONS(FIELD)
} ssl;

int cli_certificates_load(void *libcurl, struct aq_error *error)
{
    static const struct {
        const char *name;
        void *place;
    } functions[] = {
#define ROW(name) {#name, &ssl.p_##name},
        FUNCTIONS(ROW)};
    for (size_t i = 0; i < AQ_LENGTH(functions); i++) {
        void *function = dlsym(libcurl, functions[i].name); /* finds what it depends on, too */
        if (function == NULL)
            return aq_fail(error, AQ_E_INVALID,
                           "https is not available: this libcurl was built without OpenSSL, or it has no %s",
                           functions[i].name);
        memcpy(functions[i].place, &function, sizeof function);
    }
    return 0;
}

/* ---- what certificates say -------------------------------------------------------------------------------- */

static void fingerprint_of(X509 *certificate, char out[AQ_FINGERPRINT_SIZE])
{
    unsigned char key[KEY_SIZE_MAX], *end = key;
    X509_PUBKEY *public = ssl.p_X509_get_X509_PUBKEY(certificate);
    int length = ssl.p_i2d_X509_PUBKEY(public, NULL);
    out[0] = '\0';
    if (length > 0 && length <= KEY_SIZE_MAX && ssl.p_i2d_X509_PUBKEY(public, &end) == length)
        aq_fingerprint_make(key, (size_t)length, out);
}

static void date_of(const ASN1_TIME *time, char out[DATE_SIZE])
{
    struct tm tm;
    out[0] = '\0';
    if (ssl.p_ASN1_TIME_to_tm(time, &tm) == 1)
        strftime(out, DATE_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static void add_name(const GENERAL_NAME *name, struct aq_buffer *out)
{
    char address[INET6_ADDRSTRLEN];
    const ASN1_STRING *value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const unsigned char *bytes = ssl.p_ASN1_STRING_get0_data(value);
    int length = ssl.p_ASN1_STRING_length(value);
    if (out->length > 0)
        aq_buffer_text(out, ", ");
    if (name->type == GEN_DNS)
        aq_buffer_format(out, "%.*s", length < 64 ? length : 64, bytes);
    else if (inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address) != NULL)
        aq_buffer_text(out, address);
}

/* "localhost, 127.0.0.1": those that it is for. */
static void names_of(X509 *certificate, struct aq_buffer *out)
{
    GENERAL_NAMES *names = ssl.p_X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = names != NULL ? ssl.p_OPENSSL_sk_num((const OPENSSL_STACK *)names) : 0, shown = 0;
    for (int i = 0; i < count && shown < NAMES_MOST; i++) {
        const GENERAL_NAME *name = ssl.p_OPENSSL_sk_value((const OPENSSL_STACK *)names, i);
        bool is_address = name->type == GEN_IPADD && (ssl.p_ASN1_STRING_length(name->d.iPAddress) == 4 ||
                                                      ssl.p_ASN1_STRING_length(name->d.iPAddress) == 16);
        if (name->type != GEN_DNS && !is_address)
            continue;
        add_name(name, out);
        shown++;
    }
    if (shown == NAMES_MOST && count > shown)
        aq_buffer_text(out, ", ...");
    if (out->length == 0)
        aq_buffer_text(out, "no name");
    ssl.p_GENERAL_NAMES_free(names);
}

static bool is_for(X509 *certificate, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return ssl.p_X509_check_ip_asc(certificate, host, 0) == 1;
    return ssl.p_X509_check_host(certificate, host, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

/* ---- the judgement ---------------------------------------------------------------------------------------- */

#define SAY(certificates, ...) snprintf((certificates)->why, sizeof(certificates)->why, __VA_ARGS__)

/* The certificate with the key that is pinned, among those that the server shows; NULL: there is none. */
static X509 *find_pinned(const OPENSSL_STACK *shown, const char *fingerprint)
{
    char one[AQ_FINGERPRINT_SIZE];
    for (int i = 0; i < ssl.p_OPENSSL_sk_num(shown); i++) {
        X509 *certificate = ssl.p_OPENSSL_sk_value(shown, i);
        fingerprint_of(certificate, one);
        if (strcmp(one, fingerprint) == 0)
            return certificate;
    }
    return NULL;
}

static void say_untrusted(struct cli_certificates *certificates, const OPENSSL_STACK *shown)
{
    const struct cli_connect *connect = certificates->connect;
    int count = ssl.p_OPENSSL_sk_num(shown);
    if (count > 0)
        fingerprint_of(ssl.p_OPENSSL_sk_value(shown, count - 1), certificates->presented);
    if (connect->fingerprint[0] != '\0')
        SAY(certificates,
            "it is not vouched for by the authority with the fingerprint %s, but shows %s. Either the cluster has a "
            "new "
            "authority, or somebody else answers: ask whoever runs it",
            connect->fingerprint, certificates->presented);
    else if (connect->authorities != NULL)
        SAY(certificates, "none of the given authorities vouches for it; the one that it shows has the fingerprint %s",
            certificates->presented);
    else
        SAY(certificates,
            "no authority that this machine trusts vouches for it; the one that it shows has the fingerprint %s. If "
            "that "
            "is the cluster's: --fingerprint",
            certificates->presented);
}

static void say_refused(struct cli_certificates *certificates, X509_STORE_CTX *store, const OPENSSL_STACK *shown)
{
    int code = ssl.p_X509_STORE_CTX_get_error(store);
    X509 *at_fault = ssl.p_X509_STORE_CTX_get_current_cert(store);
    const char *whose =
        at_fault == ssl.p_X509_STORE_CTX_get0_cert(store) ? "its certificate" : "its authority's certificate";
    char date[DATE_SIZE];
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        date_of(ssl.p_X509_get0_notAfter(at_fault), date);
        SAY(certificates, "%s has expired: it was valid until %s", whose, date);
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        date_of(ssl.p_X509_get0_notBefore(at_fault), date);
        SAY(certificates, "%s is valid only from %s; is the clock of this machine right?", whose, date);
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        say_untrusted(certificates, shown);
        return;
    default:
        SAY(certificates, "%s is refused: %s", whose, ssl.p_X509_verify_cert_error_string(code));
    }
}

static void push(OPENSSL_STACK *stack, X509 *certificate)
{
    aq_assert(ssl.p_OPENSSL_sk_push(stack, certificate) > 0);
}

/* The certificates in PEM; what is none ends them. */
static void push_all(OPENSSL_STACK *stack, const char *pem)
{
    BIO *bio = ssl.p_BIO_new_mem_buf(pem, -1);
    X509 *certificate;
    aq_assert(bio != NULL);
    while ((certificate = ssl.p_PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        push(stack, certificate);
    ssl.p_BIO_free(bio);
    ssl.p_ERR_clear_error(); /* libcurl would take the end of the text for its own error */
}

static void free_certificate(void *certificate)
{
    ssl.p_X509_free(certificate);
}

/* Those that alone are trusted: the pinned one, if the server shows it, or those that were given. NULL: those of this
 * machine, which libcurl has given to OpenSSL. */
static OPENSSL_STACK *trusted_ones(const struct cli_connect *connect, const OPENSSL_STACK *shown)
{
    if (connect->fingerprint[0] == '\0' && connect->authorities == NULL)
        return NULL;
    OPENSSL_STACK *trusted = ssl.p_OPENSSL_sk_new_null();
    aq_assert(trusted != NULL);
    X509 *pinned = connect->fingerprint[0] != '\0' ? find_pinned(shown, connect->fingerprint) : NULL;
    if (pinned != NULL && ssl.p_X509_up_ref(pinned) == 1)
        push(trusted, pinned);
    if (connect->authorities != NULL)
        push_all(trusted, connect->authorities);
    return trusted;
}

static bool chain_is_good(struct cli_certificates *certificates, X509_STORE_CTX *store, const OPENSSL_STACK *shown)
{
    OPENSSL_STACK *trusted = trusted_ones(certificates->connect, shown);
    if (trusted != NULL)
        ssl.p_X509_STORE_CTX_set0_trusted_stack(store, (STACK_OF(X509) *)trusted);
    ssl.p_X509_STORE_CTX_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); /* an authority need not be a root */
    bool good = ssl.p_X509_verify_cert(store) == 1;
    if (!good)
        say_refused(certificates, store, shown);
    ssl.p_OPENSSL_sk_pop_free(trusted, free_certificate);
    return good;
}

/* Called by OpenSSL in place of its own check; 1: go on. */
static int judge(X509_STORE_CTX *store, void *context)
{
    struct cli_certificates *certificates = context;
    X509 *server = ssl.p_X509_STORE_CTX_get0_cert(store);
    certificates->why[0] = certificates->presented[0] = '\0';
    if (!chain_is_good(certificates, store, (const OPENSSL_STACK *)ssl.p_X509_STORE_CTX_get0_untrusted(store)))
        return 0;
    if (is_for(server, certificates->connect->host))
        return 1;
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0};
    names_of(server, &names);
    SAY(certificates, "its certificate is for %s, and not for %s", aq_buffer_string(&names),
        certificates->connect->host);
    ssl.p_X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

void cli_certificates_judge(struct cli_certificates *certificates, void *ssl_context)
{
    ssl.p_SSL_CTX_set_cert_verify_callback(ssl_context, judge, certificates);
}
