/* The memberships of users in projects, as events about them, and about users and projects, change them. */
#ifndef AQ_CONTROLLER_PROJECT_MEMBERSHIPS_H
#define AQ_CONTROLLER_PROJECT_MEMBERSHIPS_H

#include "controller/project/project.h"
#include "schema/model/membership.h"

struct aq_user;

/* Those of a user whose row goes. */
void project_remove_memberships(struct project *project, const struct aq_user *user);
/* Those in a project that goes. Changes the rows of its members. */
void project_remove_members(struct project *project, const char *name);

#endif
