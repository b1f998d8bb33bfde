/* A model of the network between agents and the controller: both ends of the wire, as a kind of uplink
 * (schema/wire/uplink.h) for agents and a kind of carrier (controller/hub/carrier.h) for the hub.
 *
 * It carries the real sealed bytes over connections, as TCP does, but worse: messages are delayed, so they overtake
 * each other; they are lost; they come twice. Questions are recorded, and come again at any later time, from an
 * unknown sender, also across sessions and restarts. Hosts are cut off, in both directions or in one. A connection ends
 * when one of its processes ends, but the other side may learn that late, or never. Agents connect again by themselves.
 *
 * Everything is due at some time (network_due_ms()), and is drawn from the life's chance. */
#ifndef AQ_TESTS_SIM_NETWORK_H
#define AQ_TESTS_SIM_NETWORK_H

#include "controller/hub/carrier.h"
#include "schema/base/memory.h"
#include "schema/wire/uplink.h"
#include "tests/sim/machine.h"

enum {
    NETWORK_HOSTS_MAX = 16,
    NETWORK_RECORDINGS = 256,
    /* Instead of a host's number: */
    NETWORK_CONTROLLER = NETWORK_HOSTS_MAX, /* where something arrives */
    NETWORK_UNKNOWN = NETWORK_HOSTS_MAX     /* from which something comes: no agent of this world has sent it */
};

/* A question, as it arrived at the controller. */
struct network_question {
    uint64_t id;         /* counted from 1 over the life */
    unsigned host;       /* of the agent that sent it first */
    uint64_t connection; /* on which it came */
    uint32_t number;     /* the asker's */
    bool recorded;       /* it is a recording: not its agent's to be answered */
};

/* Who sees each message at both ends. */
struct network_watch {
    void (*asked)(void *context, unsigned host, uint32_t number, const void *sealed,
                  size_t length); /* an agent sends it */
    void (*heard)(void *context, const struct network_question *question, const void *sealed, size_t length);
    void (*answered)(void *context, const struct network_question *question, const void *sealed, size_t length);
    void (*told)(void *context, unsigned host, uint32_t number, const void *sealed,
                 size_t length); /* an agent takes the answer */
    void *context;
};

/* Something has come for the agent of a host; for the controller, if it is NETWORK_CONTROLLER: a turn is due. */
typedef void network_arrived_fn(void *context, unsigned host);

struct network_message;
struct network_uplink;

struct network_host {
    bool cut_up, cut_down;         /* nothing gets from it to the controller; from there to it */
    struct network_uplink *uplink; /* of its agent; NULL: none runs */
};

struct network_connection {
    unsigned host;
    uint64_t opened_ms;
    bool hub_has, agent_has; /* the end is open, as far as it knows */
    bool admitted;
};

struct network {
    struct sim *sim;
    struct network_watch watch;
    network_arrived_fn *arrived;
    void *context; /* of arrived() */
    struct network_host hosts[NETWORK_HOSTS_MAX];
    struct network_connection *connections; /* by their number, from 1 */
    size_t n_connections, connections_room;
    struct network_question *questions; /* by their id, from 1 */
    size_t n_questions, questions_room;
    struct network_message **flying; /* a heap: the next one to arrive first */
    size_t n_flying, flying_room;
    struct network_message *inbox, **inbox_end; /* of the controller */
    struct network_message *taken;              /* by the hub: the last one */
    struct network_message *recordings[NETWORK_RECORDINGS];
    uint64_t n_recorded, order;
    struct hub_carrier carrier;
    bool listens;     /* the controller does */
    uint64_t unknown; /* the connection from which recordings come; 0: none */
    /* Of every message. */
    uint64_t delay_ms;
    unsigned lose_percent, repeat_percent;
};

void network_open(struct network *network, struct sim *sim, const struct network_watch *watch,
                  network_arrived_fn *arrived, void *context);
void network_free(struct network *network);

/* The controller's end: call it once for each of its processes. The carrier's close() ends all connections. */
struct hub_carrier *network_listen(struct network *network);
/* An agent's end; one for each host at a time. */
struct aq_uplink *network_uplink_open(struct network *network, unsigned host);
/* The host, or for NETWORK_CONTROLLER the controller's machine, loses power: what it sent last may not get through, and
 * nobody is told that connections have ended. Call it before its process is closed. */
void network_power_cut(struct network *network, unsigned host);

uint64_t network_due_ms(const struct network *network); /* NEVER: nothing is under way */
void network_pass(struct network *network);             /* what is due next arrives */

/* So many percent of the connections break, which both ends learn. */
void network_break_connections(struct network *network, unsigned percent);
/* Some of what was recorded comes again soon. */
void network_play_recordings(struct network *network, unsigned count);
/* A frame that somebody sends who is no agent: with the key, or not. */
void network_send_unknown(struct network *network, const void *sealed, size_t length);

#endif
