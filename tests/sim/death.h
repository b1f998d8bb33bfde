/* An agent may be killed within a turn: between what it writes, starts, ends and sends. From that moment on nothing
 * that it still does in this turn has an effect: the linker wraps what writes (agent/home.h), the driver and the
 * network ask here. After the turn its process is gone (nodes.c). */
#ifndef AQ_TESTS_SIM_DEATH_H
#define AQ_TESTS_SIM_DEATH_H

#include "tests/sim/sim.h"

/* A turn begins. `doomed`: it is the last one, if the agent does anything in it. */
void death_begin_turn(struct sim *sim, bool doomed);
bool death_has_come(void); /* the agent whose turn it is is dead */
void death_may_come(void); /* it has just done something */
bool death_end_turn(void); /* the turn has ended: was it the last one? */

#endif
