/* Judges the messages between agents and hub, as the network carries them: it knows what is in each sealed frame
 * (frames.h), which node has sealed it, and whether it came before.
 *
 * It knows which session of a node is the present one, by the WELCOMEs, and when something new was heard of its agent.
 */
#ifndef AQ_TESTS_SIM_MESSAGES_H
#define AQ_TESTS_SIM_MESSAGES_H

#include "tests/lib/identities.h"
#include "tests/sim/frames.h"
#include "tests/sim/network.h"
#include "tests/sim/nodes.h"
#include "tests/sim/requests.h"

enum { MESSAGES_ENDS = 2 };

/* What is known of a node's agent, by its name. */
struct message_node {
    char name[JUDGE_NAME];
    uint64_t session;  /* that the hub has begun in this life of its; 0: none */
    uint64_t beats;    /* highest number in this session */
    uint64_t noted;    /* the last report */
    uint64_t fresh_ms; /* when something came of it that is no recording, or an answer of the writer; 0: never */
    uint64_t waits;    /* the report that the hub has heard, and not answered; 0: none */
    uint64_t waits_since_ms;
};

struct message_seen {
    enum aq_message_type type;
    struct message_node *node;
    uint64_t session, number;
    uint64_t fresh_ms; /* of its node, before it came */
    uint64_t beats;    /* the same */
    bool old;          /* of a session that is over */
    bool repeated;     /* the frame came before */
    bool foreign;      /* what it says is about a node whose key its sender does not have */
    bool rivals;       /* HELLO: from another host, while the node was ACTIVE */
    unsigned enrols;   /* ENROL: with which key, by joins_asked(); 0: it is none */
};

struct messages {
    struct sim *sim;
    struct judge *judge;
    struct witness *witness;
    struct nodes *nodes;
    struct aq_arena arena;
    struct test_end ends[MESSAGES_ENDS]; /* of liars */
    struct message_node all[JUDGE_NODES_MAX];
    unsigned count;
    struct message_seen *seen; /* by the questions' ids, from 1 */
    size_t n_seen, seen_room;
    uint32_t polls[NODES_MAX]; /* numbers of the last POLL of each host; 0: it was answered */
    bool noted_before;         /* the question that the hub has taken is a report that it has noted before */
    uint64_t lost_after_ms, listens_since_ms, healthy_since_ms;
};

void messages_open(struct messages *messages, struct sim *sim, struct judge *judge, struct witness *witness,
                   struct nodes *nodes);
void messages_free(struct messages *messages);
struct network_watch messages_watch(struct messages *messages); /* without arrived() */

void messages_hub_starts(struct messages *messages, uint64_t lost_after_ms);
void messages_hub_turns(struct messages *messages, bool held_up);
/* The hub, or what the leader does by itself, gives a command to the writer. */
void messages_check_command(struct messages *messages, const struct writer_request *request);
/* Looks which nodes are silent, and which reports are not answered. Call it every second. `healthy`: nothing ails the
 * controller. */
void messages_look(struct messages *messages, bool healthy);

struct message_node *messages_node(struct messages *messages, const char *name);

#endif
