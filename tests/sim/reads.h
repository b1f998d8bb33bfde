/* Reads of rows, lists and views: what is asked, and whether the answer is what must be seen. */
#ifndef AQ_TESTS_SIM_READS_H
#define AQ_TESTS_SIM_READS_H

#include "tests/sim/readers.h"

/* One of the users reads something. The answer is compared now, or when it comes. */
void reads_act(struct readers *readers, const struct readers_login *login, const struct aq_clocks *now);

#endif
