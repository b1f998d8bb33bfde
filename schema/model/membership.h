/* membership: the role that a user has in one project. What it gives holds for the rows of that project, besides what
 * the user's own role gives in all of them (access.h). */
#ifndef AQ_SCHEMA_MODEL_MEMBERSHIP_H
#define AQ_SCHEMA_MODEL_MEMBERSHIP_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

/* clang-format off */
#define aq_membership_fields(F, T)                                                                                     \
    F(T, id,          U64(1, UINT64_MAX),     AQ_KEY | AQ_COLUMN, "number, counted from 1")                            \
    F(T, project,     REF_NAME(project),      AQ_COLUMN,          "project in which the role holds")                   \
    F(T, user,        REF_NAME(user),         AQ_COLUMN,          "user who has it")                                   \
    F(T, role,        REF_NAME(role),         AQ_COLUMN,          "what the user may do in the project")               \
    F(T, created_at,  TIME,                   AQ_COLUMN,          "when it was created")                               \
    F(T, created_by,  REF_NAME_OR_NONE(user), 0,                  "user who created it")                               \
    F(T, changed_at,  TIME,                   0,                  "when its role was set last")                        \
    F(T, user_number, U64(0, UINT64_MAX),     0,                  "number of its user")
AQ_DECLARE_ENTITY(membership)

/* ---- commands ---- */
#define aq_membership_create_fields(F, T)                                                                              \
    F(T, project, REF_NAME(project), AQ_REQUIRED, "project in which the role holds")                                   \
    F(T, user,    REF_NAME(user),    AQ_REQUIRED, "user who gets it")                                                  \
    F(T, role,    REF_NAME(role),    AQ_REQUIRED, "what the user may do in the project")
AQ_DECLARE_COMMAND(membership_create)

#define aq_membership_update_fields(F, T)                                                                              \
    F(T, id,   REF(membership), AQ_REQUIRED, "number of the membership")                                               \
    F(T, role, REF_NAME(role),  AQ_REQUIRED, "what the user may do in the project")
AQ_DECLARE_COMMAND(membership_update)

#define aq_membership_delete_fields(F, T)                                                                              \
    F(T, id, REF(membership), AQ_REQUIRED, "number of the membership")
AQ_DECLARE_COMMAND(membership_delete)

/* ---- events ---- */
#define aq_membership_created_fields(F, T)                                                                             \
    F(T, id,      U64(1, UINT64_MAX), 0, "number of the membership")                                                   \
    F(T, project, NAME(1, 64),        0, "project in which the role holds")                                            \
    F(T, user,    NAME(1, 64),        0, "user who has it")                                                            \
    F(T, role,    NAME(1, 64),        0, "what the user may do in the project")
AQ_DECLARE_EVENT(membership_created)

#define aq_membership_updated_fields(F, T)                                                                             \
    F(T, id,      U64(1, UINT64_MAX), 0, "number of the membership")                                                   \
    F(T, project, NAME(1, 64),        0, "project in which the role holds")                                            \
    F(T, user,    NAME(1, 64),        0, "user who has it")                                                            \
    F(T, role,    NAME(1, 64),        0, "what the user may do in the project from now on")
AQ_DECLARE_EVENT(membership_updated)

#define aq_membership_deleted_fields(F, T)                                                                             \
    F(T, id,      U64(1, UINT64_MAX), 0, "number of the membership")                                                   \
    F(T, project, NAME(1, 64),        0, "project in which the role held")                                             \
    F(T, user,    NAME(1, 64),        0, "user who had it")
AQ_DECLARE_EVENT(membership_deleted) /* a user or a project that is deleted takes its own along without it */
/* clang-format on */

#endif
