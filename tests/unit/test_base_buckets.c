/* Budgets that fill again with time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/buckets.h"

static const struct aq_budget ten = {.rate = 10, .burst = 100};

static void what_is_spent_comes_back(void **context)
{
    (void)context;
    struct aq_buckets *buckets = aq_buckets_new();
    uint64_t wait_ms;
    assert_true(aq_buckets_open(buckets, 1, &ten, 1000, &wait_ms));
    for (int i = 0; i < 100; i++) {
        assert_true(aq_buckets_open(buckets, 1, &ten, 1000, &wait_ms));
        aq_buckets_spend(buckets, 1, &ten, 1, 1000);
    }
    assert_false(aq_buckets_open(buckets, 1, &ten, 1000, &wait_ms));
    assert_in_range(wait_ms, 1, 100);
    assert_true(aq_buckets_open(buckets, 2, &ten, 1000, &wait_ms)); /* another's */
    assert_true(aq_buckets_open(buckets, 1, &ten, 1100, &wait_ms));
    aq_buckets_spend(buckets, 1, &ten, 1, 1100);
    assert_false(aq_buckets_open(buckets, 1, &ten, 1100, &wait_ms));
    unsigned count = 0;
    while (aq_buckets_open(buckets, 1, &ten, 1000000, &wait_ms)) {
        aq_buckets_spend(buckets, 1, &ten, 1, 1000000);
        count++;
    }
    assert_int_equal(count, 100); /* never more than the burst */
    aq_buckets_free(buckets);
}

static void a_debt_is_paid_first(void **context)
{
    (void)context;
    struct aq_buckets *buckets = aq_buckets_new();
    uint64_t wait_ms;
    aq_buckets_spend(buckets, 1, &ten, 200, 5000); /* twice what there was */
    assert_false(aq_buckets_open(buckets, 1, &ten, 5000, &wait_ms));
    assert_in_range(wait_ms, 10000, 10100);
    assert_false(aq_buckets_open(buckets, 1, &ten, 14000, &wait_ms));
    assert_true(aq_buckets_open(buckets, 1, &ten, 15101, &wait_ms));
    aq_buckets_free(buckets);
}

static void time_that_stands_still_or_goes_back_gives_nothing(void **context)
{
    (void)context;
    struct aq_buckets *buckets = aq_buckets_new();
    uint64_t wait_ms;
    aq_buckets_spend(buckets, 1, &ten, 100, 5000);
    assert_false(aq_buckets_open(buckets, 1, &ten, 5000, &wait_ms));
    assert_false(aq_buckets_open(buckets, 1, &ten, 0, &wait_ms));
    aq_buckets_free(buckets);
}

static void the_largest_numbers_do_not_overflow(void **context)
{
    (void)context;
    const struct aq_budget large = {.rate = UINT64_MAX / 2, .burst = UINT64_MAX}, none = {.rate = 0, .burst = 1};
    struct aq_buckets *buckets = aq_buckets_new();
    uint64_t wait_ms;
    for (int i = 0; i < 10; i++)
        aq_buckets_spend(buckets, 1, &large, UINT64_MAX, 1);
    (void)aq_buckets_open(buckets, 1, &large, UINT64_MAX, &wait_ms);
    aq_buckets_spend(buckets, 2, &none, 5, 1);
    assert_false(aq_buckets_open(buckets, 2, &none, UINT64_MAX, &wait_ms));
    aq_buckets_free(buckets);
}

/* More keys than places: those in debt are remembered as far as there is room, and nothing breaks. */
static void there_may_be_more_keys_than_places(void **context)
{
    (void)context;
    struct aq_buckets *buckets = aq_buckets_new();
    uint64_t wait_ms;
    aq_buckets_spend(buckets, 7, &ten, 150, 1000);
    for (uint64_t key = 100; key < 100 + 4 * AQ_BUCKETS_PLACES; key++)
        aq_buckets_spend(buckets, key, &ten, 1, 1000);
    assert_false(aq_buckets_open(buckets, 7, &ten, 1000, &wait_ms)); /* the fullest ones made room */
    aq_buckets_free(buckets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_spent_comes_back),
        cmocka_unit_test(a_debt_is_paid_first),
        cmocka_unit_test(time_that_stands_still_or_goes_back_gives_nothing),
        cmocka_unit_test(the_largest_numbers_do_not_overflow),
        cmocka_unit_test(there_may_be_more_keys_than_places),
    };
    return cmocka_run_group_tests_name("buckets", tests, NULL, NULL);
}
