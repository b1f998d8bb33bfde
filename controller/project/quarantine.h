/* Starts that fail and succeed are counted for their node, and for their label there (schema/model/quarantine.h). */
#ifndef AQ_CONTROLLER_PROJECT_QUARANTINE_H
#define AQ_CONTROLLER_PROJECT_QUARANTINE_H

#include "controller/project/project.h"
#include "schema/model/resource.h"

void quarantine_count_failure(struct project *project, const struct aq_resource *resource);
void quarantine_count_success(struct project *project, const struct aq_resource *resource);

#endif
