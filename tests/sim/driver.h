/* The drivers of the simulated agents: only `test`, wrapped, so that the witness sees what it does. This takes the
 * place of drivers/drivers.c. */
#ifndef AQ_TESTS_SIM_DRIVER_H
#define AQ_TESTS_SIM_DRIVER_H

#include "tests/sim/witness.h"

/* The agent that is opened next runs on this host. */
void driver_set_host(struct witness *witness, unsigned host);

#endif
