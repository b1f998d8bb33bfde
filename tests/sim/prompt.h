/* What must come about soon, not only in the end, while nothing is wrong with the controller: react acts on what
 * happens, and does not wait for its sweep. */
#ifndef AQ_TESTS_SIM_PROMPT_H
#define AQ_TESTS_SIM_PROMPT_H

#include "tests/sim/controller.h"

/* Looks whether all is done that should be. `well`: the controller leads, runs, and has disk and room. */
void prompt_look(struct controller *controller, bool well);

#endif
