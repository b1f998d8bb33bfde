/* The certificate that REST shows: the cluster's own, which is made, found again and renewed; and an operator's. The
 * command openssl must accept them as its clients would. */
#include "controller/tls/presented.h"
#include "tests/lib/tls_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t NOW_MS = 1800000000000, DAY_MS = 86400000;

static int set_up(void **context)
{
    tls_place_set_up(context);
    tls_place_open(*context, NOW_MS);
    return 0;
}

static struct certificate *own(struct tls_place *place, const char *more, uint64_t now_ms)
{
    struct aq_error error = {0};
    struct tls_names names = {.count = 0};
    struct certificate *certificate = NULL;
    assert_int_equal(tls_names_add(&names, "first.example", &error), 0);
    assert_int_equal(tls_names_add(&names, more, &error), 0);
    if (certificate_own(&certificate, place->authority, place->data, &names, now_ms, &error) != 0)
        fail_msg("%s", error.message);
    return certificate;
}

static bool same(struct tls_place *place, const struct certificate *before, const char *more, uint64_t now_ms)
{
    struct certificate *now = own(place, more, now_ms);
    bool equal = certificate_equals(before, now);
    certificate_release(now);
    return equal;
}

/* ---- the cluster's own ----------------------------------------------------------------------------------------- */

static void clients_accept_it(void **context)
{
    struct tls_place *place = *context;
    struct certificate *certificate = own(place, "10.1.2.3", NOW_MS);
    unsigned count;
    (void)certificate_chain(certificate, &count);
    assert_int_equal(count, 2); /* the authority's, too */
    certificate_release(certificate);
    assert_string_equal(tls_place_shell(place, "stat -c %a server.pem"), "600\n");
    static const char *const good[] = {"-verify_hostname first.example", "-verify_ip 10.1.2.3"};
    char command[256];
    for (size_t i = 0; i < AQ_LENGTH(good); i++) {
        snprintf(command, sizeof command,
                 "openssl verify -x509_strict -purpose sslserver -attime 1800000000 %s "
                 "-CAfile authority.crt server.pem",
                 good[i]);
        tls_place_shell(place, command);
    }
    tls_place_shell(
        place, "! openssl verify -attime 1800000000 -verify_hostname other.example -CAfile authority.crt server.pem");
    tls_place_shell(place, "! openssl verify -attime 1800000000 -verify_ip 10.1.2.4 -CAfile authority.crt server.pem");
    tls_place_shell(place,
                    "openssl verify -attime 1799920000 -CAfile authority.crt server.pem"); /* a clock that is behind */
}

static void it_is_kept_until_it_is_due(void **context)
{
    struct tls_place *place = *context;
    struct certificate *certificate = own(place, "10.1.2.3", NOW_MS);
    assert_true(same(place, certificate, "10.1.2.3", NOW_MS + DAY_MS));
    assert_true(same(place, certificate, "10.1.2.3", NOW_MS + 59 * DAY_MS));
    assert_false(same(place, certificate, "10.1.2.3", NOW_MS + 61 * DAY_MS)); /* 29 days are left */
    certificate_release(certificate);
    tls_place_shell(place, "openssl verify -attime 1807000000 -CAfile authority.crt server.pem");
}

static void what_does_not_fit_is_made_again(void **context)
{
    struct tls_place *place = *context;
    struct certificate *certificate = own(place, "10.1.2.3", NOW_MS);
    assert_false(same(place, certificate, "10.1.2.4", NOW_MS)); /* a new address */
    certificate_release(certificate);
    certificate = own(place, "10.1.2.4", NOW_MS);
    assert_false(same(place, certificate, "10.1.2.4", NOW_MS - 2 * DAY_MS)); /* not valid yet */
    certificate_release(certificate);
    certificate = own(place, "x.example", NOW_MS);
    tls_place_shell(place, "head -c 300 server.pem > cut && mv cut server.pem");
    assert_false(same(place, certificate, "x.example", NOW_MS));
    certificate_release(certificate);
    certificate = own(place, "x.example", NOW_MS);
    tls_place_shell(place, "rm authority.key authority.crt");
    tls_place_open(place, NOW_MS);
    assert_false(same(place, certificate, "x.example", NOW_MS));
    tls_place_shell(place, "openssl verify -attime 1800000000 -CAfile authority.crt server.pem");
    certificate_release(certificate);
}

static void names_are_checked(void **context)
{
    struct tls_names names = {.count = 0};
    struct aq_error error = {0};
    (void)context;
    static const char *const good[] = {"a",         "A.b-c.example", "*.example", "10.0.0.1",
                                       "FD00:0::1", "fd00::1",       "my_host"};
    static const char *const bad[] = {"", "a b", "-a", "a-", "a..b", ".a", "a.", "*", "a.*.b", "10.0.0.1/8", "ä"};
    for (size_t i = 0; i < AQ_LENGTH(good); i++)
        if (tls_names_add(&names, good[i], &error) != 0)
            fail_msg("%s", error.message);
    assert_int_equal(names.count, 6); /* one address was there already, in another spelling */
    assert_string_equal(names.list[1], "a.b-c.example");
    assert_string_equal(names.list[4], "fd00::1");
    for (size_t i = 0; i < AQ_LENGTH(bad); i++)
        if (tls_names_add(&names, bad[i], &error) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
    for (int i = 0; names.count < TLS_NAMES_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(tls_names_add(&names, name, &error), 0);
    }
    assert_int_equal(tls_names_add(&names, "one-more", &error), -1);
}

/* ---- an operator's ---------------------------------------------------------------------- */

static void make_files(const struct tls_place *place)
{
    tls_place_shell(place,
                    "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -subj /CN=root -days 30");
    tls_place_shell(place, "openssl req -newkey rsa:2048 -nodes -keyout op.key -out op.csr -subj /CN=op");
    tls_place_shell(place,
                    "openssl x509 -req -in op.csr -CA root.crt -CAkey root.key -out op.crt -days 20 -set_serial 7");
    tls_place_shell(place, "cat op.crt root.crt > chain.pem && cat root.crt op.crt > backwards.pem");
    tls_place_shell(place, "openssl pkey -in op.key -aes128 -passout pass:secret -out locked.key");
}

static void read_fails(const struct tls_place *place, const char *chain, const char *key, const char *words)
{
    char chain_path[128], key_path[128];
    struct aq_error error = {0};
    struct certificate *certificate = NULL;
    snprintf(chain_path, sizeof chain_path, "%s/tls/%s", place->data, chain);
    snprintf(key_path, sizeof key_path, "%s/tls/%s", place->data, key);
    assert_int_equal(certificate_read(&certificate, chain_path, key_path, &error), -1);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, error.message);
}

static void files_that_do_not_fit_are_refused(void **context)
{
    struct tls_place *place = *context;
    make_files(place);
    read_fails(place, "missing.pem", "op.key", "cannot open");
    read_fails(place, "chain.pem", "missing.key", "cannot open");
    read_fails(place, "chain.pem", "root.key", "is not that of the first certificate");
    read_fails(place, "backwards.pem", "op.key", "each signed by the next");
    read_fails(place, "op.key", "op.key", "must have 1 to 8 certificates");
    read_fails(place, "chain.pem", "locked.key", "must have a private key without a password");
    read_fails(place, "chain.pem", "chain.pem", "must have a private key without a password");
}

static void a_failure_keeps_the_previous_one(void **context)
{
    struct tls_place *place = *context;
    char chain[128], key[128];
    struct aq_error error = {0};
    struct presented *presented = NULL;
    struct aq_config_tls config = {.address = "127.0.0.1", .certificate = "", .key = ""};
    make_files(place);
    snprintf(chain, sizeof chain, "%s/tls/chain.pem", place->data);
    snprintf(key, sizeof key, "%s/tls/op.key", place->data);
    assert_int_equal(presented_open(&presented, place->authority, place->data, &config, NOW_MS, &error), 0);
    struct certificate *first = presented_take(presented);
    config.certificate = chain;
    assert_int_equal(presented_check(&config, &error), -1);
    assert_string_equal(error.message, "api.tls.certificate is set, but api.tls.key is not: both or neither");
    config.key = key;
    assert_int_equal(presented_check(&config, &error), 0);
    assert_int_equal(presented_refresh(presented, &config, NOW_MS, &error), 0);
    struct certificate *second = presented_take(presented);
    assert_false(certificate_equals(first, second));
    unsigned count;
    (void)certificate_chain(second, &count);
    assert_int_equal(count, 2);
    certificate_release(first);
    tls_place_shell(place, "cp root.crt chain.pem");
    assert_int_equal(presented_refresh(presented, &config, NOW_MS, &error), -1);
    struct certificate *third = presented_take(presented);
    assert_true(certificate_equals(second, third));
    certificate_release(second);
    certificate_release(third);
    presented_close(presented);
}

static uint64_t expiry_after(struct presented *presented, const struct aq_config_tls *config, uint64_t now_ms)
{
    struct aq_error error = {0};
    if (presented_refresh(presented, config, now_ms, &error) != 0)
        fail_msg("%s", error.message);
    return presented_expires_ms(presented);
}

/* As the controller looks, once an hour. What a handshake holds stays good. */
static void the_own_one_is_renewed_while_it_is_used(void **context)
{
    struct tls_place *place = *context;
    struct aq_error error = {0};
    struct presented *presented = NULL;
    const struct aq_config_tls config = {.address = "127.0.0.1", .certificate = "", .key = ""};
    assert_int_equal(presented_open(&presented, place->authority, place->data, &config, NOW_MS, &error), 0);
    struct certificate *held = presented_take(presented);
    assert_int_equal(presented_expires_ms(presented), NOW_MS + 90 * DAY_MS);
    assert_int_equal(expiry_after(presented, &config, NOW_MS + 59 * DAY_MS), NOW_MS + 90 * DAY_MS);
    assert_int_equal(expiry_after(presented, &config, NOW_MS + 61 * DAY_MS), NOW_MS + 151 * DAY_MS);
    assert_int_equal(certificate_expires_ms(held), NOW_MS + 90 * DAY_MS);
    certificate_release(held);
    presented_close(presented);
    tls_place_shell(place, "openssl verify -attime 1807000000 -verify_ip 127.0.0.1 -CAfile authority.crt server.pem");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clients_accept_it, set_up, tls_place_tear_down),
        cmocka_unit_test_setup_teardown(it_is_kept_until_it_is_due, set_up, tls_place_tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_made_again, set_up, tls_place_tear_down),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test_setup_teardown(files_that_do_not_fit_are_refused, set_up, tls_place_tear_down),
        cmocka_unit_test_setup_teardown(a_failure_keeps_the_previous_one, set_up, tls_place_tear_down),
        cmocka_unit_test_setup_teardown(the_own_one_is_renewed_while_it_is_used, set_up, tls_place_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
