/* What must hold some time after the last fault, when no client asks for anything: the cluster comes to rest, nodes and
 * log say the same, and nobody waits for what could be had. */
#ifndef AQ_TESTS_SIM_SETTLED_H
#define AQ_TESTS_SIM_SETTLED_H

#include <stdbool.h>

struct world;

/* What does not hold yet. */
struct unsettled {
    const char *invariant;
    char words[200];
};

/* Everything holds now. False: fills `unsettled` with the first that does not. */
bool settled(struct world *world, struct unsettled *unsettled);

#endif
