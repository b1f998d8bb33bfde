/* What starts on a node, and checks there, lead to: it, or one label on it, comes into quarantine, or out of it. */
#ifndef AQ_CONTROLLER_DECIDE_QUARANTINE_H
#define AQ_CONTROLLER_DECIDE_QUARANTINE_H

#include "controller/decide/decide.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"

/* A start has failed. */
void quarantine_after_failure(struct decide *decide, const struct aq_resource *resource,
                              const struct aq_application *application, const char *reason);
/* A workload has started, or is healthy: ends what was not begun by hand. */
void quarantine_after_success(struct decide *decide, const struct aq_resource *resource);
/* Ends those whose time is over. */
void quarantine_tend(struct decide *decide, const struct aq_node *node);

#endif
