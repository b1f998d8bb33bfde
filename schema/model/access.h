/* Who may do what: roles, and the owners of rows. REST, the file view, the hub and decide ask here, so that a user may
 * do the same, and is refused in the same words, on every way in. */
#ifndef AQ_SCHEMA_MODEL_ACCESS_H
#define AQ_SCHEMA_MODEL_ACCESS_H

#include "schema/model/command.h"

/* Fails with AQ_E_FORBIDDEN when `role` is less than `least`: "only admins may <action>; NAME is a user". */
int aq_access_check_role(enum aq_role least, const char *action, const char *user, enum aq_role role,
                         struct aq_error *error) AQ_MUST_CHECK;

/* Refuses a name that is not that of a user. Returns -1. */
int aq_access_refuse_unknown(const char *name, struct aq_error *error);

/* May the user do what is for `owner` and for admins? */
bool aq_access_is_allowed(const char *owner, const char *user, enum aq_role role);

/* The field that names the owner of the entity's rows; NULL: its rows have none, and every user may read them. */
const struct aq_field *aq_access_owner_field(const struct aq_entity *entity);

/* May the user read this row? */
bool aq_access_may_read(const struct aq_entity *entity, const void *row, const char *user, enum aq_role role);

#endif
