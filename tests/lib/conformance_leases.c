/* The part of the conformance suite about leases. The rig is the agent that is, or is not, in touch. */
#include "tests/lib/conformance_tests.h"

#include "drivers/lease.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LEASE_S = 2 };

/* Returns the time that it was in touch. */
static uint64_t touch(const struct rig *rig, uint64_t before_ms)
{
    struct aq_error error;
    const uint64_t touched_ms = aq_clock_boot_ms() - before_ms;
    AQ_CLEANUP_FD int base = open(rig->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(lease_write(base, touched_ms, &error), 0);
    return touched_ms;
}

static uint64_t start_leased(struct rig *rig)
{
    char path[96];
    snprintf(path, sizeof path, "%s/" LEASE_FILE, rig->base);
    return rig_start_spec(rig, conformance_subject->runs,
                          (struct driver_spec){.metadata_json = "{}", .lease_s = LEASE_S, .lease_file = path});
}

static uint64_t start_in_touch(struct rig *rig)
{
    const uint64_t until_ms = touch(rig, 0) + RIG_PATIENCE_MS;
    const uint64_t resource = start_leased(rig);
    while (rig->seen[resource].started == 0) {
        assert_true(touch(rig, 0) < until_ms);
        rig_turn(rig, 50);
    }
    return resource;
}

static void expect_over(struct rig *rig, uint64_t resource)
{
    const struct rig_workload *seen = &rig->seen[resource];
    assert_true(seen->lease_over);
    assert_non_null(strstr(seen->reason, "its lease is over"));
    conformance_expect_nothing_left(rig, resource);
}

static void skip_without_leases(const struct rig *rig)
{
    if (!rig->type->keeps_leases)
        skip();
}

void conformance_test_a_lease_ends_what_is_out_of_touch(void **state)
{
    struct rig *rig = *state;
    skip_without_leases(rig);
    const uint64_t resource = start_in_touch(rig);
    const uint64_t touched_ms = touch(rig, 0);
    rig_await(rig, &rig->seen[resource].ended);
    assert_true(aq_clock_boot_ms() >= touched_ms + LEASE_S * 1000);
    expect_over(rig, resource);
}

void conformance_test_what_has_no_lease_any_more_does_not_start(void **state)
{
    struct rig *rig = *state;
    skip_without_leases(rig);
    touch(rig, LEASE_S * 1000 + 1);
    const uint64_t resource = start_leased(rig);
    rig_await(rig, &rig->seen[resource].failed);
    expect_over(rig, resource);
}

static bool is_running(struct rig *rig, uint64_t resource)
{
    return conformance_subject->is_running != NULL ? conformance_subject->is_running(rig, resource)
                                                   : rig_is_alive(rig->seen[resource].pid);
}

void conformance_test_a_lease_is_kept_without_an_agent(void **state)
{
    struct rig *rig = *state;
    skip_without_leases(rig);
    if (conformance_subject->forgets)
        skip();
    const uint64_t resource = start_in_touch(rig);
    const uint64_t touched_ms = touch(rig, 0);
    rig_close(rig);
    while (is_running(rig, resource)) {
        assert_true(aq_clock_boot_ms() < touched_ms + RIG_PATIENCE_MS);
        usleep(20000);
    }
    assert_true(aq_clock_boot_ms() >= touched_ms + LEASE_S * 1000);
    conformance_open_again(rig);
    conformance_adopted[resource] = true;
    rig->seen[resource].started = 0;
    rig_adopt(rig, resource);
    rig_await(rig, &rig->seen[resource].ended);
    expect_over(rig, resource);
}
