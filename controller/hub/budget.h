/* How many handshakes the hub does for strangers: one costs the hub some hundred times what it costs to ask for it.
 * Each address may have some at once, and then so many in a second; all addresses together, more. Of IPv6, the first 64
 * bits count: one host may have all of the rest. A handshake by which an agent has enrolled is given back.
 *
 * Addresses share a table of fixed size; those that share a place in it share a budget. */
#ifndef AQ_CONTROLLER_HUB_BUDGET_H
#define AQ_CONTROLLER_HUB_BUDGET_H

#include "controller/hub/carrier.h"

enum {
    BUDGET_PLACES = 1024,
    BUDGET_AT_ONCE = 1024,     /* of one address, */
    BUDGET_PER_S = 100,        /* and how many come back in a second */
    BUDGET_ALL_AT_ONCE = 8192, /* of all */
    BUDGET_ALL_PER_S = 1000
};

/* Zeroed memory is a full one. */
struct budget_purse {
    uint32_t spent;
    uint64_t since_ms; /* what came back until then is counted */
};

struct hub_budget {
    unsigned char key[16]; /* so that nobody can choose who shares a place */
    struct budget_purse all, places[BUDGET_PLACES];
};

/* Takes one of `at_once` that may be spent at once, of which `per_s` come back in a second. False: there is nothing
 * left. */
bool budget_spend(struct budget_purse *purse, unsigned at_once, unsigned per_s, uint64_t now_ms);

void budget_open(struct hub_budget *budget);
/* False: there is nothing left. */
bool budget_take(struct hub_budget *budget, const struct hub_source *source, uint64_t now_ms);
void budget_give_back(struct hub_budget *budget, const struct hub_source *source);

#endif
