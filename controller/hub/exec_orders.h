/* Which sessions of commands are open (execs.h), and what their agents are to be told: in deliveries (deliveries.h),
 * until they have seen it. */
#ifndef AQ_CONTROLLER_HUB_EXEC_ORDERS_H
#define AQ_CONTROLLER_HUB_EXEC_ORDERS_H

#include "controller/hub/exec_session.h"
#include "controller/hub/execs.h"

/* NULL: there is none with this number. */
struct hub_session *execs_find(const struct hub_execs *execs, uint64_t number);
/* The agent of its node; NULL: the node was deleted. */
struct hub_agent *execs_agent(const struct hub_execs *execs, const struct hub_session *session);
/* Lets its agent have a delivery, if there is something to tell. */
void execs_mark_ready(struct hub_execs *execs, const struct hub_session *session);

/* Are there orders to deliver to the agent? */
bool execs_are_due(const struct hub_execs *execs, const struct hub_agent *agent);
/* Adds them to a delivery. They are allocated in the base's arena, or belong to the sessions. */
void execs_add_due(struct hub_execs *execs, const struct hub_agent *agent, struct aq_work *work);
/* The agent has seen delivery `seen`. What was sent in later ones is due again. */
void execs_seen(struct hub_execs *execs, const struct hub_agent *agent, uint64_t seen);

#endif
