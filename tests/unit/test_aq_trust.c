/* aq: which https servers it talks to. One that is refused gets nothing: no request, no token. */
#include "tests/lib/aq_server.h"
#include "tests/lib/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char directory[64];
static struct test_authority *ours, *theirs;

static int set_up(void **state)
{
    (void)state;
    ours = test_authority_make("ours", TEST_VALID, NULL);
    theirs = test_authority_make("theirs", TEST_VALID, NULL);
    test_make_directory(directory, sizeof directory, "/tmp", "aq-trust");
    aq_server_set_environment();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_authority_free(ours);
    test_authority_free(theirs);
    test_remove_tree(directory);
    return 0;
}

/* Runs "nodes" with `flags` against a server with this identity, which is freed. */
static enum cli_exit ask(struct test_server_identity *identity, const char *host, const char *flags)
{
    char line[512];
    server_forget(NULL);
    ANSWERS({"GET", "/api/v1/node/", 200, "{\"data\":[],\"seq\":1}"});
    assert_int_equal(server_start(host, identity), 0);
    snprintf(line, sizeof line, "nodes -q --timeout 5 %s", flags);
    enum cli_exit code = aq_run(line);
    server_stop(NULL);
    test_server_identity_free(identity);
    return code;
}

static enum cli_exit ask_for(const struct test_authority *issuer, const char *names, struct test_validity validity,
                             const char *flags)
{
    struct test_server_identity identity;
    test_server_identity_make(&identity, issuer, names, validity);
    return ask(&identity, "127.0.0.1", flags);
}

static const char *pinned(const struct test_authority *authority)
{
    static char flag[128];
    snprintf(flag, sizeof flag, "--fingerprint %s", authority->fingerprint);
    return flag;
}

static void assert_accepted(enum cli_exit code)
{
    if (code != CLI_DONE)
        fail_msg("%s", aq_err);
    assert_int_equal(server.seen_count, 1);
    assert_string_equal(server.seen[0].user, "Basic YWRtaW46YXFfc2VjcmV0");
}

static void assert_refused(enum cli_exit code, const char *words)
{
    assert_int_equal(code, CLI_SERVER);
    assert_int_equal(server.seen_count, 0);
    assert_non_null(strstr(aq_err, "nothing was sent to https://"));
    if (strstr(aq_err, words) == NULL)
        fail_msg("expected \"%s\": %s", words, aq_err);
}

static void write_authority(const char *name, const struct test_authority *authority, const char *before)
{
    char path[128];
    struct aq_buffer pem = {0};
    aq_buffer_text(&pem, before);
    test_authority_print(authority, &pem);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(pem.data, 1, pem.length, file);
    fclose(file);
    aq_buffer_free(&pem);
}

static void the_server_with_the_fingerprint_is_asked(void **state)
{
    char flag[256];
    (void)state;
    assert_accepted(ask_for(ours, "127.0.0.1", TEST_VALID, pinned(ours)));
    assert_accepted(ask_for(ours, "other,10.0.0.1,::1,127.0.0.1", TEST_VALID, pinned(ours)));
    snprintf(flag, sizeof flag, "--fingerprint=SHA256:");
    for (const char *c = strchr(ours->fingerprint, ':') + 1; *c != '\0'; c += 2) /* as openssl prints them */
        snprintf(flag + strlen(flag), sizeof flag - strlen(flag), "%s%c%c", c[-1] == ':' ? "" : ":",
                 c[0] >= 'a' ? c[0] - 32 : c[0], c[1] >= 'a' ? c[1] - 32 : c[1]);
    assert_accepted(ask_for(ours, "127.0.0.1", TEST_VALID, flag));
    setenv("AQ_FINGERPRINT", ours->fingerprint, 1);
    assert_accepted(ask_for(ours, "127.0.0.1", TEST_VALID, ""));
    assert_refused(ask_for(ours, "127.0.0.1", TEST_VALID, pinned(theirs)), "vouched for");
    unsetenv("AQ_FINGERPRINT");
}

static void a_server_with_another_one_gets_nothing(void **state)
{
    (void)state;
    assert_refused(ask_for(theirs, "127.0.0.1", TEST_VALID, pinned(ours)), theirs->fingerprint);
    assert_non_null(strstr(aq_err, ours->fingerprint));
    assert_non_null(strstr(aq_err, "somebody else answers"));
}

/* Anybody can show the certificate of our authority: it is public. */
static void a_server_that_only_shows_our_authority_gets_nothing(void **state)
{
    struct test_server_identity identity;
    (void)state;
    test_server_identity_make(&identity, theirs, "127.0.0.1", TEST_VALID);
    test_authority_print(ours, &identity.chain);
    assert_refused(ask(&identity, "127.0.0.1", pinned(ours)), "vouched for");
    struct test_authority *namesake = test_authority_make("ours", TEST_VALID, NULL);
    test_server_identity_make(&identity, namesake, "127.0.0.1", TEST_VALID);
    test_authority_print(ours, &identity.chain);
    assert_refused(ask(&identity, "127.0.0.1", pinned(ours)), "");
    test_authority_free(namesake);
}

static void a_renewed_authority_has_the_same_fingerprint(void **state)
{
    struct test_authority *renewed = test_authority_make("ours", (struct test_validity){-2, 3000}, ours);
    (void)state;
    assert_string_equal(renewed->fingerprint, ours->fingerprint);
    assert_accepted(ask_for(renewed, "127.0.0.1", TEST_VALID, pinned(ours)));
    test_authority_free(renewed);
}

static void certificates_have_a_time(void **state)
{
    struct test_authority *old = test_authority_make("ours", (struct test_validity){-9, -1}, ours);
    (void)state;
    assert_refused(ask_for(ours, "127.0.0.1", (struct test_validity){-9, -1}, pinned(ours)),
                   "its certificate has expired: it was valid until 20");
    assert_refused(ask_for(ours, "127.0.0.1", (struct test_validity){1, 9}, pinned(ours)),
                   "its certificate is valid only from 20");
    assert_refused(ask_for(old, "127.0.0.1", TEST_VALID, pinned(ours)), "its authority's certificate has expired");
    test_authority_free(old);
}

static void certificates_have_names(void **state)
{
    struct test_server_identity identity;
    (void)state;
    assert_refused(ask_for(ours, "localhost,127.0.0.2", TEST_VALID, pinned(ours)),
                   "its certificate is for localhost, 127.0.0.2, and not for 127.0.0.1");
    assert_refused(ask_for(ours, "", TEST_VALID, pinned(ours)), "is for no name, and not for 127.0.0.1");
    test_server_identity_make(&identity, ours, "localhost", TEST_VALID);
    assert_accepted(ask(&identity, "localhost", pinned(ours)));
    test_server_identity_make(&identity, ours, "127.0.0.1,local,*.localhost", TEST_VALID);
    assert_refused(ask(&identity, "localhost", pinned(ours)), "and not for localhost");
}

static void nobody_is_trusted_unasked(void **state)
{
    (void)state;
    assert_refused(ask_for(ours, "127.0.0.1", TEST_VALID, ""), "no authority that this machine trusts vouches for it");
    assert_non_null(strstr(aq_err, ours->fingerprint));
}

static void authorities_may_be_in_a_file(void **state)
{
    char flag[128];
    (void)state;
    write_authority("ours", ours, "a comment\n-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n");
    write_authority("theirs", theirs, "");
    snprintf(flag, sizeof flag, "--authority-file %s/ours", directory);
    assert_accepted(ask_for(ours, "127.0.0.1", TEST_VALID, flag));
    snprintf(flag, sizeof flag, "--authority-file %s/theirs", directory);
    assert_refused(ask_for(ours, "127.0.0.1", TEST_VALID, flag), "none of the given authorities vouches for it");
    snprintf(flag, sizeof flag, "--authority-file %s/ours %s", directory, pinned(ours));
    assert_int_equal(ask_for(ours, "127.0.0.1", TEST_VALID, flag), CLI_USAGE);
    assert_non_null(strstr(aq_err, "--fingerprint and --authority-file are both given"));
    assert_int_equal(ask_for(ours, "127.0.0.1", TEST_VALID, "--authority-file /dev/null"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "/dev/null has no certificate"));
    assert_int_equal(ask_for(ours, "127.0.0.1", TEST_VALID, "--authority-file /nonexistent"), CLI_USAGE);
    assert_int_equal(ask_for(ours, "127.0.0.1", TEST_VALID, "--fingerprint sha256:1234"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "64 hex"));
}

static void a_token_goes_unencrypted_to_this_machine_only(void **state)
{
    static const char *const strangers[] = {"http://10.0.0.1:8001",  "http://aquarium.example",
                                            "http://[fe80::1]:8001", "http://127.0.0.1.example:8001",
                                            "HTTP://0.0.0.0:1",      "http://127.1:1"};
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(strangers); i++) {
        assert_int_equal(aq_run_at(strangers[i], "nodes"), CLI_USAGE);
        assert_non_null(strstr(aq_err, "a token goes to other machines only by https"));
    }
    assert_int_equal(aq_run_at("http://127.0.0.1:1", "nodes --fingerprint sha256:1234"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "is no https address"));
}

/* A server without TLS, asked with TLS. */
static void a_server_without_tls_gets_nothing(void **state)
{
    char line[256], address[96];
    (void)state;
    server_forget(NULL);
    assert_int_equal(server_start("127.0.0.1", NULL), 0);
    snprintf(address, sizeof address, "https%s", strstr(server.address, "://"));
    snprintf(line, sizeof line, "nodes --timeout 2 %s", pinned(ours));
    assert_int_equal(aq_run_at(address, line), CLI_SERVER);
    assert_int_equal(server.seen_count, 0);
    server_stop(NULL);
}

static void only_tls_that_is_safe_is_spoken(void **state)
{
    struct test_server_identity identity;
    (void)state;
    server_tls_priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    test_server_identity_make(&identity, ours, "127.0.0.1", TEST_VALID);
    assert_accepted(ask(&identity, "127.0.0.1", pinned(ours)));
    server_tls_priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:%UNSAFE_RENEGOTIATION";
    test_server_identity_make(&identity, ours, "127.0.0.1", TEST_VALID);
    assert_refused(ask(&identity, "127.0.0.1", pinned(ours)), "");
    server_tls_priorities = NULL;
}

/* A wait outlasts errors, but another server ends it. */
static void a_wait_is_not_for_another_server(void **state)
{
    struct test_server_identity identity;
    (void)state;
    test_server_identity_make(&identity, theirs, "127.0.0.1", TEST_VALID);
    server_forget(NULL);
    assert_int_equal(server_start("127.0.0.1", &identity), 0);
    char line[256];
    snprintf(line, sizeof line, "wait 1 --timeout 60 %s", pinned(ours));
    assert_refused(aq_run(line), "somebody else answers");
    snprintf(line, sizeof line, "events -f %s", pinned(ours));
    assert_refused(aq_run(line), "somebody else answers");
    server_stop(NULL);
    test_server_identity_free(&identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_with_the_fingerprint_is_asked),
        cmocka_unit_test(a_server_with_another_one_gets_nothing),
        cmocka_unit_test(a_server_that_only_shows_our_authority_gets_nothing),
        cmocka_unit_test(a_renewed_authority_has_the_same_fingerprint),
        cmocka_unit_test(certificates_have_a_time),
        cmocka_unit_test(certificates_have_names),
        cmocka_unit_test(nobody_is_trusted_unasked),
        cmocka_unit_test(authorities_may_be_in_a_file),
        cmocka_unit_test(a_token_goes_unencrypted_to_this_machine_only),
        cmocka_unit_test(a_server_without_tls_gets_nothing),
        cmocka_unit_test(only_tls_that_is_safe_is_spoken),
        cmocka_unit_test(a_wait_is_not_for_another_server),
    };
    return cmocka_run_group_tests_name("aq: trust", tests, set_up, tear_down);
}
