/* The time of the log: it never goes back, goes on steadily, and returns to the wall clock at a bounded rate. */
#include "controller/write/log_clock.h"
#include "tests/lib/cmocka.h"

#include <stdint.h>

#define SECOND UINT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

enum { STEP_MS = 250 };

static const uint64_t start_wall = 1764000000 * SECOND, start_steady = 77777;

static struct log_clock log_clock;
static uint64_t steady, wall, now; /* the three clocks */
static int64_t jumps;              /* the sum of all that were told */

static void read_clock(void)
{
    int64_t jump;
    uint64_t before = now;
    now = log_clock_read(&log_clock, steady, wall, &jump);
    assert_true(now >= before);
    jumps += jump;
}

/* Time passes, and the clock is read now and then. Checks the bound of its rate. */
static void pass(uint64_t ms, uint64_t step)
{
    uint64_t before = now, passed = 0;
    for (; passed < ms; passed += step) {
        steady += step;
        wall += step;
        read_clock();
    }
    uint64_t least = passed - passed / LOG_CLOCK_PART, most = passed + passed / LOG_CLOCK_PART;
    assert_in_range(now - before, least > SECOND / 10 ? least - SECOND / 10 : 0, most + SECOND / 10);
}

/* `log_ahead`: how far the last entry is ahead of the wall clock. */
static void begin(int64_t log_ahead)
{
    steady = start_steady;
    wall = start_wall;
    jumps = 0;
    log_clock_start(&log_clock, (uint64_t)((int64_t)wall + log_ahead), steady, wall);
    now = 0;
    read_clock();
}

static void it_follows_the_wall_clock(void **context)
{
    (void)context;
    begin(-5);
    assert_int_equal(now, wall);
    for (int i = 0; i < 3000; i++) { /* which is drawn to the right time, 300 us in a second */
        pass(SECOND, STEP_MS);
        wall += (uint64_t)(i % 3 == 0);
    }
    pass(SECOND, STEP_MS);
    assert_int_equal(now, wall);
    assert_int_equal(jumps, 0);
}

static void a_new_log_begins_with_the_wall_clock(void **context)
{
    (void)context;
    begin(-(int64_t)start_wall);
    assert_int_equal(now, wall);
}

static void a_start_takes_the_time_that_has_passed(void **context)
{
    (void)context;
    begin(-(int64_t)(30 * DAY));
    assert_int_equal(now, wall);
    assert_int_equal(jumps, 0);
}

static void a_second_in_the_future_does_not_stay(void **context)
{
    (void)context;
    begin(0);
    pass(10 * SECOND, STEP_MS);
    wall += 400 * DAY;
    pass(SECOND, STEP_MS);
    assert_int_equal(jumps, 400 * DAY);
    assert_true(now <= wall - 400 * DAY + SECOND / 10 + 1);
    wall -= 400 * DAY;
    pass(SECOND, STEP_MS);
    assert_int_equal(jumps, 0); /* both were told */
    assert_true(now <= wall + SECOND / 10 + 1);
    pass(3 * SECOND, STEP_MS);
    assert_int_equal(now, wall);
}

static void a_second_in_the_past_does_not_stay(void **context)
{
    (void)context;
    begin(0);
    wall -= 50 * 365 * DAY;
    pass(SECOND, STEP_MS);
    wall += 50 * 365 * DAY;
    pass(3 * SECOND, STEP_MS);
    assert_int_equal(now, wall);
}

/* Forward and backward: after so many times the difference, both agree. */
/* Both within one second, from whose begin the time is counted. */
static void a_wall_clock_that_is_set_to_and_fro_takes_nothing_back(void **context)
{
    (void)context;
    begin(0);
    steady += 900;
    wall += 900 + HOUR;
    read_clock();
    assert_int_equal(now, start_wall + 900 + 900 / LOG_CLOCK_PART);
    steady += 1;
    wall += 1 - HOUR;
    read_clock(); /* checks that it is not before */
}

static void after_a_correction_it_returns(void **context)
{
    (void)context;
    for (int back = 0; back <= 1; back++) {
        begin(0);
        wall = back ? wall - HOUR : wall + HOUR;
        pass(5 * HOUR, STEP_MS);
        uint64_t difference = back ? now - wall : wall - now;
        assert_in_range(difference, HOUR / 2 - SECOND, HOUR / 2 + SECOND);
        pass(5 * HOUR + 30 * SECOND, STEP_MS);
        assert_int_equal(now, wall);
        pass(HOUR, STEP_MS);
        assert_int_equal(now, wall);
    }
}

static void a_log_from_the_future_is_not_taken_back(void **context)
{
    (void)context;
    begin((int64_t)(400 * DAY));
    assert_int_equal(now, wall + 400 * DAY);
    uint64_t before = now;
    pass(100 * SECOND, STEP_MS);
    assert_in_range(now - before, 89 * SECOND, 91 * SECOND); /* slower, but a lifetime ends */
}

/* The steady clock runs on, so both tell of the same time. */
static void a_suspended_machine_is_no_jump(void **context)
{
    (void)context;
    begin(0);
    pass(10 * SECOND, STEP_MS);
    steady += 9 * HOUR;
    wall += 9 * HOUR;
    read_clock();
    assert_int_equal(now, wall);
    assert_int_equal(jumps, 0);
}

static void frequent_and_rare_reading_give_the_same(void **context)
{
    (void)context;
    static const uint64_t steps[] = {1, 7, 250, 999, 10000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        begin(0);
        wall += 60 * SECOND;
        pass(300 * SECOND, steps[i]);
        uint64_t difference = wall - now;
        assert_in_range(difference, 29 * SECOND, 31 * SECOND);
    }
}

/* Another thread reads the clocks, is held up, and comes with them after a jump that was told already. */
static void clocks_that_come_late_tell_nothing(void **context)
{
    (void)context;
    int64_t jump;
    begin(0);
    pass(10 * SECOND, STEP_MS);
    uint64_t old_steady = steady, old_wall = wall;
    steady += 3;
    wall += HOUR;
    read_clock();
    assert_int_equal(jumps, HOUR - 3);
    assert_int_equal(log_clock_read(&log_clock, old_steady, old_wall, &jump), now);
    assert_int_equal(jump, 0);
    steady += 3;
    wall += 3;
    read_clock();
    assert_int_equal(jumps, HOUR - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_the_wall_clock),
        cmocka_unit_test(a_new_log_begins_with_the_wall_clock),
        cmocka_unit_test(a_start_takes_the_time_that_has_passed),
        cmocka_unit_test(a_second_in_the_future_does_not_stay),
        cmocka_unit_test(a_second_in_the_past_does_not_stay),
        cmocka_unit_test(a_wall_clock_that_is_set_to_and_fro_takes_nothing_back),
        cmocka_unit_test(after_a_correction_it_returns),
        cmocka_unit_test(a_log_from_the_future_is_not_taken_back),
        cmocka_unit_test(a_suspended_machine_is_no_jump),
        cmocka_unit_test(frequent_and_rare_reading_give_the_same),
        cmocka_unit_test(clocks_that_come_late_tell_nothing),
    };
    return cmocka_run_group_tests_name("log clock", tests, NULL, NULL);
}
