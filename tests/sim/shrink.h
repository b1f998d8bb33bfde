/* Shortens a life in which something is wrong: leaves out requests and faults, as many as possible, while the same
 * invariant breaks. */
#ifndef AQ_TESTS_SIM_SHRINK_H
#define AQ_TESTS_SIM_SHRINK_H

#include <stdint.h>

/* Prints the shortened life, step by step. */
void shrink(uint64_t seed);

#endif
