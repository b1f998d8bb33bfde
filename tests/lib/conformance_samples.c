/* The part of the conformance suite about what a workload uses. */
#include "tests/lib/conformance_tests.h"

#include "schema/base/clock.h"

static bool take(struct rig *rig, uint64_t resource, struct aq_sample *sample)
{
    *sample = (struct aq_sample){.resource = resource};
    rig->now = aq_clocks_read();
    return rig->type->sample(rig->driver, resource, sample);
}

/* A driver may know it a little later. */
static void await(struct rig *rig, uint64_t resource, struct aq_sample *sample)
{
    const uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (!take(rig, resource, sample)) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 50);
    }
}

/* What is unknown stays unknown, and counters of a run only grow. */
static void expect_later(const struct aq_sample *before, const struct aq_sample *after)
{
    const uint64_t pairs[][2] = {{before->cpu_us, after->cpu_us},
                                 {before->read, after->read},
                                 {before->written, after->written},
                                 {before->received, after->received},
                                 {before->sent, after->sent}};
    for (size_t i = 0; i < AQ_LENGTH(pairs); i++) {
        assert_int_equal(pairs[i][0] != 0, pairs[i][1] != 0);
        assert_true(pairs[i][1] >= pairs[i][0]);
        assert_in_range(pairs[i][1], 0, AQ_USAGE_COUNTER_MAX);
    }
}

void conformance_test_samples(void **state)
{
    struct rig *rig = *state;
    struct aq_sample before, after;
    uint64_t resource;
    if (rig->type->sample == NULL)
        skip();
    assert_false(take(rig, 1000, &before)); /* of one that never was */
    rig_start_running(rig, conformance_subject->runs, &resource);
    await(rig, resource, &before);
    assert_int_equal(before.resource, resource);
    assert_in_range(before.at_ms, 0, rig->now.steady_ms);
    assert_int_not_equal(before.cpu_us, 0);
    assert_in_range(before.memory, 1, AQ_USAGE_MEMORY_MAX);
    rig_turn(rig, 20);
    assert_true(take(rig, resource, &after));
    expect_later(&before, &after);
    if (conformance_subject->forgets) {
        conformance_stop(rig, resource);
        return;
    }
    rig_close(rig);
    conformance_open_again(rig);
    conformance_adopted[resource] = true;
    rig->seen[resource].started = 0;
    rig_adopt(rig, resource);
    rig_await(rig, &rig->seen[resource].started);
    await(rig, resource, &before); /* an agent that was restarted goes on */
    expect_later(&after, &before);
    conformance_stop(rig, resource);
    assert_false(take(rig, resource, &after));
}
