/* A world: one machine with a controller on it, its disk, its clocks, its clients, and faults.
 *
 * The controller is the real one: its tables as they are opened at each start (controller/tables.h), and the turns of
 * its writer. Nothing in it runs by itself: the world gives it a turn when one is due, and kills it between two turns.
 */
#ifndef AQ_TESTS_SIM_WORLD_H
#define AQ_TESTS_SIM_WORLD_H

#include "controller/settings/settings.h"
#include "tests/sim/actors.h"
#include "tests/sim/disk.h"

#define NEVER UINT64_MAX

struct world {
    struct sim *sim;
    struct disk disk;
    struct judge judge;
    struct deeds deeds;
    struct actors actors;

    /* The machine. */
    uint64_t booted_ms;    /* true time of its boot */
    int64_t wall_ahead_ms; /* of the wall clock, by jumps */
    int64_t drift_ppm;     /* how much faster the wall clock goes */

    /* The controller; its directory is the working directory. */
    struct aq_config_controller config;
    struct aq_arena arena;
    struct state *state;
    struct aq_buffer old_tables; /* their file at some moment since they were opened */
    bool tables_open;            /* they have not been closed with everything on disk */
    struct turns *turns;         /* NULL: it does not run */

    /* When what is next is due, in true time. */
    uint64_t turn_ms, ask_ms, fault_ms, start_ms, heal_ms, paused_until_ms;
    bool doomed;        /* the next turn is the last one of this process */
    uint64_t turns_now; /* taken at the present moment */
    bool quiet;         /* no more faults, no more new requests */
};

/* Lives a whole life, in the working directory, which is empty. Returns if nothing is wrong. */
void world_live(struct sim *sim);

#endif
