/* Deliveries: what agents must do, as answers to their POLLs. A delivery is made from the tables, so it always says
 * what is wanted now. */
#ifndef AQ_CONTROLLER_HUB_DELIVERIES_H
#define AQ_CONTROLLER_HUB_DELIVERIES_H

#include "controller/hub/base.h"
#include "controller/hub/fetches.h"

struct hub_deliveries {
    struct hub_base *base;
    struct hub_fetches *fetches;
};

/* POLL: takes the question, to be answered by the next delivery. */
void deliveries_poll(struct hub_deliveries *deliveries, struct hub_agent *agent, const struct hub_question *question,
                     const struct aq_poll *message);
/* Delivers to all agents that have an open POLL and something to hear. */
void deliveries_send(struct hub_deliveries *deliveries);
/* Answers the agent's POLL with nothing if it has waited long enough. */
void deliveries_expire_poll(struct hub_agent *agent, uint64_t now_ms);

#endif
