/* An agent's settings, what it reads of its host, and the texts that it tells. */
#include "agent/agent.h"
#include "agent/capacity.h"
#include "agent/tidy.h"
#include "schema/codec/preset.h"
#include "tests/lib/cmocka.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void check(struct aq_arena *arena, const char *setting, const char *complaint)
{
    struct aq_config_agent config;
    struct aq_error error = {0};
    aq_record_init(&aq_config_agent_record, &config, arena);
    assert_int_equal(aq_config_set(&aq_config_agent_record, &config, setting, arena, &error), 0);
    int status = agent_check(&config, arena, &error);
    assert_int_equal(status, complaint != NULL ? -1 : 0);
    if (complaint != NULL && strstr(error.message, complaint) == NULL)
        fail_msg("%s: %s", setting, error.message);
}

static void settings_are_checked(void **context)
{
    struct aq_arena arena = {0};
    (void)context;
    check(&arena, "name=", NULL); /* the host's name */
    check(&arena, "controller=[::1]:8002", NULL);
    check(&arena, "controller=a.b.example:1", NULL);
    check(&arena, "controller=8002", "but must be ADDRESS:PORT");
    check(&arena, "controller=host:", "but must be ADDRESS:PORT");
    check(&arena, "controller=host:65536", "but must be ADDRESS:PORT");
    check(&arena, "controller=ho/st:80", "but must be ADDRESS:PORT");
    check(&arena, "drivers=test,magic", "drivers[1] is \"magic\"");
    aq_arena_free(&arena);
}

/* Nothing is made: the data directory may not exist yet. */
static void the_host_is_read(void **context)
{
    struct host host;
    struct aq_config_agent config;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    (void)context;
    aq_record_init(&aq_config_agent_record, &config, &arena);
    config.name = "one";
    config.data = "/tmp/aquarium-none/deep";
    config.controller = "127.0.0.1:8002";
    host_read(&host, &config);
    assert_true(host.capacity.cpu >= 1 && host.capacity.ram > 0 && host.capacity.disk > 0);
    assert_int_equal(host.capacity.slots, 0);
    assert_true(host.machine[0] != '\0' && host.name[0] != '\0' && host.boot[0] != '\0');
    assert_string_equal(host.address, "127.0.0.1");
    assert_true(host.load().memory_available > 0);
    const struct aq_sample sample = host.sample();
    assert_int_not_equal(sample.cpu_us, 0);
    assert_in_range(sample.cpu_all, aq_some(1000), aq_some(AQ_CPU_MAX));
    assert_in_range(sample.memory, aq_some(1), sample.memory_all);
}

static void capacity_is_lowered_never_raised(void **context)
{
    (void)context;
    struct aq_agent_capacity settings = {.cpu = 500, .ram = AQ_SIZE_MAX_MIB, .slots = 5};
    struct aq_amounts there = {.cpu = 2000, .ram = 1024, .disk = 77};
    struct aq_amounts offered = capacity_offer(&there, &settings);
    assert_int_equal(offered.cpu, 500);
    assert_int_equal(offered.ram, 1024);
    assert_int_equal(offered.disk, 77);
    assert_int_equal(offered.slots, 5);
}

static void expect_tidy(const char *text, size_t most, const char *expected)
{
    char *tidy = tidy_copy(text, most);
    assert_string_equal(tidy, expected);
    free(tidy);
}

static void texts_are_tidied(void **context)
{
    (void)context;
    expect_tidy("plain \xc3\xa4", 100, "plain \xc3\xa4");
    expect_tidy("a\nb\x01\x7f", 100, "a b??");
    expect_tidy("\xff\xc3", 100, "??");
    expect_tidy("ab\xc3\xa4", 3, "ab?");
    expect_tidy("", 3, "");
}

/* The agent ignores SIGPIPE, and the program must not. */
static void the_shutdown_command_does_not_ignore_sigpipe(void **context)
{
    struct aq_arena arena = {0};
    struct aq_config_agent config;
    struct aq_error error = {0};
    struct host host;
    int status = 0;
    const char *command[] = {"sh", "-c", "kill -PIPE $$"};
    (void)context;
    aq_record_init(&aq_config_agent_record, &config, &arena);
    config.data = "/tmp/aquarium-none/deep";
    config.controller = "127.0.0.1:8002";
    host_read(&host, &config);
    signal(SIGPIPE, SIG_IGN);
    const int failed = host.shut_down(&(struct aq_list){command, AQ_LENGTH(command)}, &error);
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(failed, 0);
    assert_true(wait(&status) > 0);
    assert_int_equal(status, SIGPIPE); /* which has killed it */
    aq_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(the_host_is_read),
        cmocka_unit_test(capacity_is_lowered_never_raised),
        cmocka_unit_test(texts_are_tidied),
        cmocka_unit_test(the_shutdown_command_does_not_ignore_sigpipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
