/* aq: contexts, and where server, user and token come from. */
#include "tests/lib/aq_server.h"

#include "tools/aq/contexts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64], token_file[96];

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_return_code(chmod(path, mode), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(home, "/tmp/aq-context-XXXXXX");
    assert_non_null(mkdtemp(home));
    setenv("XDG_CONFIG_HOME", home, 1);
    snprintf(token_file, sizeof token_file, "%s/token", home);
    write_file(token_file, "aq_one\n", 0600);
    unsetenv("AQ_TOKEN");
    unsetenv("AQ_USER");
    unsetenv("AQ_SERVER");
    unsetenv("AQ_CONTEXT");
    unsetenv("AQ_FINGERPRINT");
    return 0;
}

static int tear_down(void **state)
{
    char line[128];
    (void)state;
    snprintf(line, sizeof line, "rm -rf %s", home);
    unsetenv("XDG_CONFIG_HOME");
    return system(line);
}

/* Runs aq as it is called, without a server on the line. */
static enum cli_exit run(const char *line)
{
    return aq_run_at(NULL, line);
}

static void make(const char *name)
{
    char line[256];
    snprintf(line, sizeof line, "context create %s --server http://127.0.0.1:1 --user bob --token-file %s", name,
             token_file);
    if (run(line) != CLI_DONE)
        fail_msg("%s", aq_err);
}

static void the_first_context_is_used(void **state)
{
    char path[128];
    struct stat about;
    (void)state;
    assert_int_equal(run("context"), CLI_DONE);
    assert_string_equal(aq_err, "no contexts; aq login ADDRESS makes one\n");
    make("lab");
    assert_string_equal(aq_err, "context lab created, and in use\n");
    make("office");
    assert_string_equal(aq_err, "context office created; to use it: aq context use office\n");
    assert_int_equal(run("context list --no-headers"), CLI_DONE);
    assert_string_equal(aq_out,
                        "lab      true    http://127.0.0.1:1   bob\noffice   false   http://127.0.0.1:1   bob\n");
    assert_int_equal(run("context use office"), CLI_DONE);
    assert_int_equal(run("context show -o json"), CLI_DONE);
    assert_non_null(strstr(aq_out, "\"name\": \"office\""));
    assert_null(strstr(aq_out, "aq_one")); /* never the token */
    snprintf(path, sizeof path, "%s/aquarium/contexts/lab", home);
    assert_return_code(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(run("context create lab"), CLI_FAILED);
    assert_non_null(strstr(aq_err, "exists already"));
    assert_int_equal(run("context delete office"), CLI_DONE);
    assert_int_equal(run("context show"), CLI_USAGE);
    assert_int_equal(run("context use nosuch"), CLI_FAILED);
    assert_non_null(strstr(aq_err, "there is no context nosuch"));
    assert_int_equal(run("context delete nosuch"), CLI_FAILED);
    assert_non_null(strstr(aq_err, "there is no context nosuch"));
    assert_int_equal(run("context use ../x"), CLI_FAILED);
}

static void a_context_others_can_read_is_refused(void **state)
{
    char path[128];
    (void)state;
    make("lab");
    snprintf(path, sizeof path, "%s/aquarium/contexts/lab", home);
    assert_return_code(chmod(path, 0644), 0);
    assert_int_equal(run("nodes"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "chmod 600"));
    assert_non_null(strstr(aq_err, path));
    write_file(path, "server: http://127.0.0.1:1\npassword: x\n", 0600);
    assert_int_equal(run("nodes"), CLI_USAGE);
    assert_non_null(strstr(aq_err, path));
    assert_non_null(strstr(aq_err, "2:"));
}

static void assert_connects(const char *context, const char *address_flag, const char *address, const char *user,
                            const char *token)
{
    struct cli_flags flags = {.context = context,
                              .server = address_flag,
                              .user = "",
                              .token_file = "",
                              .fingerprint = "",
                              .authority_file = ""};
    struct cli_connect connect;
    struct aq_error error = {0};
    if (cli_connect_open(&connect, &flags, &error) != 0)
        fail_msg("%s", error.message);
    assert_string_equal(connect.server, address);
    assert_string_equal(connect.user, user);
    assert_string_equal(connect.token, token);
    cli_connect_close(&connect);
}

static void flags_go_before_variables_and_those_before_the_context(void **state)
{
    struct aq_error error = {0};
    const struct cli_context lab = {"https://lab:1", "bob", "aq_lab", "", ""},
                             office = {"https://office:1", "eve", "aq_office", "", ""};
    (void)state;
    assert_int_equal(cli_contexts_write("lab", &lab, &error), 0);
    assert_int_equal(cli_contexts_write("office", &office, &error), 0);
    assert_int_equal(cli_contexts_use("lab", &error), 0);
    assert_connects("", "", "https://lab:1", "bob", "aq_lab");
    assert_connects("office", "", "https://office:1", "eve", "aq_office");
    setenv("AQ_CONTEXT", "office", 1);
    assert_connects("", "", "https://office:1", "eve", "aq_office");
    setenv("AQ_TOKEN", "aq_variable", 1);
    assert_connects("", "https://flag:1", "https://flag:1", "admin",
                    "aq_variable"); /* not what is for another server */
    setenv("AQ_SERVER", "https://variable:1", 1);
    assert_connects("", "", "https://variable:1", "admin", "aq_variable");
    assert_connects("lab", "", "https://lab:1", "bob", "aq_lab"); /* the flag says it now */
    assert_connects("lab", "https://flag:1", "https://flag:1", "bob", "aq_lab");
    setenv("AQ_FINGERPRINT", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1);
    setenv("AQ_USER", "carl", 1); /* a context is not even read when nothing of it is wanted */
    setenv("AQ_CONTEXT", "nosuch", 1);
    assert_connects("", "", "https://variable:1", "carl", "aq_variable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_context_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_context_others_can_read_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_go_before_variables_and_those_before_the_context, set_up, tear_down),
    };
    cli_say_open();
    return cmocka_run_group_tests_name("aq: contexts", tests, NULL, NULL);
}
