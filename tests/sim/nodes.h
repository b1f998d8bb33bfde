/* The nodes: each a machine with an agent on it, the real one (agent/agent.h) with the driver `test` and a directory of
 * its own below nodes/. Agents are killed and started again, lose power, are held up, lose their directory; some never
 * come back. A host may be copied together with its directory: then two agents have one name and one instance. */
#ifndef AQ_TESTS_SIM_NODES_H
#define AQ_TESTS_SIM_NODES_H

#include "agent/agent.h"
#include "tests/sim/network.h"
#include "tests/sim/witness.h"

enum { NODES = 5, NODES_MAX = 9 /* with copies */ };

struct node {
    struct nodes *nodes;
    unsigned host; /* its number, in the network as well */
    struct machine machine;
    char directory[24]; /* the agent's `data` */
    char memory[24];    /* where it keeps secrets: gone with the power */
    struct aq_config_agent config;
    struct aq_arena arena; /* of config */
    const char *rack;      /* its identifier in config */
    struct agent *agent;   /* NULL: it does not run */
    bool joins;            /* its agent enrols by itself, with a join token (joins.h) */
    bool gone;             /* for good */
    bool off;              /* its agent shuts it down in this turn */
    bool doomed;           /* it dies in its next turn, or in one soon after */
    unsigned boots;
    uint64_t start_ms, turn_ms; /* when the agent starts; when its next turn is due */
};

struct joins;

struct nodes {
    struct sim *sim;
    struct network *network;
    struct witness *witness;
    struct joins *joins;
    const char *fingerprint;  /* of the cluster's authority, */
    const unsigned char *hub; /* and the hub's present public key; agents that do not join know both */
    struct node all[NODES_MAX];
    unsigned count;
};

/* What they work with is filled in. */
void nodes_open(struct nodes *nodes);
void nodes_free(struct nodes *nodes);

/* When the next thing happens to one of them: NEVER is possible. */
uint64_t nodes_due_ms(const struct nodes *nodes);
void nodes_act(struct nodes *nodes);                 /* it happens: a start, or a turn */
void nodes_wake(struct nodes *nodes, unsigned host); /* something has come for its agent */

/* The operator starts its agent, which runs, again. */
void node_restart(struct node *node);

struct node *nodes_draw(struct nodes *nodes); /* any that is not gone; NULL: all are */

/* Faults. */
void node_kill(struct node *node);
void node_doom(struct node *node); /* it is killed within a turn */
void node_cut_power(struct node *node);
void node_lose_directory(struct node *node);
void node_vanish(struct node *node); /* for good: its machine stops, and nothing says so */
void node_copy(struct node *node);   /* to a new host, unless there are too many */
void node_change_capacity(struct node *node);

#endif
