/* The keepers of workloads with a lease (drivers/keeper/): each is a process of its own on its host, which the agent's
 * death does not end. It reads the agent's lease file when the lease seems to be over, and ends its workload, on the
 * clock since the host's boot. A power cut ends keepers and what they keep. */
#ifndef AQ_TESTS_SIM_KEEPERS_H
#define AQ_TESTS_SIM_KEEPERS_H

#include "drivers/driver.h"
#include "tests/sim/nodes.h"

struct keeper {
    unsigned host;
    uint64_t resource, lease_ms, touched_ms;
    char lease_file[80], directory[120]; /* the latter is the driver's, of the workload */
    bool started;                        /* the driver said so */
    bool over;                           /* the lease is: the workload was ended, or not begun */
    bool told;                           /* to the agent */
};

struct keepers {
    struct sim *sim;
    struct witness *witness;
    struct nodes *nodes;
    struct keeper *all;
    size_t count, room;
};

void keepers_open(struct keepers *keepers, struct sim *sim, struct witness *witness, struct nodes *nodes);
void keepers_free(struct keepers *keepers);

/* One for a workload that is about to start. False: its lease is over already, so it does not start. */
bool keepers_begin(struct keepers *keepers, unsigned host, const struct driver_spec *spec);
/* Its workload has ended. */
void keepers_end(struct keepers *keepers, unsigned host, uint64_t resource);
struct keeper *keepers_find(const struct keepers *keepers, unsigned host, uint64_t resource); /* NULL: there is none */
/* One whose lease is over, which the agent does not know yet; NULL: there is none. */
struct keeper *keepers_untold(const struct keepers *keepers, unsigned host);

/* The next one that looks whether its lease is over; NEVER: none does. */
uint64_t keepers_due_ms(const struct keepers *keepers);
void keepers_act(struct keepers *keepers);

void keepers_power_cut(struct keepers *keepers, unsigned host);
void keepers_forget(struct keepers *keepers, unsigned host); /* the directory is gone, and all that was kept there */

#endif
