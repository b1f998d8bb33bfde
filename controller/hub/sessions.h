/* A session is an agent's dialogue with the hub. It begins when the agent's HELLO is committed as the command
 * node_join, and ends with the next HELLO of another session, or when the node is deleted or its key revoked. The agent
 * chooses its number. It outlives the sealed sessions (seals.h) in which its messages come.
 *
 * What an agent says is about the node that has its key, and nothing else. */
#ifndef AQ_CONTROLLER_HUB_SESSIONS_H
#define AQ_CONTROLLER_HUB_SESSIONS_H

#include "controller/hub/base.h"
#include "controller/hub/execs.h"
#include "controller/hub/fetches.h"
#include "controller/hub/rivals.h"

struct hub_sessions {
    struct hub_base *base;
    struct hub_fetches *fetches;
    struct hub_execs *execs;
    struct hub_rivals rivals;
};

void sessions_open(struct hub_sessions *sessions, struct hub_base *base, struct hub_fetches *fetches,
                   struct hub_execs *execs);
void sessions_close(struct hub_sessions *sessions);

/* Handles HELLO. */
void sessions_hello(struct hub_sessions *sessions, struct hub_question *question, const struct aq_hello *message);

/* Finds the agent of this session. If there is none, refuses the question and returns NULL. */
struct hub_agent *sessions_find(struct hub_sessions *sessions, struct hub_question *question, const char *name,
                                uint64_t session);

/* Notes a sign of life of the session: a question that came from its agent. */
void sessions_note_alive(struct hub_sessions *sessions, struct hub_agent *agent, const struct hub_question *question);

/* Lets agents join that have waited to see whether another one of their name is alive. Call it in each turn. */
void sessions_admit_rivals(struct hub_sessions *sessions);

/* Joins a node again whose agent is alive although the node is LOST, with the HELLO of the session. */
void sessions_rejoin(struct hub_sessions *sessions, struct hub_agent *agent);

/* The node was deleted: ends its session, and frees `agent` unless it is joining. */
void sessions_drop_node(struct hub_sessions *sessions, struct hub_agent *agent);

#endif
