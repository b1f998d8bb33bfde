/* A bell is readable from the first ring to the next clear, however often it was rung. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/bell.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

static bool is_rung(int bell)
{
    struct pollfd waits = {.fd = bell, .events = POLLIN};
    return poll(&waits, 1, 0) == 1;
}

static void rings_add_up_to_one(void **state)
{
    (void)state;
    struct aq_error error;
    int bell = aq_bell_open(&error);
    assert_true(bell >= 0);
    assert_int_equal(fcntl(bell, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_false(is_rung(bell));
    aq_bell_clear(bell); /* does not wait */
    for (int i = 0; i < 3; i++)
        aq_bell_ring(bell);
    assert_true(is_rung(bell));
    aq_bell_clear(bell);
    assert_false(is_rung(bell));
    aq_bell_ring(bell);
    assert_true(is_rung(bell));
    close(bell);
}

static void a_full_counter_blocks_nobody(void **state)
{
    (void)state;
    struct aq_error error;
    const uint64_t most = UINT64_MAX - 1;
    int bell = aq_bell_open(&error);
    assert_int_equal(write(bell, &most, sizeof most), sizeof most);
    aq_bell_ring(bell);
    assert_true(is_rung(bell));
    aq_bell_clear(bell);
    assert_false(is_rung(bell));
    close(bell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_add_up_to_one),
        cmocka_unit_test(a_full_counter_blocks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
