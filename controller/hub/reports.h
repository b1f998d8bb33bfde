/* Reports tell what happened to the resources of a node; each becomes commands. The agent is answered with NOTED when
 * all are committed or refused for good. Without an answer it sends its report again. */
#ifndef AQ_CONTROLLER_HUB_REPORTS_H
#define AQ_CONTROLLER_HUB_REPORTS_H

#include "controller/hub/base.h"

/* Handles REPORT, except for its answers to fetches (`told`). */
void reports_take(struct hub_base *base, struct hub_agent *agent, struct hub_question *question,
                  const struct aq_report *message);

#endif
