/* Users who run commands in workloads, as a client of REST does it: each opens a session with the hub, has its start
 * written, starts it, and then sends input and takes output until it is told the end. Some end the session earlier, or
 * vanish.
 *
 * What they run is one of three programs, with the runner's name as the first argument: `say`
 * (drivers/test), `copy` and `wait` (programs.h). So what must come of it is known. */
#ifndef AQ_TESTS_SIM_RUNNERS_H
#define AQ_TESTS_SIM_RUNNERS_H

#include "tests/sim/controller.h"

struct runner;

struct runners {
    struct sim *sim;
    struct judge *judge;
    struct requests *requests;
    struct controller *controller;
    struct witness *witness;
    struct runner **all; /* by their numbers, from 1 */
    size_t count, room;
    unsigned waiting; /* calls of the hub */
    uint64_t run;     /* commands that have begun */
};

void runners_open(struct runners *runners, struct controller *controller, struct requests *requests,
                  struct witness *witness);
void runners_free(struct runners *runners);

/* Somebody wants to run a command. */
void runners_begin(struct runners *runners);

/* What drivers do. `name` is the command's second argument. Commands that no runner has begun, such as health checks,
 * are ignored. */
void runners_command_starts(struct runners *runners, unsigned host, uint64_t resource, const char *name);
void runners_command_ends(struct runners *runners, unsigned host, const char *name);
/* The host is gone for good: nobody sees any more what it runs. */
void runners_host_vanishes(struct runners *runners, unsigned host);

/* The number of a runner whose command still runs, or that waits for an answer; 0: there is none. */
uint64_t runners_unsettled(const struct runners *runners);

#endif
