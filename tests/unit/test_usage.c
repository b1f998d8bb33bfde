/* The use of nodes and workloads: rates of counters, and history at decreasing resolution within a bound of memory. */
#include "controller/usage/usage.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define T0 UINT64_C(1800000000000) /* a multiple of ten minutes */

static struct usage_figures of_cpu(uint64_t cpu)
{
    return (struct usage_figures){{[USAGE_CPU] = aq_some(cpu), [USAGE_MEMORY] = aq_some(cpu * 1000)}};
}

/* ---- rings ---------------------------------------------------------------------------------------------------- */

struct taken {
    uint64_t at_ms[1000], cpu[1000];
    size_t count;
};

static void take(void *context, uint64_t at_ms, const struct usage_figures *figures)
{
    struct taken *taken = context;
    taken->at_ms[taken->count] = at_ms;
    taken->cpu[taken->count++] = aq_number_or(figures->of[USAGE_CPU], 999999);
}

static struct taken read_ring(const struct usage_rings *rings, size_t step)
{
    struct taken taken = {0};
    usage_rings_each(rings, step, 0, take, &taken);
    return taken;
}

static void a_step_has_the_mean_of_what_came_in_it(void **state)
{
    (void)state;
    struct usage_rings rings = {0};
    size_t budget = SIZE_MAX;
    const uint64_t cpu[] = {100, 300, 50, 0};
    for (uint64_t i = 0; i < 4; i++) {
        const struct usage_figures figures = of_cpu(cpu[i]);
        usage_rings_note(&rings, T0 + i * 5 * SECOND, &figures, &budget);
    }
    struct taken taken = read_ring(&rings, 0);
    assert_int_equal(taken.count, 2);
    assert_int_equal(taken.at_ms[0], T0);
    assert_int_equal(taken.cpu[0], 200);
    assert_int_equal(taken.at_ms[1], T0 + 10 * SECOND);
    assert_int_equal(taken.cpu[1], 25);
    taken = read_ring(&rings, 1); /* of all four */
    assert_int_equal(taken.count, 1);
    assert_int_equal(taken.cpu[0], 112);
    usage_rings_free(&rings);
}

static void what_is_old_is_kept_at_a_lower_resolution(void **state)
{
    (void)state;
    struct usage_rings rings = {0};
    size_t budget = SIZE_MAX;
    for (uint64_t i = 0; i < 3 * 24 * HOUR / (10 * SECOND); i++) {
        const struct usage_figures figures = of_cpu(i);
        usage_rings_note(&rings, T0 + i * 10 * SECOND, &figures, &budget);
    }
    for (size_t step = 0; step < USAGE_STEPS; step++) {
        const struct taken taken = read_ring(&rings, step);
        assert_int_equal(taken.count, usage_steps[step].length);
        for (size_t i = 1; i < taken.count; i++)
            assert_int_equal(taken.at_ms[i] - taken.at_ms[i - 1], usage_steps[step].ms);
    }
    const struct taken coarse = read_ring(&rings, 2);
    const uint64_t begin = (coarse.at_ms[0] - T0) / (10 * SECOND), mean = begin + 29; /* 60 samples in ten minutes */
    assert_in_range(coarse.cpu[0], mean - mean / 1000, mean + 1);
    assert_int_equal(usage_rings_bytes(&rings), (60 + 120 + 288) * 12);
    assert_int_equal(SIZE_MAX - budget, usage_rings_bytes(&rings));
    usage_rings_free(&rings);
}

static void time_without_samples_is_a_gap(void **state)
{
    (void)state;
    struct usage_rings rings = {0};
    size_t budget = SIZE_MAX;
    const struct usage_figures figures = of_cpu(7), no_cpu = {{[USAGE_MEMORY] = aq_some(1)}};
    usage_rings_note(&rings, T0, &figures, &budget);
    usage_rings_note(&rings, T0 + 30 * SECOND, &figures, &budget);
    usage_rings_note(&rings, T0 + 40 * SECOND, &no_cpu, &budget);
    struct taken taken = read_ring(&rings, 0);
    assert_int_equal(taken.count, 3);
    assert_int_equal(taken.at_ms[1], T0 + 30 * SECOND);
    assert_int_equal(taken.cpu[2], 999999);                        /* not 0 */
    usage_rings_note(&rings, T0 + 20 * SECOND, &figures, &budget); /* time does not go back */
    usage_rings_note(&rings, T0 + 5 * HOUR, &figures, &budget);
    taken = read_ring(&rings, 0);
    assert_int_equal(taken.count, 1);
    taken = read_ring(&rings, 2);
    assert_int_equal(taken.count, 2);
    usage_rings_free(&rings);
}

static void rings_that_may_not_grow_keep_the_newest(void **state)
{
    (void)state;
    struct usage_rings rings = {0};
    size_t budget = 8 * 12 * USAGE_STEPS + 11;
    for (uint64_t i = 0; i < 100; i++) {
        const struct usage_figures figures = of_cpu(i);
        usage_rings_note(&rings, T0 + i * 10 * SECOND, &figures, &budget);
    }
    const struct taken taken = read_ring(&rings, 0);
    assert_int_equal(taken.count, 8);
    assert_int_equal(taken.cpu[7], 99);
    assert_int_equal(taken.cpu[0], 92);
    assert_int_equal(budget, 11);
    usage_rings_free(&rings);
    budget = 0;
    const struct usage_figures figures = of_cpu(1);
    usage_rings_note(&rings, T0, &figures, &budget);
    assert_int_equal(read_ring(&rings, 0).count, 0);
}

static void figures_of_all_sizes_are_kept_to_a_thousandth(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < UINT64_C(1) << 50; value = value * 3 + 1) {
        struct usage_rings rings = {0};
        size_t budget = SIZE_MAX;
        const struct usage_figures figures = {{[USAGE_CPU] = aq_some(value)}};
        usage_rings_note(&rings, T0, &figures, &budget);
        const struct taken taken = read_ring(&rings, 0);
        assert_in_range(taken.cpu[0], value - value / 1000, value);
        usage_rings_free(&rings);
    }
}

static void the_step_follows_from_how_far_back(void **state)
{
    (void)state;
    assert_int_equal(usage_step_for(T0, T0 - 10 * MINUTE), 0);
    assert_int_equal(usage_step_for(T0, T0 - 11 * MINUTE), 1);
    assert_int_equal(usage_step_for(T0, T0 - 2 * HOUR), 1);
    assert_int_equal(usage_step_for(T0, T0 - 3 * HOUR), 2);
    assert_int_equal(usage_step_for(T0, 1), 2);
    assert_int_equal(usage_step_for(T0, T0 + HOUR), 0);
}

/* ---- rates ---------------------------------------------------------------------------------------------------- */

static int open_usage(void **state)
{
    struct usage *usage = usage_open();
    usage_bound(usage, 1 << 20);
    *state = usage;
    return 0;
}

static int close_usage(void **state)
{
    usage_close(*state);
    return 0;
}

static const struct usage_key seven = {USAGE_OF_RESOURCE, 7, "one"};

static struct aq_sample used(uint64_t at_ms, uint64_t cpu_us, uint64_t read)
{
    return (struct aq_sample){
        .resource = 7, .at_ms = at_ms, .cpu_us = aq_some(cpu_us), .memory = aq_some(4096), .read = aq_some(read)};
}

static struct aq_usage take_at(struct usage *usage, uint64_t now_ms, struct aq_sample sample)
{
    struct aq_usage now = {0};
    assert_int_equal(usage_take(usage, &seven, &sample, now_ms, T0 + now_ms, &now), USAGE_TAKEN);
    return now;
}

static void two_samples_make_a_rate(void **state)
{
    struct aq_usage now = take_at(*state, 1000, used(50000, 3000000, 100));
    assert_int_equal(now.cpu, 0); /* not known yet */
    assert_int_equal(now.read_rate, 0);
    assert_int_equal(now.memory_bytes, aq_some(4096));
    assert_int_equal(now.cpu_ms, aq_some(3000));
    now = take_at(*state, 6100, used(55000, 5500000, 20580)); /* five seconds by its own clock */
    assert_int_equal(now.cpu, aq_some(500));
    assert_int_equal(now.read_rate, aq_some(4096));
    assert_int_equal(now.write_rate, 0); /* not counted there: none, not 0 */
    assert_int_equal(now.sampled_at, T0 + 6100);
}

static void counters_that_begin_anew_make_no_negative_rate(void **state)
{
    take_at(*state, 0, used(0, 9000000, 5000));
    struct aq_usage now = take_at(*state, 10000, used(10000, 1000000, 0)); /* its workload was started again */
    assert_int_equal(now.cpu, 0);                                          /* not known in this moment */
    assert_int_equal(now.read_rate, 0);
    assert_int_equal(now.cpu_ms, aq_some(1000));
    now = take_at(*state, 20000, used(20000, 1100000, 10000));
    assert_int_equal(now.cpu, aq_some(10));
    assert_int_equal(now.read_rate, aq_some(1000));
    now = take_at(*state, 30000, used(5, 1200000, 20000)); /* its host was: the clock has gone back */
    assert_int_equal(now.cpu, 0);
    now = take_at(*state, 40000, used(10005, 1300000, 20000));
    assert_int_equal(now.cpu, aq_some(10));
}

static void what_is_told_beyond_all_bounds_is_cut(void **state)
{
    take_at(*state, 0, used(1, 0, 0));
    const struct aq_usage now = take_at(*state, 1000, used(2, INT64_MAX, INT64_MAX));
    assert_int_equal(now.cpu, aq_some(AQ_CPU_MAX));
    assert_int_equal(now.read_rate, aq_some(AQ_USAGE_RATE_MAX));
}

static void a_flood_counts_once_in_a_while(void **state)
{
    struct aq_usage now;
    const struct aq_sample sample = used(1, 0, 0);
    take_at(*state, 1000, sample);
    for (int i = 0; i < 100; i++)
        assert_int_equal(usage_take(*state, &seven, &sample, 1000 + (uint64_t)i, T0, &now), USAGE_TOO_SOON);
}

static void a_resource_is_that_of_its_node_alone(void **state)
{
    const struct usage_key other = {USAGE_OF_RESOURCE, 7, "two"};
    const struct aq_sample sample = used(1, 0, 0);
    struct aq_usage now;
    take_at(*state, 0, sample);
    assert_int_equal(usage_take(*state, &other, &sample, 5000, T0, &now), USAGE_NOT_OF_NODE);
    const struct usage_key node = {USAGE_OF_NODE, 0, "two"};
    assert_int_equal(usage_take(*state, &node, &sample, 5000, T0, &now), USAGE_TAKEN);
    assert_true(usage_now(*state, &node, &now));
    usage_drop(*state, &seven);
    assert_false(usage_has(*state, &seven));
    assert_true(usage_has(*state, &node));
}

static void count_stale(void *context, const struct usage_key *key)
{
    assert_int_equal(key->resource, 7);
    ++*(int *)context;
}

static void what_is_not_told_any_more_is_not_known(void **state)
{
    struct aq_usage now;
    int stale = 0;
    take_at(*state, 0, used(0, 0, 0));
    take_at(*state, 20000, used(20000, 0, 0));
    usage_find_stale(*state, 79000, count_stale, &stale);
    assert_int_equal(stale, 0);
    assert_true(usage_now(*state, &seven, &now));
    usage_find_stale(*state, 80000, count_stale, &stale);
    usage_find_stale(*state, 90000, count_stale, &stale);
    assert_int_equal(stale, 1);
    assert_false(usage_now(*state, &seven, &now));
    struct aq_arena arena = {0};
    assert_int_equal(usage_history(*state, &seven, 0, 0, &arena).count, 2); /* it stays */
    take_at(*state, 100000, used(100000, 0, 0));
    assert_true(usage_now(*state, &seven, &now));
    aq_arena_free(&arena);
}

static void histories_keep_within_their_bound(void **state)
{
    struct usage_totals totals;
    usage_bound(*state, 3000);
    for (uint64_t round = 0; round < 40; round++)
        for (uint64_t i = 1; i <= 50; i++) {
            const struct usage_key key = {USAGE_OF_RESOURCE, i, "one"};
            const struct aq_sample sample = used(round * 10000, round * 1000, 0);
            struct aq_usage now;
            assert_int_equal(usage_take(*state, &key, &sample, round * 10000, T0 + round * 10000, &now), USAGE_TAKEN);
        }
    usage_totals(*state, &totals);
    assert_int_equal(totals.rows, 50);
    assert_in_range(totals.bytes, 2000, 3000);
    for (uint64_t i = 1; i <= 50; i++)
        usage_drop(*state, &(struct usage_key){USAGE_OF_RESOURCE, i, ""});
    usage_totals(*state, &totals);
    assert_int_equal(totals.rows, 0);
    assert_int_equal(totals.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_has_the_mean_of_what_came_in_it),
        cmocka_unit_test(what_is_old_is_kept_at_a_lower_resolution),
        cmocka_unit_test(time_without_samples_is_a_gap),
        cmocka_unit_test(rings_that_may_not_grow_keep_the_newest),
        cmocka_unit_test(figures_of_all_sizes_are_kept_to_a_thousandth),
        cmocka_unit_test(the_step_follows_from_how_far_back),
        cmocka_unit_test_setup_teardown(two_samples_make_a_rate, open_usage, close_usage),
        cmocka_unit_test_setup_teardown(counters_that_begin_anew_make_no_negative_rate, open_usage, close_usage),
        cmocka_unit_test_setup_teardown(what_is_told_beyond_all_bounds_is_cut, open_usage, close_usage),
        cmocka_unit_test_setup_teardown(a_flood_counts_once_in_a_while, open_usage, close_usage),
        cmocka_unit_test_setup_teardown(a_resource_is_that_of_its_node_alone, open_usage, close_usage),
        cmocka_unit_test_setup_teardown(what_is_not_told_any_more_is_not_known, open_usage, close_usage),
        cmocka_unit_test_setup_teardown(histories_keep_within_their_bound, open_usage, close_usage),
    };
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
