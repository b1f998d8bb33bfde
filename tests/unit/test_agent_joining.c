/* How the agent comes to its join token, and to the addresses of its controller. */
#include "agent/entry.h"
#include "agent/joining.h"
#include "schema/base/files.h"
#include "schema/codec/preset.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FINGERPRINT "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct place {
    char directory[64], file[96], home[96];
    struct aq_arena arena;
    struct aq_config_agent config;
    struct joining joining;
    struct aq_error error;
    char *text;
};

static int setup(void **context)
{
    struct place *place = aq_calloc(1, sizeof *place);
    const char *addresses[] = {"10.0.0.1:8002", "10.0.0.2:8002"};
    const struct aq_list list = {addresses, 2};
    unsigned char secret[AQ_JOIN_SECRET_BYTES] = {0};
    if (sodium_init() < 0)
        return -1;
    test_make_directory(place->directory, sizeof place->directory, "/tmp", "aquarium-test");
    snprintf(place->file, sizeof place->file, "%s/token", place->directory);
    snprintf(place->home, sizeof place->home, "%s/one", place->directory);
    aq_record_init(&aq_config_agent_record, &place->config, &place->arena);
    place->config.name = "one";
    place->config.data = place->directory;
    const char *text = aq_join_text_make(AQ_JOIN_NODE, &list, FINGERPRINT, secret, &place->arena);
    place->text = aq_arena_text(&place->arena, text, strlen(text));
    *context = place;
    return mkdir(place->home, 0700);
}

static int teardown(void **context)
{
    struct place *place = *context;
    test_remove_tree(place->directory);
    aq_arena_free(&place->arena);
    free(place);
    return 0;
}

static void write_file(struct place *place, const char *text)
{
    struct aq_error error;
    assert_int_equal(aq_file_replace(AT_FDCWD, place->file, 0600, text, strlen(text), &error), 0);
    place->config.join_file = place->file;
}

static int read_it(struct place *place, char *variable)
{
    place->error = (struct aq_error){0};
    return joining_read(&place->joining, &place->config, variable, &place->arena, &place->error);
}

static const char *address(const struct place *place, uint32_t i)
{
    return i < place->joining.addresses.count ? AQ_TEXT_ITEM(place->joining.addresses, i) : NULL;
}

static void the_token_comes_from_a_file(void **context)
{
    struct place *place = *context;
    write_file(place, aq_arena_format(&place->arena, "%s\n", place->text));
    assert_int_equal(read_it(place, NULL), 0);
    assert_true(place->joining.has_token);
    assert_string_equal(place->joining.token.fingerprint, FINGERPRINT);
    assert_string_equal(address(place, 0), "10.0.0.1:8002");
    assert_string_equal(address(place, 1), "10.0.0.2:8002");
    assert_null(address(place, 2));
    joining_wipe(&place->joining);
    assert_string_equal(place->joining.token.secret, "");
}

static void the_token_is_taken_out_of_the_environment(void **context)
{
    struct place *place = *context;
    setenv(JOINING_VARIABLE, place->text, 1);
    const char *in_environment = getenv(JOINING_VARIABLE);
    char *taken = joining_take_variable(&place->arena);
    assert_string_equal(taken, place->text);
    assert_null(getenv(JOINING_VARIABLE));
    assert_string_equal(in_environment, ""); /* what /proc/PID/environ shows */
    assert_int_equal(read_it(place, taken), 0);
    assert_true(place->joining.has_token);
    assert_string_equal(taken, "");
    assert_null(joining_take_variable(&place->arena));
}

static void the_token_comes_from_standard_input(void **context)
{
    struct place *place = *context;
    int input[2], saved = dup(STDIN_FILENO);
    place->config.join_file = "-";
    assert_int_equal(pipe(input), 0);
    dup2(input[0], STDIN_FILENO);
    assert_true(write(input[1], place->text, strlen(place->text)) > 0 && write(input[1], "\n", 1) == 1);
    assert_int_equal(read_it(place, NULL), 0); /* the other end is still open, as a terminal is */
    assert_true(place->joining.has_token);
    close(input[1]);
    assert_int_equal(read_it(place, NULL), -1);
    assert_string_equal(place->error.message, "there was no join token on standard input");
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(input[0]);
}

static void a_bad_token_is_refused_and_not_repeated(void **context)
{
    struct place *place = *context;
    write_file(place, "hunter2");
    assert_int_equal(read_it(place, NULL), -1);
    assert_non_null(strstr(place->error.message, "this is not a join token"));
    assert_null(strstr(place->error.message, "hunter2"));
    write_file(place, "");
    assert_int_equal(read_it(place, NULL), -1);
    assert_non_null(strstr(place->error.message, "is empty, but must hold a join token"));
    place->config.join_file = "";
    place->text[strlen(place->text) - 1] ^= 1;
    assert_int_equal(read_it(place, place->text), -1);
    assert_non_null(strstr(place->error.message, "AQ_JOIN_TOKEN: the join token is not whole"));
}

static void later_starts_need_no_token(void **context)
{
    struct place *place = *context;
    place->config.join_file = place->file; /* it was removed */
    assert_int_equal(read_it(place, NULL), 0);
    assert_false(place->joining.has_token);
    assert_string_equal(address(place, 0), "127.0.0.1:8002");

    write_file(place, place->text);
    assert_int_equal(read_it(place, NULL), 0);
    assert_int_equal(joining_keep(&place->joining, &place->config, &place->error), 0);
    unlink(place->file);
    assert_int_equal(read_it(place, NULL), 0);
    assert_string_equal(address(place, 0), "10.0.0.1:8002");
    assert_string_equal(address(place, 1), "10.0.0.2:8002");
    assert_null(address(place, 2));

    place->config.controller = "other:9"; /* what the operator sets, counts */
    assert_int_equal(read_it(place, NULL), 0);
    assert_string_equal(address(place, 0), "other:9");
    assert_null(address(place, 1));
}

/* What lies in /etc must not keep a host that is in the cluster from coming back. */
static void a_bad_token_does_not_stop_an_agent_that_has_enrolled(void **context)
{
    struct place *place = *context;
    char path[128];
    write_file(place, "hunter2");
    assert_int_equal(read_it(place, NULL), -1);
    snprintf(path, sizeof path, "%s/cluster", place->home);
    assert_int_equal(aq_file_replace(AT_FDCWD, path, 0600, "x", 1, &place->error), 0);
    assert_int_equal(read_it(place, NULL), 0);
    assert_false(place->joining.has_token);
    assert_non_null(address(place, 0));
}

static void damage_is_told(void **context)
{
    struct place *place = *context;
    char path[128];
    snprintf(path, sizeof path, "%s/controllers", place->home);
    assert_int_equal(aq_file_replace(AT_FDCWD, path, 0600, "nowhere\n", 8, &place->error), 0);
    assert_int_equal(read_it(place, NULL), -1);
    assert_non_null(strstr(place->error.message, "/controllers holds \"nowhere\", but must hold lines"));
}

/* Settings that are read again free the name that the agent was started with. */
static void an_entry_has_its_own_name(void **context)
{
    struct place *place = *context;
    char name[] = "one";
    const struct agent_join join = {.fingerprint = FINGERPRINT, .secret = "secret"};
    struct entry entry;
    int root = open(place->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(entry_open(&entry, root, &join, name, 7, &place->error), 0);
    memset(name, 'x', sizeof name - 1);
    assert_string_equal(entry.token.name, "one");
    assert_string_equal(entry.asked.name, "one");
    entry_close(&entry);
    close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_token_comes_from_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(the_token_is_taken_out_of_the_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(the_token_comes_from_standard_input, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_token_is_refused_and_not_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(later_starts_need_no_token, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_token_does_not_stop_an_agent_that_has_enrolled, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(an_entry_has_its_own_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
