/* Describes the `test` driver to the conformance suite, tests/lib/conformance.c: it keeps the contract of
 * drivers/driver.h. Nothing of it runs, and it has no limits. */
#include "tests/lib/conformance.h"

#include <stdio.h>
#include <unistd.h>

/* Before the plan said how long start and run may take. */
static void make_old(struct rig *rig, uint64_t resource)
{
    char path[128];
    snprintf(path, sizeof path, "%s/test", rig_directory(rig, resource));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("aquarium-test 1\nstarts_at_ms 1\nends_at_ms 0\nstop_delay_ms 0\nfails 0\nexit_status 0\nip_addr \n"
          "fail_reason told to fail\n",
          file);
    assert_int_equal(fclose(file), 0);
}

static const struct conformance_sample samples[] = {
    {"ended-1", DRIVER_ENDED, 4, "exit status 4"},
    {"failed-1", DRIVER_FAILED, 0, "the cable was loose"},
    {"runs-1", DRIVER_STARTED, 0, ""},
    {"empty", DRIVER_FAILED, 0, "before it started the workload"},
    {0},
};

static const char *const says[] = {"say", "out", "5", NULL};
static const char *const hangs[] = {"hang", NULL};
static const char *const none[] = {"no-such-program", NULL};

static const struct conformance driver = {
    .driver = "test",
    .runs = "{}",
    .exits = "{'run_ms':1,'exit_status':3}",
    .unstartable = "{'fail':'always'}",
    .slow = "{'start_delay_ms':3600000}",
    .patient = "{'stop_delay_ms':3600000}",
    .make_old = make_old,
    .command = says,
    .long_command = hangs,
    .wrong_command = none,
    .samples = samples,
};

int main(void)
{
    return conformance_run(&driver);
}
