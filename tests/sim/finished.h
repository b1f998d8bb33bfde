/* Judges which finished applications leave the tables, by the settings of keep.finished: the oldest ones beyond the
 * number, and those that are too old. */
#ifndef AQ_TESTS_SIM_FINISHED_H
#define AQ_TESTS_SIM_FINISHED_H

#include "tests/sim/controller.h"

/* The leader gives a command to the writer: of applications that it removes, each may leave. */
void finished_check_command(const struct controller *controller, const struct writer_request *request);

/* One that should have left by now; 0: there is none. What still holds a resource stays. */
uint64_t finished_find_late(const struct controller *controller);

#endif
