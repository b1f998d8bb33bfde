/* Which epoch wraps the data keys of which rows. */
#ifndef AQ_CONTROLLER_PROJECT_SECRETS_H
#define AQ_CONTROLLER_PROJECT_SECRETS_H

#include "controller/project/project.h"
#include "schema/model/secret.h"

/* The row's secrets are sealed under this epoch from now on, or no longer. None: nothing is done. */
void project_hold_secrets(struct project *project, const struct aq_wrap *wrap, const struct aq_entity *entity,
                          uint64_t id);
void project_drop_secrets(struct project *project, const struct aq_wrap *wrap, const struct aq_entity *entity,
                          uint64_t id);

#endif
