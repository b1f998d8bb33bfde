/* Roles in projects, as several commands give them. */
#ifndef AQ_CONTROLLER_DECIDE_MEMBERSHIPS_H
#define AQ_CONTROLLER_DECIDE_MEMBERSHIPS_H

#include "controller/decide/decide.h"

/* Fails unless the author may give this role in the project. */
int decide_check_member(const struct decide *decide, const char *project, const char *role,
                        struct aq_error *error) AQ_MUST_CHECK;
/* Emits that the user, who has no role in the project yet, has this one. */
void decide_member(struct decide *decide, const char *project, const char *user, const char *role);

#endif
