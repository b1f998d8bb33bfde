/* The `test` driver only pretends to run workloads, for trying out a cluster and for tests. It takes as long and fails
 * as its options say. A workload costs a few hundred bytes, so one agent can have thousands.
 *
 * What it does depends only on the options, the number of the resource, and the clock. A small file in the workload's
 * directory lets the next run of the agent continue (plan.h). */
#ifndef AQ_DRIVERS_TEST_H
#define AQ_DRIVERS_TEST_H

#include "drivers/driver.h"

extern const struct driver_type test_driver_type;

#endif
