/* Who may do what: roles, and the owners of rows. REST, the file view, the hub and decide all use these checks, so
 * that a user has the same rights, and gets the same refusals, on every face. */
#ifndef AQ_SCHEMA_MODEL_ACCESS_H
#define AQ_SCHEMA_MODEL_ACCESS_H

#include "schema/model/command.h"

/* Fails with AQ_E_FORBIDDEN when `role` is less than `least`: "only admins may <action>; NAME is a user". */
int aq_access_check_role(enum aq_role least, const char *action, const char *user, enum aq_role role,
                         struct aq_error *error) AQ_MUST_CHECK;

/* Fails with AQ_E_FORBIDDEN: "eve is not a user of this cluster". Returns -1. */
int aq_access_refuse_unknown(const char *name, struct aq_error *error);

/* Is the user the owner, or an admin? */
bool aq_access_is_allowed(const char *owner, const char *user, enum aq_role role);

/* The field that names the owner of a row; NULL: rows of this entity have no owner, and every user may read them. */
const struct aq_field *aq_access_owner_field(const struct aq_entity *entity);

/* May the user read this row? */
bool aq_access_may_read(const struct aq_entity *entity, const void *row, const char *user, enum aq_role role);

#endif
