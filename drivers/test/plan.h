/* What a workload of the `test` driver will do, stored in the file `test` of its directory for the next run of the
 * agent. Times are wall time, because the clock of the schedule starts over when the host restarts. The wall clock may
 * be set back meanwhile, so that nothing takes longer than it was to take from the beginning. */
#ifndef AQ_DRIVERS_TEST_PLAN_H
#define AQ_DRIVERS_TEST_PLAN_H

#include "schema/base/error.h"
#include "schema/drivers/test.h"

#include <stdbool.h>
#include <stdint.h>

struct test_plan {
    uint64_t starts_at_ms;
    uint64_t ends_at_ms;             /* 0: not before it is stopped */
    uint64_t start_delay_ms, run_ms; /* at most; UINT64_MAX: not known, the plan is of an earlier version */
    uint64_t stop_delay_ms;
    bool over; /* it was stopped */
    bool fails;
    int exit_status;
    char ip_addr[TEST_TEXT_MAX + 1];
    char fail_reason[TEST_TEXT_MAX + 1];
    uint64_t task_ms;
    char task_fail[TEST_TEXT_MAX + 1];
};

int test_plan_write(const struct test_plan *plan, const char *directory, struct aq_error *error) AQ_MUST_CHECK;

/* A missing file reads as the plan of a start that fails. */
int test_plan_read(struct test_plan *plan, const char *directory, struct aq_error *error) AQ_MUST_CHECK;

#endif
