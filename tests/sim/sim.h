/* One life of a cluster on virtual time: its clock, its chance, its trace, and how it ends when something is wrong.
 * Everything that happens is drawn from the seed, so the same seed gives the same trace, byte for byte. */
#ifndef AQ_TESTS_SIM_SIM_H
#define AQ_TESTS_SIM_SIM_H

#include "schema/base/compiler.h"
#include "tests/lib/chance.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIM_LINE_SIZE = 400, SIM_LINES_KEPT = 40, SIM_BROKEN = 3 /* exit status */ };

/* What was done, over all lives. */
struct sim_totals {
    uint64_t lives, virtual_ms, requests, answers, refusals, unknown, repeats, entries, events, kills, power_cuts,
        stops, failures, full_disks, jumps, pauses, verified;
};

struct sim {
    uint64_t seed;
    struct chance chance;
    uint64_t now_ms;                           /* true time, since the life began */
    bool print;                                /* the trace, as it happens */
    uint64_t hash;                             /* of the trace */
    char lines[SIM_LINES_KEPT][SIM_LINE_SIZE]; /* its end, shown when something is wrong */
    uint64_t n_lines;
    struct sim_totals totals; /* of this life */
};

void sim_open(struct sim *sim, uint64_t seed, bool print);

uint64_t sim_draw(struct sim *sim, uint64_t below);
uint64_t sim_between(struct sim *sim, uint64_t least, uint64_t most);
bool sim_happens(struct sim *sim, unsigned percent);
/* Mostly short, sometimes long: `typical` on average, at most 8 times that. */
uint64_t sim_wait(struct sim *sim, uint64_t typical);

/* Adds a line to the trace. Never paths, pointers or numbers of processes: they differ from run to run. */
void sim_say(struct sim *sim, const char *format, ...) AQ_PRINTF(2, 3);

/* An invariant does not hold: prints its name, the words, the end of the trace and how to see it all, and ends the
 * process. */
_Noreturn void sim_broken(struct sim *sim, const char *invariant, const char *format, ...) AQ_PRINTF(3, 4);

#endif
