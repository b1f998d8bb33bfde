/* What workloads write. The driver `test` writes nothing, so the world does it: each workload some lines when it is
 * started, when it runs, and when it ends. Each byte follows from the number of the resource and its position, so
 * whoever reads an output can be compared with that, whatever part of it is kept. */
#ifndef AQ_TESTS_SIM_OUTPUTS_H
#define AQ_TESTS_SIM_OUTPUTS_H

#include "tests/sim/witness.h"

/* Appends lines to the output in this directory, if it is there, as a new file. */
void outputs_write(struct witness *witness, const char *directory, uint64_t resource, unsigned lines);

/* The byte at this position. */
char outputs_byte(uint64_t resource, uint64_t position);

#endif
