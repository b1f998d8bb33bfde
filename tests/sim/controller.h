/* The controller's process on its machine: killed, stopped and started. What runs in it is real: its tables as they are
 * opened at each start (controller/tables.h), and the turns of its writer. Nothing in it runs by itself: the world
 * gives each part a turn when one is due, and a crash comes between two turns, or in the midst of one. */
#ifndef AQ_TESTS_SIM_CONTROLLER_H
#define AQ_TESTS_SIM_CONTROLLER_H

#include "controller/hub/hub.h"
#include "controller/hub_identity.h"
#include "controller/react/react.h"
#include "controller/secrets/door.h"
#include "controller/settings/settings.h"
#include "schema/codec/entry.h"
#include "tests/sim/disk.h"
#include "tests/sim/machine.h"
#include "tests/sim/messages.h"
#include "tests/sim/network.h"
#include "tests/sim/requests.h"
#include "tests/sim/tables_file.h"

/* Its directory, below the working directory. */
#define CONTROLLER_DIRECTORY "controller"

enum { CONTROLLER_MAP_MIB = 256 };

struct controller {
    struct sim *sim;
    struct judge *judge;
    struct requests *requests;
    struct network *network;
    struct messages *messages;
    struct machine machine;
    struct disk disk;
    struct tables_file tables;
    struct aq_config_controller config;
    struct aq_arena arena;
    struct state *state;
    struct live *live;
    struct usage *usage;
    struct writer *writer; /* NULL: it does not run */
    struct hub *hub;
    struct react *react;
    struct keyring *keyring;
    struct door *door;
    struct authority *authority;       /* the cluster's */
    struct hub_identity identity;      /* the hub's */
    unsigned char given[AQ_HASH_SIZE]; /* of the entry that was given to the disk last */
    bool doomed;                       /* the next turn of the writer is the last one of this process */
    bool stops;                        /* it was told to, and ends what is under way */

    /* When what is next is due, in true time. */
    uint64_t start_ms, writer_ms, hub_ms, react_ms;
    uint64_t hub_turned_ms; /* when the hub last had a turn, on its steady clock */
};

/* What it works with. */
struct controller_surroundings {
    struct judge *judge;
    struct requests *requests;
    struct network *network;
    struct messages *messages;
};

void controller_open(struct controller *controller, const struct controller_surroundings *surroundings);
void controller_free(struct controller *controller);

void controller_start(struct controller *controller);
/* Turns of its parts. */
void controller_turn_writer(struct controller *controller);
void controller_turn_hub(struct controller *controller);
void controller_turn_react(struct controller *controller);
void controller_append_ends(struct controller *controller);
void controller_message_came(struct controller *controller);

/* Bits have turned in the log: whatever reads there must refuse and name the place. Then the operator puts back what
 * was there. False: the error is another one. */
bool controller_restored_log(struct controller *controller, const struct aq_error *error);

/* It leads, and everything that was asked has its answer. */
bool controller_leads(const struct controller *controller);

void controller_prove_tables(struct controller *controller);   /* they equal the replayed log */
void controller_compare_tables(struct controller *controller); /* they show what the judge knows */

/* Faults. Those with "process" are for a controller that runs. */
void controller_kill_process(struct controller *controller);
void controller_doom_process(struct controller *controller);
void controller_stop_process(struct controller *controller);
void controller_cut_power(struct controller *controller);
/* It is started anew without the keys of its keyring, or with those that were lost before. */
void controller_lose_keyring(struct controller *controller);
void controller_restore_keyring(struct controller *controller);
void controller_lose_hub_key(struct controller *controller); /* and its process is killed */

#endif
