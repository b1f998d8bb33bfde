/* The cluster's authority: it is made once, found again, and renewed with the same key; what it signs is checked by its
 * fingerprint alone. The command openssl must see in it what we do. */
#include "tests/lib/tls_place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const uint64_t NOW_MS = 1800000000000, DAY_MS = 86400000;

static void refuses(struct tls_place *place, const char *words)
{
    struct aq_error error = {0};
    assert_int_equal(tls_place_try_open(place, NOW_MS, &error), -1);
    if (strstr(error.message, words) == NULL)
        fail_msg("%s: expected \"%s\"", error.message, words);
}

/* Opens the authority, and keeps its fingerprint. */
static void open_and_note(struct tls_place *place, char fingerprint[AQ_FINGERPRINT_SIZE])
{
    tls_place_open(place, NOW_MS);
    snprintf(fingerprint, AQ_FINGERPRINT_SIZE, "%s", authority_fingerprint(place->authority));
}

static mode_t mode_of(const struct tls_place *place, const char *name)
{
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", place->data, name);
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

/* ---- the files ------------------------------------------------------------------------------------------- */

static void the_first_start_makes_it_for_root_alone(void **context)
{
    struct tls_place *place = *context;
    umask(0);
    tls_place_open(place, NOW_MS);
    umask(022);
    assert_int_equal(mode_of(place, "tls"), 0700);
    assert_int_equal(mode_of(place, "tls/authority.key"), 0600);
    assert_int_equal(mode_of(place, "tls/authority.crt"), 0600);
}

static void openssl_sees_the_same(void **context)
{
    struct tls_place *place = *context;
    tls_place_open(place, NOW_MS);
    const char *hex =
        tls_place_shell(place, "openssl x509 -in authority.crt -noout -pubkey | openssl pkey -pubin -outform DER | "
                               "openssl dgst -sha256 -r | cut -c 1-64");
    assert_memory_equal(hex, authority_fingerprint(place->authority) + strlen("sha256:"), 64);
    hex = tls_place_shell(
        place, "openssl pkey -in authority.key -pubout -outform DER | openssl dgst -sha256 -r | cut -c 1-64");
    assert_memory_equal(hex, authority_fingerprint(place->authority) + strlen("sha256:"), 64);
    const char *text =
        tls_place_shell(place, "openssl x509 -in authority.crt -noout -text -ext basicConstraints,keyUsage");
    assert_non_null(strstr(text, "CA:TRUE, pathlen:0"));
    assert_non_null(strstr(text, "Certificate Sign"));
    assert_non_null(strstr(text, "P-256"));
    assert_non_null(strstr(text, "ecdsa-with-SHA256"));
    tls_place_shell(place, "openssl verify -attime 1800000000 -CAfile authority.crt authority.crt");
}

static void it_is_found_again(void **context)
{
    struct tls_place *place = *context;
    char fingerprint[AQ_FINGERPRINT_SIZE];
    open_and_note(place, fingerprint);
    AQ_CLEANUP_MEMORY char *pem = aq_strdup(authority_pem(place->authority));
    tls_place_open(place, NOW_MS + 10 * DAY_MS);
    assert_string_equal(authority_fingerprint(place->authority), fingerprint);
    assert_string_equal(authority_pem(place->authority), pem);
}

static void its_certificate_is_renewed_with_the_same_key(void **context)
{
    struct tls_place *place = *context;
    char fingerprint[AQ_FINGERPRINT_SIZE];
    open_and_note(place, fingerprint);
    AQ_CLEANUP_MEMORY char *pem = aq_strdup(authority_pem(place->authority));
    tls_place_open(place, NOW_MS + (3650 - 366) * DAY_MS);
    assert_string_equal(authority_pem(place->authority), pem);
    tls_place_open(place, NOW_MS + (3650 - 364) * DAY_MS);
    assert_string_not_equal(authority_pem(place->authority), pem);
    assert_string_equal(authority_fingerprint(place->authority), fingerprint);
    tls_place_shell(place, "openssl verify -attime 2114640000 -CAfile authority.crt authority.crt");
}

/* A crash between the two files leaves a key without a certificate. */
static void a_lost_certificate_is_made_again(void **context)
{
    struct tls_place *place = *context;
    char fingerprint[AQ_FINGERPRINT_SIZE];
    open_and_note(place, fingerprint);
    tls_place_shell(place, "rm authority.crt");
    tls_place_open(place, NOW_MS);
    assert_string_equal(authority_fingerprint(place->authority), fingerprint);
}

static void what_does_not_fit_is_refused(void **context)
{
    struct tls_place *place = *context;
    tls_place_open(place, NOW_MS);
    tls_place_shell(place, "mv authority.key kept.key");
    refuses(place, "tls/authority.key is missing, but authority.crt is there");
    tls_place_shell(place, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out authority.key");
    refuses(place, "tls/authority.crt is not the certificate of authority.key");
    tls_place_shell(place, "openssl genpkey -algorithm ed25519 -out authority.key");
    refuses(place, "tls/authority.key must be a key of ECDSA on the curve P-256");
    tls_place_shell(place, "echo nonsense > authority.key");
    refuses(place, "tls/authority.key: ");
    tls_place_shell(place, "mv kept.key authority.key && echo nonsense > authority.crt");
    refuses(place, "tls/authority.crt: ");
}

/* ---- fingerprints and signatures --------------------------------------------------------------------------- */

static void fingerprints_are_read_as_people_type_them(void **context)
{
    struct aq_error error = {0};
    char out[AQ_FINGERPRINT_SIZE], text[200] = "SHA256:";
    (void)context;
    static const char hex[] = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
    static const char wanted[] = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    snprintf(text, sizeof text, "sha256:%s", hex);
    assert_int_equal(aq_fingerprint_parse(text, out, &error), 0);
    assert_string_equal(out, wanted);
    char *end = text + snprintf(text, sizeof text, "SHA256:");
    for (int i = 0; i < 64; i += 2)
        end += snprintf(end, 8, "%s%.2s", i > 0 ? ":" : "", hex + i);
    assert_int_equal(aq_fingerprint_parse(text, out, &error), 0);
    assert_string_equal(out, wanted);
    static const char *const wrong[] = {"", "sha256:", "sha1:00", hex};
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++)
        assert_int_equal(aq_fingerprint_parse(wrong[i], out, &error), -1);
    static const char *const ends[] = {"0", ":", "g", " "};
    for (size_t i = 0; i < AQ_LENGTH(ends); i++) {
        snprintf(text, sizeof text, "sha256:%s%s", hex, ends[i]);
        assert_int_equal(aq_fingerprint_parse(text, out, &error), -1);
    }
    snprintf(text, sizeof text, "sha256:0:%s", hex + 1);
    assert_int_equal(aq_fingerprint_parse(text, out, &error), -1);
    assert_non_null(strstr(error.message, "must be sha256: and 64 hex digits"));
}

struct signed_case {
    unsigned char signature[AQ_SIGNATURE_MAX], key[AQ_PUBLIC_KEY_MAX];
    char data[32];
    struct aq_signature_check check;
};

static void sign_case(const struct tls_place *place, struct signed_case *item)
{
    struct aq_error error = {0};
    size_t length, key_length;
    const void *key = authority_public_key(place->authority, &key_length);
    memcpy(item->key, key, key_length);
    memset(item->data, 7, sizeof item->data);
    assert_int_equal(authority_sign(place->authority, AQ_SIGNED_HUB_KEY, item->data, sizeof item->data, item->signature,
                                    &length, &error),
                     0);
    item->check = (struct aq_signature_check){.fingerprint = authority_fingerprint(place->authority),
                                              .key = item->key,
                                              .key_length = key_length,
                                              .purpose = AQ_SIGNED_HUB_KEY,
                                              .data = item->data,
                                              .length = sizeof item->data,
                                              .signature = item->signature,
                                              .signature_length = length};
}

static void check_fails(const struct signed_case *item, const char *words)
{
    struct aq_error error = {0};
    assert_int_equal(aq_signature_verify(&item->check, &error), -1);
    assert_int_equal(error.code, AQ_E_UNAUTHENTICATED);
    if (strstr(error.message, words) == NULL)
        fail_msg("%s: expected \"%s\"", error.message, words);
}

static void signatures_hold_for_what_was_signed_only(void **context)
{
    struct tls_place *place = *context;
    struct signed_case item;
    struct aq_error error = {0};
    tls_place_open(place, NOW_MS);
    sign_case(place, &item);
    assert_int_equal(aq_signature_verify(&item.check, &error), 0);
    item.data[31] ^= 1;
    check_fails(&item, "signature is wrong");
    item.data[31] ^= 1;
    item.check.purpose = "other";
    check_fails(&item, "signature is wrong");
    item.check.purpose = AQ_SIGNED_HUB_KEY;
    for (size_t i = 0; i < item.check.signature_length; i++) {
        item.signature[i] ^= 0x10;
        check_fails(&item, "signature is wrong");
        item.signature[i] ^= 0x10;
    }
    for (size_t cut = 0; cut < item.check.signature_length; cut++) {
        struct signed_case less = item;
        less.check.signature_length = cut;
        check_fails(&less, "signature is wrong");
    }
    item.check.signature_length = AQ_SIGNATURE_MAX + 1;
    check_fails(&item, "too long");
}

static void another_authority_is_no_good(void **context)
{
    struct tls_place *place = *context;
    struct signed_case own, other;
    char fingerprint[AQ_FINGERPRINT_SIZE];
    struct aq_error error = {0};
    open_and_note(place, fingerprint);
    sign_case(place, &own);
    tls_place_shell(place, "rm authority.key authority.crt");
    tls_place_open(place, NOW_MS);
    sign_case(place, &other);
    assert_int_equal(aq_signature_verify(&other.check, &error), 0);
    other.check.fingerprint = fingerprint; /* what the joiner was told */
    check_fails(&other, "another fingerprint");
    own.check.fingerprint = fingerprint;
    own.check.key = "";
    own.check.key_length = 0;
    check_fails(&own, "another fingerprint");
    char nothing[AQ_FINGERPRINT_SIZE];
    aq_fingerprint_make("", 0, nothing);
    own.check.fingerprint = nothing;
    check_fails(&own, "is none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_PLACE_TEST(the_first_start_makes_it_for_root_alone),
        TLS_PLACE_TEST(openssl_sees_the_same),
        TLS_PLACE_TEST(it_is_found_again),
        TLS_PLACE_TEST(its_certificate_is_renewed_with_the_same_key),
        TLS_PLACE_TEST(a_lost_certificate_is_made_again),
        TLS_PLACE_TEST(what_does_not_fit_is_refused),
        cmocka_unit_test(fingerprints_are_read_as_people_type_them),
        TLS_PLACE_TEST(signatures_hold_for_what_was_signed_only),
        TLS_PLACE_TEST(another_authority_is_no_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
