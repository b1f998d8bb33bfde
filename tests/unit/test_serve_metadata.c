/* What the metadata service is made of, without a server: networks, and the forms of metadata. */
#include "controller/serve/network.h"
#include "schema/base/neighbour.h"
#include "schema/codec/json.h"
#include "schema/codec/metadata.h"
#include "tests/lib/cmocka.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- networks ---------------------------------------------------------------------------------------------- */

static bool holds(const char *network_text, const char *address_text)
{
    struct aq_error error = {0};
    struct network network;
    struct sockaddr_storage address = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
    assert_int_equal(network_parse(&network, network_text, &error), 0);
    if (inet_pton(AF_INET, address_text, &four->sin_addr) == 1)
        address.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, address_text, &six->sin6_addr) == 1)
        address.ss_family = AF_INET6;
    assert_true(address.ss_family != 0);
    return network_holds(&network, (struct sockaddr *)&address);
}

static void networks_hold_their_addresses(void **context)
{
    (void)context;
    assert_true(holds("10.0.0.0/8", "10.255.1.2"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_true(holds("10.1.2.4/30", "10.1.2.7"));
    assert_false(holds("10.1.2.4/30", "10.1.2.8"));
    assert_true(holds("10.1.2.3", "10.1.2.3"));
    assert_false(holds("10.1.2.3", "10.1.2.2"));
    assert_true(holds("0.0.0.0/0", "1.2.3.4"));
    assert_false(holds("0.0.0.0/0", "fd00::1"));
    assert_true(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(holds("fd00::/8", "fdff::1"));
    assert_false(holds("fd00::/8", "fe80::1"));
    assert_true(holds("::1/128", "::1"));
}

static void networks_may_be_those_of_some_nodes(void **context)
{
    (void)context;
    static const char *texts[] = {"10.1.0.0/16=rack-7-*", "10.1.2.0/24=node-?", "10.2.0.0/16"};
    struct aq_error error = {0};
    struct networks networks;
    struct sockaddr_in address = {.sin_family = AF_INET};
    const struct sockaddr *at = (const struct sockaddr *)&address;
    assert_int_equal(networks_parse(&networks, &(struct aq_list){texts, AQ_LENGTH(texts)}, &error), 0);
    inet_pton(AF_INET, "10.1.2.3", &address.sin_addr);
    assert_true(networks_hold_for(&networks, at, "rack-7-1"));
    assert_true(networks_hold_for(&networks, at, "node-1"));
    assert_false(networks_hold_for(&networks, at, "node-12"));
    assert_false(networks_hold_for(&networks, at, "rack-8-1"));
    inet_pton(AF_INET, "10.1.3.3", &address.sin_addr);
    assert_false(networks_hold_for(&networks, at, "node-1"));
    assert_true(networks_hold(&networks, at));
    inet_pton(AF_INET, "10.2.3.3", &address.sin_addr);
    assert_true(networks_hold_for(&networks, at, "anything"));
    inet_pton(AF_INET, "10.3.3.3", &address.sin_addr);
    assert_false(networks_hold_for(&networks, at, "node-1"));
}

static void networks_are_checked(void **context)
{
    (void)context;
    static const char *const bad[] = {
        "",         "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",   "10.0.0.1/8",     "fd00::/129", "localhost",
        "10.0.0/8", "10.0.0.0/8x", "fd00::1/8",   "10.0.0.0/8=", "10.0.0.0/8=a b", "=node-1",    "10.0.0.0/8=a=b"};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++) {
        struct aq_error error = {0};
        struct network network;
        assert_int_equal(network_parse(&network, bad[i], &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
    }
}

static void neighbours_are_looked_up(void **context)
{
    (void)context;
    char path[] = "/tmp/aquarium-test-arp-XXXXXX", found[32] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char table[] = "IP address       HW type     Flags       HW address            Mask     Device\n"
                                "10.0.0.7         0x1         0x2         52:54:00:AB:cd:ef     *        br0\n"
                                "10.0.0.8         0x1         0x0         00:00:00:00:00:00     *        br0\n";
    assert_int_equal(write(fd, table, sizeof table - 1), sizeof table - 1);
    close(fd);
    assert_true(aq_neighbour_hardware(path, "10.0.0.7", found, sizeof found));
    assert_string_equal(found, "52:54:00:ab:cd:ef");
    assert_false(aq_neighbour_hardware(path, "10.0.0.8", found, sizeof found));
    assert_false(aq_neighbour_hardware(path, "10.0.0.9", found, sizeof found));
    unlink(path);
    assert_false(aq_neighbour_hardware(path, "10.0.0.7", found, sizeof found));
}

/* ---- metadata ---------------------------------------------------------------------------------------------- */

static json_t *parse(const char *text)
{
    struct aq_error error = {0};
    json_t *json = aq_json_parse(text, strlen(text), &error);
    assert_non_null(json);
    return json;
}

static void assert_env(const char *text, const char *prefix, const char *wanted)
{
    json_t *json = parse(text);
    struct aq_buffer out = {0};
    aq_metadata_to_env(json, prefix, "key", &out);
    assert_string_equal(aq_buffer_string(&out), wanted);
    aq_buffer_free(&out);
    json_decref(json);
}

static void metadata_becomes_shell_assignments(void **context)
{
    (void)context;
    assert_env("{}", "", "");
    assert_env("{\"a\":\"b\"}", "", "A='b'\n");
    assert_env("{\"a-b\":{\"c.d\":1,\"e\":true}}", "ci", "ci_A_B_C_D='1'\nci_A_B_E='true'\n");
    assert_env("{\"JENKINS_URL\":\"http://x\"}", "data", "data_JENKINS_URL='http://x'\n");
    assert_env("{\"JENKINS_URL\":\"http://x\"}", "data_", "data_JENKINS_URL='http://x'\n");
    assert_env("{\"AQ_META_URL\":1,\"aq_meta_b\":{\"AQ_META_c\":2}}", "AQ_META",
               "AQ_META_URL='1'\nAQ_META_B_AQ_META_C='2'\n");
    /* A reader's own prefix makes no two keys the same variable. */
    assert_env("{\"ci_a\":1,\"a\":2}", "ci_", "ci_CI_A='1'\nci_A='2'\n");
    assert_env("{\"a\":1}", "AQ", "AQ_A='1'\n");
    assert_env("{\"a\":\"it's\\n$HOME `x`\"}", "CI_", "CI_A='it'\\''s\n$HOME `x`'\n");
    assert_env("{\"1a\":null,\"l\":[1,\"x\"]}", "", "_1A=''\nL='[1,\"x\"]'\n");
    assert_env("{\"\":1}", "", "_='1'\n");
    assert_env("\"b\"", "ci", "ci_KEY='b'\n");
    assert_env("{\"\xc3\xa9\":1}", "p", "p___='1'\n");
}

/* eval "$(curl .../?format=env)" must not give a user the shell. */
static void names_that_a_shell_obeys_are_prefixed(void **context)
{
    (void)context;
    static const char *const obeyed[] = {
        "path",       "PATH",           "bash_env",  "BASH-ENV", "ld_preload",      "Ld.Library.Path",
        "env",        "prompt_command", "ifs",       "PS4",      "git_ssh_command", "bash_func_ls%%",
        "gconv_path", "PERL5OPT",       "pythonpath"};
    for (size_t i = 0; i < AQ_LENGTH(obeyed); i++) {
        char text[64];
        AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
        snprintf(text, sizeof text, "{\"%s\":\"x\"}", obeyed[i]);
        json_t *json = parse(text);
        aq_metadata_to_env(json, "", "key", &out);
        json_decref(json);
        assert_int_equal(strncmp(aq_buffer_string(&out), "AQ_META_", 8), 0);
    }
    assert_env("{\"ld\":{\"preload\":\"x\"}}", "", "AQ_META_LD_PRELOAD='x'\n");
    assert_env("{\"preload\":\"x\"}", "LD_", "AQ_META_LD_PRELOAD='x'\n");
    assert_env("{\"path\":\"x\"}", "ci_", "ci_PATH='x'\n");
    assert_env("{\"git\":{\"branch\":\"x\"}}", "", "GIT_BRANCH='x'\n");
    assert_env("\"x\"", "", "KEY='x'\n");
}

static void prefixes_are_names_of_variables(void **context)
{
    (void)context;
    struct aq_error error = {0};
    assert_int_equal(aq_metadata_check_prefix("", &error), 0);
    assert_int_equal(aq_metadata_check_prefix("ci_1", &error), 0);
    static const char *const bad[] = {"1a", "a b", "a;rm", "a=b", "\xc3\xa9"};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++)
        assert_int_equal(aq_metadata_check_prefix(bad[i], &error), -1);
}

static void metadata_is_found_by_path(void **context)
{
    (void)context;
    json_t *json = parse("{\"a\":{\"b\":[10,{\"c\":\"d\"}]}}");
    const char *const there[] = {"a", "b", "1", "c"}, *const not_there[] = {"a", "b", "2"};
    assert_string_equal(json_string_value(aq_metadata_at(json, there, 4)), "d");
    assert_ptr_equal(aq_metadata_at(json, there, 0), json);
    assert_null(aq_metadata_at(json, not_there, 3));
    const char *const too_deep[] = {"a", "b", "0", "x", "y"};
    assert_null(aq_metadata_at(json, too_deep, 5));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_hold_their_addresses),
        cmocka_unit_test(networks_may_be_those_of_some_nodes),
        cmocka_unit_test(networks_are_checked),
        cmocka_unit_test(neighbours_are_looked_up),
        cmocka_unit_test(metadata_becomes_shell_assignments),
        cmocka_unit_test(names_that_a_shell_obeys_are_prefixed),
        cmocka_unit_test(prefixes_are_names_of_variables),
        cmocka_unit_test(metadata_is_found_by_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
