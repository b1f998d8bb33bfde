/* The leader's standing wishes: place what waits when there may be room, give back what has outlived its lifetime. Each
 * looks at the tables, and issues ordinary commands; nothing is kept, so that a new leader simply continues. One
 * thread. */
#ifndef AQ_CONTROLLER_REACT_REACT_H
#define AQ_CONTROLLER_REACT_REACT_H

#include "controller/state/state.h"
#include "controller/write/writer.h"

struct react;

/* To be called before the writer starts (it registers a watch). */
int react_start(struct react **react, struct writer *writer, struct state *state, struct aq_error *error) AQ_MUST_CHECK;
void react_stop(struct react *react); /* waits for what is under way; NULL is fine; the writer must still run */

#endif
