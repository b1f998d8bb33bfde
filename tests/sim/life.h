/* One life in a process of its own, in a directory of its own, with an end to the patience: an abort, a sanitizer's
 * report or a life that hangs is found like anything else. */
#ifndef AQ_TESTS_SIM_LIFE_H
#define AQ_TESTS_SIM_LIFE_H

#include "tests/sim/sim.h"

#include <sys/types.h>

struct life {
    /* Filled by the caller. */
    uint64_t seed;
    bool brief;                    /* the trace, without what happens all the time */
    bool trace, hash, quiet;       /* print every step; print the hash of the trace; print nothing */
    const struct sim_skips *skips; /* NULL: none */

    struct sim_result *result; /* life_make() */
    char directory[64];
    pid_t pid; /* 0: it does not live */
};

void life_make(struct life *life); /* makes room for its result; life_begin() may be called again and again */
void life_begin(struct life *life);
/* Its process has ended with `status`, as wait() gives it. Returns whether something is wrong: result->broken. Unless
 * it is quiet, shows what the life wrote to standard error; if nothing is wrong, without the errors that its faults
 * bring about. A trace has it all at once. */
bool life_end(struct life *life, int status);

#endif
