/* Who asks: users, admins, agents, and what the controller does by itself. Each step makes one deed, or a few at once.
 *
 * Users and admins come in through the module for commands (schema/codec/command.h), as they do on every face. Agents
 * report about resources of the judge's model; now and then they lie: about another node's, or one that is gone. */
#ifndef AQ_TESTS_SIM_ACTORS_H
#define AQ_TESTS_SIM_ACTORS_H

#include "tests/sim/deeds.h"

struct actors {
    struct deeds *deeds;
    struct judge *judge;
    struct sim *sim;
    bool fat; /* applications have much metadata */
};

/* The next deed; it is not submitted yet. NULL: this actor had nothing to ask for. */
struct deed *actors_ask(struct actors *actors);

#endif
