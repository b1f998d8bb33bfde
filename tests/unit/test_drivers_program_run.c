/* Programs that a driver runs to their end (drivers/container/program.h), by several threads at once. */
#include "drivers/container/program.h"
#include "schema/base/clock.h"
#include "tests/lib/cmocka.h"

#include <pthread.h>
#include <string.h>

struct other {
    struct aq_error error;
    int failed;
};

static void *run_other(void *context)
{
    struct other *other = context;
    const char *const arguments[] = {"sleep", "1", NULL};
    const struct program_run run = {
        .arguments = arguments, .until_ms = aq_clock_boot_ms() + 60000, .bound = "a minute"};
    other->failed = program_run(&run, &other->error);
    return NULL;
}

static void test_one_that_takes_too_long_is_ended_alone(void **state)
{
    (void)state;
    const char *const arguments[] = {"sleep", "3600", NULL};
    const struct program_run run = {.arguments = arguments, .until_ms = aq_clock_boot_ms() + 100, .bound = "100 ms"};
    struct aq_error error;
    struct other other = {.failed = -1};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_other, &other), 0);
    assert_int_equal(program_run(&run, &error), -1);
    assert_string_equal(error.message, "sleep took too long, and was ended (100 ms)");
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (other.failed != 0)
        fail_msg("the other one: %s", other.error.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_that_takes_too_long_is_ended_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
