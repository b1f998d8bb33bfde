/* Reports: what happened to an agent's resources becomes commands. The agent is answered, with NOTED, when all of them
 * are committed or refused for good; until then it sends its report again. */
#ifndef AQ_CONTROLLER_HUB_REPORTS_H
#define AQ_CONTROLLER_HUB_REPORTS_H

#include "controller/hub/base.h"

/* REPORT. Does not look at what it answers to fetches (`told`). */
void reports_take(struct hub_base *base, struct hub_agent *agent, struct hub_question *question,
                  const struct aq_report *message);

#endif
