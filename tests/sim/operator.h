/* The operator, who sees to it that the agents of nodes and the liars are enrolled: at first, and after their node was
 * deleted. */
#ifndef AQ_TESTS_SIM_OPERATOR_H
#define AQ_TESTS_SIM_OPERATOR_H

#include "tests/sim/clients.h"

/* Call it about every second. Asks for what is missing, if there is a writer. */
void operator_look(struct clients *clients, struct writer *writer);

#endif
