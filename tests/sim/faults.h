/* Faults: one table of them, with weights. Each is a numbered step (sim.h), so it can be left out. */
#ifndef AQ_TESTS_SIM_FAULTS_H
#define AQ_TESTS_SIM_FAULTS_H

#include <stdint.h>

struct world;

struct faults {
    uint64_t next_ms; /* when the next one happens */
    uint64_t heal_ms; /* when what ails disk and network is over; NEVER: nothing does */
};

void faults_open(struct world *world);
void faults_happen(struct world *world); /* the next one */
void faults_heal(struct world *world);   /* disk and network */
void faults_end(struct world *world);    /* there are no more, and what does not heal by itself is healed */

#endif
