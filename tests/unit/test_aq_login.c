/* aq login: what is kept, and that nothing is when something is wrong. */
#include "tests/lib/aq_server.h"
#include "tests/lib/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ME "{\"data\":{\"name\":\"bob\",\"role\":\"user\"},\"seq\":1}"

static char home[64], token_file[96];
static struct test_authority *ours, *theirs;

static void start(const struct test_authority *issuer)
{
    struct test_server_identity identity;
    test_server_identity_make(&identity, issuer, "127.0.0.1", TEST_VALID);
    assert_int_equal(server_start("127.0.0.1", &identity), 0);
    test_server_identity_free(&identity);
}

static void write_token(const char *text)
{
    FILE *file = fopen(token_file, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    ours = test_authority_make("ours", TEST_VALID, NULL);
    theirs = test_authority_make("theirs", TEST_VALID, NULL);
    test_make_directory(home, sizeof home, "/tmp", "aq-login");
    aq_server_set_environment();
    unsetenv("AQ_TOKEN");
    unsetenv("AQ_USER");
    setenv("XDG_CONFIG_HOME", home, 1);
    snprintf(token_file, sizeof token_file, "%s/token", home);
    write_token("aq_one\n");
    server_forget(NULL);
    ANSWERS({"GET", "/livez", 200, "ok"}, {"GET", "/api/v1/me", 200, ME},
            {"GET", "/api/v1/node/", 200, "{\"data\":[]}"});
    start(ours);
    return 0;
}

static int tear_down(void **state)
{
    if (server.daemon != NULL)
        server_stop(state);
    test_authority_free(ours);
    test_authority_free(theirs);
    test_remove_tree(home);
    return 0;
}

static enum cli_exit run(const char *line)
{
    return aq_run_at(NULL, line);
}

/* The arguments may name %A, the address; %F, the fingerprint of ours; %T, the file of the token. */
static enum cli_exit log_in(const char *arguments)
{
    struct aq_buffer line = {0};
    aq_buffer_text(&line, "login ");
    for (const char *c = arguments; *c != '\0'; c++) {
        if (*c != '%') {
            aq_buffer_char(&line, *c);
            continue;
        }
        c++;
        aq_buffer_text(&line, *c == 'A' ? server.address : *c == 'F' ? ours->fingerprint : token_file);
    }
    enum cli_exit code = run(aq_buffer_string(&line));
    aq_buffer_free(&line);
    return code;
}

static const char *name(void)
{
    static char text[64];
    snprintf(text, sizeof text, "127.0.0.1-%s", strrchr(server.address, ':') + 1);
    return text;
}

static void assert_nothing_is_kept(void)
{
    assert_int_equal(run("context list -q"), CLI_DONE);
    assert_string_equal(aq_out, "");
}

static unsigned mode_of(const char *below)
{
    char path[256];
    struct stat about;
    snprintf(path, sizeof path, "%s/aquarium%s%s", home, below, strcmp(below, "/contexts/") == 0 ? name() : "");
    assert_return_code(stat(path, &about), 0);
    return about.st_mode & 07777;
}

static void a_login_is_kept_and_used(void **state)
{
    char expected[256];
    (void)state;
    if (log_in("%A --fingerprint %F --user bob --token-file %T") != CLI_DONE)
        fail_msg("%s", aq_err);
    snprintf(expected, sizeof expected, "user bob (role user) of %s; context %s is in use\n", server.address, name());
    assert_string_equal(aq_err, expected);
    assert_string_equal(aq_out, "");
    assert_seen(0, "GET /livez");
    assert_string_equal(server.seen[0].user, ""); /* no token before it is sure that the server is the right one */
    assert_seen(1, "GET /api/v1/me");
    assert_string_equal(server.seen[1].user, "Basic Ym9iOmFxX29uZQ==");
    assert_int_equal(mode_of(""), 0700);
    assert_int_equal(mode_of("/contexts"), 0700);
    assert_int_equal(mode_of("/contexts/"), 0600);
    assert_int_equal(mode_of("/current"), 0600);
    if (run("nodes -q") != CLI_DONE)
        fail_msg("%s", aq_err);
    assert_string_equal(server.seen[2].user, "Basic Ym9iOmFxX29uZQ==");
    assert_int_equal(run("context show"), CLI_DONE);
    assert_non_null(strstr(aq_out, ours->fingerprint));
    assert_null(strstr(aq_out, "aq_one"));
}

/* A token says whose it is. */
static void the_user_need_not_be_named(void **state)
{
    (void)state;
    write_token("aq_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM\n");
    if (log_in("%A --fingerprint %F --token-file %T") != CLI_DONE)
        fail_msg("%s", aq_err);
    assert_non_null(strstr(aq_err, "user bob (role user)"));
    assert_string_equal(server.seen[1].user, "Bearer aq_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM");
    assert_int_equal(run("context list --no-headers"), CLI_DONE);
    assert_non_null(strstr(aq_out, "   bob"));
    assert_int_equal(run("nodes -q"), CLI_DONE);
    assert_non_null(strstr(server.seen[2].user, "Basic Ym9iOm"));
}

static void without_an_address_it_is_the_context_in_use(void **state)
{
    char expected[256];
    (void)state;
    assert_int_equal(log_in("%A --fingerprint %F --user bob --token-file %T"), CLI_DONE);
    write_token("aq_two\n");
    if (log_in("--token-file %T") != CLI_DONE)
        fail_msg("%s", aq_err);
    snprintf(expected, sizeof expected, "user bob (role user) of %s; context %s is in use\n", server.address, name());
    assert_string_equal(aq_err, expected);
    snprintf(expected, sizeof expected, "--context %s --token-file %%T", name());
    assert_int_equal(log_in(expected), CLI_DONE);
    assert_int_equal(run("context list -q"), CLI_DONE);
    snprintf(expected, sizeof expected, "%s\n", name());
    assert_string_equal(aq_out, expected);
    assert_int_equal(run("nodes -q"), CLI_DONE);
    assert_string_equal(server.seen[server.seen_count - 1].user, "Basic Ym9iOmFxX3R3bw==");
}

/* The server that answers next time is another one. */
static void what_is_kept_protects(void **state)
{
    char address[96];
    assert_int_equal(log_in("%A --fingerprint %F --user bob --token-file %T"), CLI_DONE);
    strcpy(address, server.address);
    server_stop(state);
    start(theirs); /* on another port: the address is said, the rest is the context's */
    unsigned before = server.seen_count;
    char line[256];
    snprintf(line, sizeof line, "nodes -q --server %s --context 127.0.0.1-%s", server.address,
             strrchr(address, ':') + 1);
    assert_int_equal(run(line), CLI_SERVER);
    assert_non_null(strstr(aq_err, "somebody else answers"));
    assert_int_equal(server.seen_count, before);
}

static void to_log_in_again_replaces_the_token_only(void **state)
{
    (void)state;
    assert_int_equal(log_in("%A --fingerprint %F --user bob --token-file %T"), CLI_DONE);
    write_token("aq_two");
    if (log_in("%A --token-file %T") != CLI_DONE) /* user and fingerprint are known */
        fail_msg("%s", aq_err);
    assert_int_equal(run("nodes -q"), CLI_DONE);
    assert_string_equal(server.seen[server.seen_count - 1].user, "Basic Ym9iOmFxX3R3bw==");
    unsigned seen = server.seen_count;
    assert_int_equal(log_in("%A --user eve --token-file %T"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "is that of user bob, not eve"));
    assert_int_equal(server.seen_count, seen + 1); /* /livez, and no token */
    assert_int_equal(log_in("%A --user eve --token-file %T --context eve --fingerprint %F"), CLI_DONE);
    assert_int_equal(log_in("https://127.0.0.1:1 --context eve --token-file %T"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "context eve is for https://127.0.0.1:"));
}

static void an_address_may_be_short(void **state)
{
    char line[256];
    (void)state;
    snprintf(line, sizeof line, "%s --fingerprint %%F --token-file %%T", strstr(server.address, "//") + 2);
    if (log_in(line) != CLI_DONE)
        fail_msg("%s", aq_err);
    assert_int_equal(log_in("127.0.0.1 --timeout 1 --token-file %T --fingerprint %F"), CLI_SERVER);
    assert_non_null(strstr(aq_err, "https://127.0.0.1:8001"));
    assert_int_equal(log_in("[::1]/x --timeout 1 --token-file %T --fingerprint %F"), CLI_SERVER);
    assert_non_null(strstr(aq_err, "https://[::1]:8001/x"));
    assert_int_equal(log_in("http://10.0.0.1 --token-file %T"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "only by https"));
}

static void nothing_is_kept_when_something_is_wrong(void **state)
{
    char flag[192];
    (void)state;
    assert_int_equal(log_in("%A --token-file %T"), CLI_SERVER); /* nobody to ask */
    assert_non_null(strstr(aq_err, ours->fingerprint));
    assert_non_null(strstr(aq_err, "--fingerprint"));
    snprintf(flag, sizeof flag, "%%A --token-file %%T --fingerprint %s", theirs->fingerprint);
    assert_int_equal(log_in(flag), CLI_SERVER);
    assert_int_equal(server.seen_count, 0);
    assert_nothing_is_kept();
    write_token("two words");
    assert_int_equal(log_in("%A --token-file %T --fingerprint %F"), CLI_USAGE);
    assert_int_equal(log_in("%A --token-file /nonexistent --fingerprint %F"), CLI_USAGE);
    write_token("aq_one");
    server_forget(NULL);
    ANSWERS({"GET", "/livez", 200, "ok"}, {"GET", "/api/v1/me", 401, "{\"message\":\"the token is wrong\"}"});
    assert_int_equal(log_in("%A --token-file %T --fingerprint %F"), CLI_REFUSED);
    assert_non_null(strstr(aq_err, "the token is wrong: user admin, token from "));
    assert_nothing_is_kept();
}

static void a_token_is_not_on_the_line(void **state)
{
    (void)state;
    assert_int_equal(log_in("%A aq_secret_on_the_line"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "does not belong on a command line"));
    assert_null(strstr(aq_err, "aq_secret"));
    assert_int_equal(server.seen_count, 0);
}

/* At a socket the server knows the account; a user that is named needs a token all the same. */
static void at_a_socket_no_token_is_needed(void **state)
{
    char path[96], line[256];
    server_stop(state);
    snprintf(path, sizeof path, "%s/api.sock", home);
    assert_int_equal(server_start_at_socket(path), 0);
    snprintf(line, sizeof line, "application last --server %s", server.address);
    assert_int_equal(run(line), CLI_REFUSED); /* the server does not expect the list; who asks is known */
    assert_seen(0, "GET /api/v1/me");
    assert_seen(1, "GET /api/v1/application/?limit=1&reverse=true&user=bob");
    snprintf(line, sizeof line, "nodes --server %s --user bob", server.address);
    assert_int_equal(run(line), CLI_USAGE);
    assert_non_null(strstr(aq_err, "no token of user bob for unix:"));
    if (log_in("%A") != CLI_DONE)
        fail_msg("%s", aq_err);
    assert_non_null(strstr(aq_err, "user bob (role user) of unix:"));
    assert_non_null(strstr(aq_err, "context local is in use"));
    assert_int_equal(run("nodes -q"), CLI_DONE);
    for (unsigned i = 0; i < server.seen_count; i++)
        assert_string_equal(server.seen[i].user, "");
    assert_int_equal(log_in("%A --user eve --token-file %T --context eve"), CLI_DONE);
    assert_int_equal(run("nodes -q"), CLI_DONE);
    assert_string_equal(server.seen[server.seen_count - 1].user, "Basic ZXZlOmFxX29uZQ==");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_login_is_kept_and_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_user_need_not_be_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_address_it_is_the_context_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_protects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(to_log_in_again_replaces_the_token_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_may_be_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_kept_when_something_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_is_not_on_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_a_socket_no_token_is_needed, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("aq: login", tests, NULL, NULL);
}
