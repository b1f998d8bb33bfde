/* React's loop: a thread that gives it its turns on real time, and a bell that wakes it. */
#ifndef AQ_CONTROLLER_REACT_LOOP_H
#define AQ_CONTROLLER_REACT_LOOP_H

#include "controller/react/react.h"
#include "controller/write/loop.h"

struct react_loop;

/* Call it before writer_loop_start(), for it calls writer_loop_watch(). The loop sets writer, wake and context of the
 * options. */
int react_loop_start(struct react_loop **loop, struct writer_loop *writer, const struct react_options *options,
                     struct aq_error *error) AQ_MUST_CHECK;
/* Waits until its commands have their answers: the writer must still run. NULL is fine. */
void react_loop_stop(struct react_loop *loop);

#endif
