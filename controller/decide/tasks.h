/* What becomes of an application's tasks when something happens to it. */
#ifndef AQ_CONTROLLER_DECIDE_TASKS_H
#define AQ_CONTROLLER_DECIDE_TASKS_H

#include "controller/decide/decide.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"

/* The application is ALLOCATED now: begins its tasks for that. The resource is its resource, as it was before. */
void decide_tasks_allocated(struct decide *decide, const struct aq_resource *resource);

/* Deallocates an application that is NEW, ELECTED or ALLOCATED. A workload that runs is ended at once, or after the
 * last of its tasks: those that are under way, and those for DEALLOCATE, which begin now. */
void decide_give_back(struct decide *decide, const struct aq_application *application, const char *reason);

/* The same without waiting, also of one that is DEALLOCATE and waits: its tasks are cancelled. */
void decide_give_back_at_once(struct decide *decide, const struct aq_application *application, const char *reason);

/* How many of them are not over. */
unsigned decide_tasks_open(struct decide *decide, uint64_t application);

#endif
