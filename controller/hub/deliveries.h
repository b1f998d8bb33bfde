/* Deliveries tell agents what to do, as answers to their POLLs. A delivery is made from the tables, so it always says
 * what is wanted now. */
#ifndef AQ_CONTROLLER_HUB_DELIVERIES_H
#define AQ_CONTROLLER_HUB_DELIVERIES_H

#include "controller/hub/base.h"
#include "controller/hub/execs.h"
#include "controller/hub/fetches.h"

struct hub_deliveries {
    struct hub_base *base;
    struct hub_fetches *fetches;
    struct hub_execs *execs;
};

/* Handles POLL: keeps the question until there is something to deliver or it expires. */
void deliveries_poll(struct hub_deliveries *deliveries, struct hub_agent *agent, const struct hub_question *question,
                     const struct aq_poll *message);
/* Sends deliveries to the ready agents for which there is something. */
void deliveries_send(struct hub_deliveries *deliveries);
/* Answers the agent's POLL with an empty delivery if it has expired. */
void deliveries_expire_poll(struct hub_agent *agent, uint64_t now_ms);

#endif
