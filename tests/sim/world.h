/* A world: a controller, nodes with agents, a network between them, clients, and faults. What is due next in virtual
 * time happens next. */
#ifndef AQ_TESTS_SIM_WORLD_H
#define AQ_TESTS_SIM_WORLD_H

#include "tests/sim/clients.h"
#include "tests/sim/controller.h"
#include "tests/sim/faults.h"
#include "tests/sim/joins.h"
#include "tests/sim/keepers.h"
#include "tests/sim/readers.h"
#include "tests/sim/runners.h"
#include "tests/sim/tails.h"

struct world {
    struct sim *sim;
    struct judge judge;
    struct witness witness;
    struct messages messages;
    struct requests requests;
    struct network network;
    struct controller controller;
    struct nodes nodes;
    struct keepers keepers;
    struct joins joins;
    struct clients clients;
    struct tails tails;
    struct runners runners;
    struct readers readers;
    struct faults faults;
    uint64_t ask_ms, watch_ms; /* when a client asks next; when it is next seen whether nodes are silent */
    uint64_t turns_now;        /* taken at the present moment */
};

/* Lives a whole life, in the working directory, which is empty. Returns if nothing is wrong. */
void world_live(struct sim *sim);

#endif
