/* A session is an agent's dialogue with the hub. It begins when the agent's HELLO is committed as the command
 * node_join, and ends with the next HELLO or when the node is deleted.
 *
 * The hub chooses the number of a session and offers it to the agent; each offer is valid for one HELLO. So a recorded
 * HELLO cannot begin a session. */
#ifndef AQ_CONTROLLER_HUB_SESSIONS_H
#define AQ_CONTROLLER_HUB_SESSIONS_H

#include "controller/hub/base.h"
#include "controller/hub/fetches.h"
#include "controller/hub/rivals.h"

struct hub_sessions {
    struct hub_base *base;
    struct hub_fetches *fetches;
    struct hub_rivals rivals;
    uint64_t *offers; /* numbers that are offered; the lowest bits of a number are its index; 0: none */
    uint64_t last_offer;
};

void sessions_open(struct hub_sessions *sessions, struct hub_base *base, struct hub_fetches *fetches);
void sessions_close(struct hub_sessions *sessions);

/* Handles HELLO. */
void sessions_hello(struct hub_sessions *sessions, struct hub_question *question, const struct aq_hello *message);

/* Finds the agent of this session. If there is none, refuses the question and returns NULL. */
struct hub_agent *sessions_find(struct hub_sessions *sessions, struct hub_question *question, const char *name,
                                uint64_t session);

/* Notes a sign of life of the session: a question that came from its agent. `fresh`: it cannot be a recording. */
void sessions_note_alive(struct hub_sessions *sessions, struct hub_agent *agent, const struct hub_question *question,
                         bool fresh);

/* Lets agents join that have waited to see whether another one of their name is alive. Call it in each turn. */
void sessions_admit_rivals(struct hub_sessions *sessions);

/* Joins a node again whose agent is alive although the node is LOST, with the HELLO of the session. */
void sessions_rejoin(struct hub_sessions *sessions, struct hub_agent *agent);

/* The node was deleted: ends its session, and frees `agent` unless it is joining. */
void sessions_drop_node(struct hub_sessions *sessions, struct hub_agent *agent);

#endif
