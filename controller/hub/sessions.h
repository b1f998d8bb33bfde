/* Sessions: an agent's dialogue with the hub, from its HELLO until the next one, or until its node is deleted. A HELLO
 * becomes the command node_join; the session begins when that is committed.
 *
 * The number of a session is offered by the hub, and each offer is good for one HELLO. So a recorded HELLO begins
 * nothing. */
#ifndef AQ_CONTROLLER_HUB_SESSIONS_H
#define AQ_CONTROLLER_HUB_SESSIONS_H

#include "controller/hub/base.h"
#include "controller/hub/fetches.h"

struct hub_sessions {
    struct hub_base *base;
    struct hub_fetches *fetches;
    uint64_t *offers; /* by their lowest bits; 0: none, or taken */
    uint64_t last_offer;
};

void sessions_open(struct hub_sessions *sessions, struct hub_base *base, struct hub_fetches *fetches);
void sessions_close(struct hub_sessions *sessions);

/* HELLO. */
void sessions_hello(struct hub_sessions *sessions, struct hub_question *question, const struct aq_hello *message);

/* The agent of this session. NULL: there is none, and the question was refused. */
struct hub_agent *sessions_find(struct hub_sessions *sessions, struct hub_question *question, const char *name,
                                uint64_t session);

/* The node counts as lost, but its agent speaks: joins it again, with the HELLO of its session. */
void sessions_rejoin(struct hub_sessions *sessions, struct hub_agent *agent);

/* The node was deleted: its session ends, and `agent` is freed unless it is joining. */
void sessions_drop_node(struct hub_sessions *sessions, struct hub_agent *agent);

#endif
