/* The `test` driver acts the part of workloads without running anything: it takes the time that it is told to take,
 * fails when it is told to fail, and costs a few hundred bytes each, so that one agent can hold thousands.
 *
 * It is for trying out a cluster, and for the tests. What it does follows from its options, from the resource's id
 * and from the clock alone; a small file in the workload's directory lets it go on after the agent's restart. */
#ifndef AQ_DRIVERS_TEST_H
#define AQ_DRIVERS_TEST_H

#include "drivers/driver.h"

extern const struct driver_type test_driver_type;

#endif
