/* The clocks run forward, agree with one another, and tell the time of day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/clock.h"

#include <pthread.h>
#include <unistd.h>

static void monotonic_clocks_agree(void **state)
{
    (void)state;
    uint64_t before = aq_clock_ns();
    uint64_t us = aq_clock_us(), ms = aq_clock_ms();
    uint64_t after = aq_clock_ns();
    assert_in_range(us, before / 1000, after / 1000);
    assert_in_range(ms, before / 1000000, after / 1000000);
}

static void the_coarse_clock_is_late_but_not_by_much(void **state)
{
    (void)state;
    uint64_t before = aq_clock_ms(), coarse = aq_clock_coarse_ms(), after = aq_clock_ms();
    assert_true(coarse + 100 >= before);
    assert_true(coarse <= after);
}

static void clocks_run_on(void **state)
{
    (void)state;
    uint64_t ms = aq_clock_ms(), boot = aq_clock_boot_ms(), wall = aq_clock_wall_ms();
    usleep(20000);
    assert_true(aq_clock_ms() >= ms + 20);
    assert_true(aq_clock_boot_ms() >= boot + 20);
    assert_true(aq_clock_wall_ms() > wall);
    assert_in_range(wall / 1000, (uint64_t)time(NULL) - 5, (uint64_t)time(NULL) + 1);
}

static void a_deadline_is_whole_and_ends_a_wait(void **state)
{
    (void)state;
    pthread_condattr_t attributes;
    pthread_cond_t never;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    for (uint64_t ms = 0; ms < 3000; ms += 7) {
        uint64_t before = aq_clock_ns();
        struct timespec until = aq_clock_deadline(ms);
        uint64_t after = aq_clock_ns(), at = (uint64_t)until.tv_sec * 1000000000 + (uint64_t)until.tv_nsec;
        assert_in_range(until.tv_nsec, 0, 999999999);
        assert_in_range(at, before + ms * 1000000, after + ms * 1000000);
    }
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&never, &attributes);
    uint64_t start = aq_clock_ms();
    struct timespec until = aq_clock_deadline(30);
    pthread_mutex_lock(&lock);
    assert_int_not_equal(pthread_cond_timedwait(&never, &lock, &until), 0);
    pthread_mutex_unlock(&lock);
    assert_true(aq_clock_ms() >= start + 30);
    pthread_cond_destroy(&never);
    pthread_condattr_destroy(&attributes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_clocks_agree),
        cmocka_unit_test(the_coarse_clock_is_late_but_not_by_much),
        cmocka_unit_test(clocks_run_on),
        cmocka_unit_test(a_deadline_is_whole_and_ends_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
