/* role: a named list of what its holders may do. Five are built in: always there, and never changed. */
#ifndef AQ_SCHEMA_MODEL_ROLE_H
#define AQ_SCHEMA_MODEL_ROLE_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

/* The built-in ones. */
#define AQ_ROLE_ADMIN    "admin"
#define AQ_ROLE_OPERATOR "operator"
#define AQ_ROLE_USER     "user"
#define AQ_ROLE_VIEWER   "viewer"
#define AQ_ROLE_MEMBER   "member" /* nothing but what everybody may: for those with roles in single projects */

/* clang-format off */
#define aq_role_fields(F, T)                                                                                           \
    F(T, name,        NAME(1, 64),             AQ_KEY | AQ_COLUMN, "name that users get it by")                        \
    F(T, may,         TEXTS(0, 64),            AQ_COLUMN,                                                              \
      "what it permits: patterns such as label.* or application.deallocate:own")                                       \
    F(T, description, TEXT(0, 1024),           AQ_LINES,           "what it is for")                                   \
    F(T, built_in,    BOOL,                    AQ_COLUMN,          "it is always there, and cannot be changed")        \
    F(T, created_at,  TIME,                    AQ_COLUMN,          "when it was created")                              \
    F(T, created_by,  REF_NAME_OR_NONE(user),  0,                  "user who created it")                              \
    F(T, changed_at,  TIME,                    0,                  "when it was changed last")
AQ_DECLARE_ENTITY(role)

/* ---- commands ---- */
#define AQ_ROLE_CONTENT(F, T)                                                                                          \
    F(T, name,        NAME(1, 64),   AQ_REQUIRED, "name that users get it by")                                         \
    F(T, may,         TEXTS(1, 64),  AQ_REQUIRED,                                                                      \
      "what it permits: patterns such as label.* or application.deallocate:own")                                       \
    F(T, description, TEXT(0, 1024), AQ_LINES,    "what it is for")

#define aq_role_create_fields(F, T) AQ_ROLE_CONTENT(F, T)
AQ_DECLARE_COMMAND(role_create)

#define aq_role_update_fields(F, T) AQ_ROLE_CONTENT(F, T)
AQ_DECLARE_COMMAND(role_update)

#define aq_role_delete_fields(F, T)                                                                                    \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "name of the role")
AQ_DECLARE_COMMAND(role_delete)

/* ---- events ---- */
#define aq_role_created_fields(F, T)                                                                                   \
    F(T, name,        NAME(1, 64),   0,        "name of the role")                                                     \
    F(T, may,         TEXTS(1, 64),  0,        "what it permits")                                                      \
    F(T, description, TEXT(0, 1024), AQ_LINES, "what it is for")
AQ_DECLARE_EVENT(role_created)

#define aq_role_updated_fields(F, T)                                                                                   \
    F(T, name,        NAME(1, 64),   0,        "name of the role")                                                     \
    F(T, may,         TEXTS(1, 64),  0,        "what it permits")                                                      \
    F(T, description, TEXT(0, 1024), AQ_LINES, "what it is for")
AQ_DECLARE_EVENT(role_updated)

#define aq_role_deleted_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64), 0, "name of the role")
AQ_DECLARE_EVENT(role_deleted)
/* clang-format on */

/* Is the role built in now, but was not in every earlier build? A log may have a role of this name that users made: it
 * stays as they made it. */
bool aq_role_may_be_older(const char *name);

/* The built-in role of this name; NULL: there is none. Its record is the row that the tables have from the start. */
const struct aq_role *aq_role_built_in(const char *name);
const struct aq_role *aq_role_built_in_at(size_t index); /* NULL after the last */

#endif
