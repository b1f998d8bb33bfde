/* What the applications of a project hold together, kept in the project's row; and what those of each user hold of it,
 * kept in a counter (controller/state/counters.h). */
#ifndef AQ_CONTROLLER_PROJECT_QUOTA_H
#define AQ_CONTROLLER_PROJECT_QUOTA_H

#include "controller/project/project.h"
#include "schema/model/amounts.h"

/* Each changes the row of the project `name`, and the counter of the user in it. */
void quota_add_application(struct project *project, const char *name, uint64_t user_number);
void quota_close_application(struct project *project, const char *name, uint64_t user_number);
void quota_remove_application(struct project *project, const char *name); /* it leaves the tables */
void quota_hold(struct project *project, const char *name, uint64_t user_number, const struct aq_amounts *amounts);
void quota_free(struct project *project, const char *name, uint64_t user_number, const struct aq_amounts *amounts);

#endif
