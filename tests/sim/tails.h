/* Those who read the output of workloads: they ask the hub, which asks the agents. There is none to read from the
 * driver `test`, so what counts is that each is told once, and in time. */
#ifndef AQ_TESTS_SIM_TAILS_H
#define AQ_TESTS_SIM_TAILS_H

#include "controller/hub/hub.h"
#include "tests/sim/judge.h"

struct tails {
    struct sim *sim;
    const struct judge *judge;
    uint64_t begun, waiting;
};

/* Asks for the output of any resource. `hub` NULL: the controller does not run. */
void tails_begin(struct tails *tails, struct hub *hub);

#endif
