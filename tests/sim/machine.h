/* A machine: the controller's, or a node's. It has two clocks, of which neither is right: both drift, and the wall
 * clock jumps. True time is the simulator's (sim.h), and nothing that is tested ever sees it. */
#ifndef AQ_TESTS_SIM_MACHINE_H
#define AQ_TESTS_SIM_MACHINE_H

#include "schema/base/turn.h"
#include "tests/sim/sim.h"

#define NEVER UINT64_MAX

struct machine {
    char name[24];
    struct sim *sim;
    uint64_t booted_ms;           /* true time of its boot: the steady clock starts anew */
    int64_t steady_ppm, wall_ppm; /* how much faster its clocks go; the first is drawn at each boot */
    int64_t wall_ahead_ms;        /* of the wall clock, by jumps */
    uint64_t paused_until_ms;     /* its processes take no turns before; NEVER: they never come back */
};

void machine_open(struct machine *machine, struct sim *sim, const char *name);
void machine_boot(struct machine *machine); /* it was off; now it is on again */

struct aq_clocks machine_clocks(const struct machine *machine); /* now */
/* The true time at which its steady clock shows `steady_ms`: now at the earliest. UINT64_MAX: NEVER. */
uint64_t machine_true_ms(const struct machine *machine, uint64_t steady_ms);
/* When something that is due at a true time happens, since the machine may be paused. */
uint64_t machine_due(const struct machine *machine, uint64_t at_ms);

/* Faults. */
void machine_jump(struct machine *machine); /* the wall clock: by seconds or hours */
void machine_drift(struct machine *machine);
void machine_pause(struct machine *machine, uint64_t typical_ms);

#endif
