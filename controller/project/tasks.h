/* Tasks leave the tables with their application. */
#ifndef AQ_CONTROLLER_PROJECT_TASKS_H
#define AQ_CONTROLLER_PROJECT_TASKS_H

#include "controller/project/project.h"

void project_remove_tasks(struct project *project, uint64_t application);

#endif
