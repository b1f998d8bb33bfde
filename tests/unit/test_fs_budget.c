/* The budget of open files: given these charges, then this sum, or this error. */
#include "fs/kernel/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MIB = 1 << 20 };

static void charges_add_up(void **state)
{
    (void)state;
    struct budget budget = {0};
    struct budget_charge first = {0}, second = {0};
    struct aq_error error = {0};
    assert_int_equal(budget_charge(&budget, &first, 1, 100, &error), 0);
    assert_int_equal(budget_charge(&budget, &second, 2, 10, &error), 0);
    assert_int_equal(budget.bytes, 110);
    assert_int_equal(budget_charge(&budget, &first, 1, 50, &error), 0); /* replaces the first one */
    assert_int_equal(budget.bytes, 60);
    budget_release(&budget, &first);
    budget_release(&budget, &first); /* it is empty */
    assert_int_equal(budget.bytes, 10);
    budget_release(&budget, &second);
    assert_int_equal(budget.bytes, 0);
    assert_null(budget.charges);
}

static void one_user_leaves_room_for_others(void **state)
{
    (void)state;
    struct budget budget = {0};
    struct budget_charge first = {0}, second = {0}, other = {0};
    struct aq_error error = {0};
    assert_int_equal(budget_charge(&budget, &first, 1, 150 * MIB, &error), 0);
    assert_int_equal(budget_charge(&budget, &second, 1, 50 * MIB, &error), -1);
    assert_int_equal(error.code, AQ_E_LIMIT);
    assert_string_equal(error.message, "your open files would hold more than 192 MiB: close some");
    assert_int_equal(budget.bytes, 150 * MIB);
    assert_null(second.link); /* empty */
    assert_int_equal(budget_charge(&budget, &other, 2, 190 * MIB, &error), 0);
    budget_release(&budget, &first);
    assert_int_equal(budget_charge(&budget, &second, 1, 50 * MIB, &error), 0);
    budget_release(&budget, &second);
    budget_release(&budget, &other);
}

static void all_users_share_a_limit(void **state)
{
    (void)state;
    struct budget budget = {0};
    struct budget_charge charges[3] = {0};
    struct aq_error error = {0};
    assert_int_equal(budget_charge(&budget, &charges[0], 1, 190 * MIB, &error), 0);
    assert_int_equal(budget_charge(&budget, &charges[1], 2, 190 * MIB, &error), 0);
    assert_int_equal(budget_charge(&budget, &charges[2], 3, 190 * MIB, &error), -1);
    assert_string_equal(error.message, "open files would hold more than 512 MiB: close some");
}

static void memory_is_returned_after_much_was_released(void **state)
{
    (void)state;
    struct budget budget = {0};
    struct budget_charge charge = {0};
    struct aq_error error = {0};
    assert_int_equal(budget_charge(&budget, &charge, 1, 10 * MIB, &error), 0);
    budget_release(&budget, &charge);
    assert_int_equal(budget.peak, 10 * MIB);
    budget_trim(&budget);
    assert_int_equal(budget.peak, 0);
    assert_int_equal(budget_charge(&budget, &charge, 1, MIB, &error), 0);
    budget_release(&budget, &charge);
    budget_trim(&budget); /* too little */
    assert_int_equal(budget.peak, MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charges_add_up),
        cmocka_unit_test(one_user_leaves_room_for_others),
        cmocka_unit_test(all_users_share_a_limit),
        cmocka_unit_test(memory_is_returned_after_much_was_released),
    };
    return cmocka_run_group_tests_name("budget of open files", tests, NULL, NULL);
}
