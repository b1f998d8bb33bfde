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
    uint64_t lives, virtual_ms, requests, inner, answers, refusals, unknown, repeats, entries, events, messages, starts,
        restarts, kills, power_cuts, stops, failures, full_disks, jumps, pauses, agent_kills, lost_directories, copies,
        cuts, verified, turned, restored, reads, compared, followed, drained, shutdowns, quarantines, sealed, opened,
        rewrapped, epochs, lost_keyrings, leases_over, leases_ended;
};

/* Requests, reads and faults come in numbered steps. Each draws from a chance of its own, so the others stay as they
 * are when one is left out: that is how a life is shortened (shrink.h). */
enum sim_step { SIM_ASK, SIM_FAULT, SIM_READ, SIM_STEP_KINDS };
enum { SIM_STEPS_MAX = 8192, SIM_NAME_SIZE = 80 };

struct sim_skips {
    bool steps[SIM_STEP_KINDS][SIM_STEPS_MAX]; /* left out; by their number, from 1 */
};

/* What became of a life. It is in memory that is shared with the process that waits for it. */
struct sim_result {
    struct sim_totals totals;
    uint64_t steps[SIM_STEP_KINDS]; /* how many there were */
    char broken[SIM_NAME_SIZE];     /* the invariant that did not hold; empty: none */
};

struct sim {
    uint64_t seed;
    struct chance chance, outer;   /* `outer`: while a step draws from its own */
    struct chance bytes;           /* of libsodium's random bytes */
    const struct sim_skips *skips; /* NULL: nothing is left out */
    struct sim_result *result;
    bool quiet;                                /* says nothing when something is wrong */
    uint64_t now_ms;                           /* true time, since the life began */
    bool print;                                /* the trace, as it happens, */
    bool brief;                                /* without what happens all the time */
    uint64_t hash;                             /* of the trace */
    char lines[SIM_LINES_KEPT][SIM_LINE_SIZE]; /* its end, shown when something is wrong */
    uint64_t n_lines;
};

void sim_open(struct sim *sim, uint64_t seed, struct sim_result *result);

/* Begins the next step of its kind. False: it is left out, and draws only when the next one is due. */
bool sim_begin_step(struct sim *sim, enum sim_step kind);
void sim_end_step(struct sim *sim);

uint64_t sim_draw(struct sim *sim, uint64_t below);
uint64_t sim_between(struct sim *sim, uint64_t least, uint64_t most);
bool sim_happens(struct sim *sim, unsigned percent);
/* Mostly short, sometimes long: `typical` on average, at most 8 times that. */
uint64_t sim_wait(struct sim *sim, uint64_t typical);

/* Adds a line to the trace. Never paths, pointers or numbers of processes: they differ from run to run. */
void sim_say(struct sim *sim, const char *format, ...) AQ_PRINTF(2, 3);
void sim_say_routine(struct sim *sim, const char *format, ...) AQ_PRINTF(2, 3); /* what happens all the time */

/* An invariant does not hold: prints its name, the words, the end of the trace and how to see it all, and ends the
 * process. */
_Noreturn void sim_broken(struct sim *sim, const char *invariant, const char *format, ...) AQ_PRINTF(3, 4);

#endif
