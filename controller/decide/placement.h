/* Choosing a node for an application, and what several failed tries lead to. Shared by the commands of applications
 * and of resources. */
#ifndef AQ_CONTROLLER_DECIDE_PLACEMENT_H
#define AQ_CONTROLLER_DECIDE_PLACEMENT_H

#include "controller/decide/decide.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

/* Asks the nodes, within the quotas of the application's project and of its user there, and emits the outcome: elected,
 * waiting, or ERROR if there is nothing left to try. `tries` are those that failed. */
void decide_placement(struct decide *decide, const struct aq_application *application, const struct aq_label *label,
                      const struct aq_list *tries);

/* The label of an open application, which cannot have been deleted. */
struct aq_label decide_label_of(const struct decide *decide, const struct aq_application *application);

/* `outcome`, and each of the tries that led to it. In the arena. */
const char *decide_tries_text(const struct decide *decide, const char *outcome, const struct aq_list *tries);

#endif
