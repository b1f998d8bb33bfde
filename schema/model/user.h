/* user: an account of the cluster. It comes with a first token (token.h), and may have more.
 *
 * People know a user by its name, and the cluster by its number: a name that is free may be given again, and who has it
 * then inherits nothing. project gives the numbers, so that users of earlier logs have them, too. */
#ifndef AQ_SCHEMA_MODEL_USER_H
#define AQ_SCHEMA_MODEL_USER_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"
#include "schema/model/role.h"

enum { AQ_MEMBERSHIPS_OF_USER_MAX = 64 };

/* A copy of the membership, so that the user's row tells all that the user may do. */
/* clang-format off */
#define aq_user_membership_fields(F, T)                                                                                \
    F(T, project, REF_NAME(project), 0, "project in which the role holds")                                             \
    F(T, role,    REF_NAME(role),    0, "what the user may do in the project")                                         \
    F(T, id,      REF(membership),   0, "number of the membership")
AQ_DECLARE(aq_user_membership)

#define aq_user_fields(F, T)                                                                                           \
    F(T, name,             NAME(1, 64),            AQ_KEY | AQ_COLUMN, "login")                                        \
    F(T, role,             NAME(1, 64),            AQ_COLUMN,          "name of the role that says what the user may do") \
    F(T, max_applications, U64(0, 1000000000),     AQ_COLUMN,          "most applications open at once; 0: no limit")  \
    F(T, uid,              U64(0, 4294967294),     0,                                                                  \
      "number of the unix user that acts as this user in the file view; 0: none")                                      \
    F(T, created_at,       TIME,                   AQ_COLUMN,          "when it was created")                          \
    F(T, created_by,       REF_NAME_OR_NONE(user), 0,                  "user who created it")                         \
    F(T, number,           U64(1, UINT64_MAX),     0,                                                                  \
      "counted from 1; never given again, as a name may be")                                                           \
    F(T, first_token,      U64(0, UINT64_MAX),     0,                                                                  \
      "number of the token that it was created with, or that replaced that one; 0: it was deleted")                    \
    F(T, memberships,      LIST(aq_user_membership, 0, AQ_MEMBERSHIPS_OF_USER_MAX), 0,                                 \
      "roles that it has in single projects, by the project's name")
AQ_DECLARE_ENTITY(user)

/* ---- commands ---- */
#define aq_user_create_fields(F, T)                                                                                    \
    F(T, name,             NAME(1, 64),        AQ_REQUIRED,             "login")                                       \
    F(T, role,             REF_NAME_OR_NONE(role), 0,                                                                  \
      "name of the role that says what the user may do; none: user")                                                   \
    F(T, max_applications, U64(0, 1000000000), 0,                       "most applications open at once; 0: no limit") \
    F(T, uid,              U64(0, 4294967294), 0,                                                                      \
      "number of the unix user that acts as this user in the file view; 0: none")                                      \
    F(T, hash,             TEXT(0, 128),       AQ_INTERNAL | AQ_SECRET, "hash of the token")                           \
    F(T, project,          REF_NAME_OR_NONE(project), 0,                                                               \
      "the role holds in this project only; none: in all")
AQ_DECLARE_COMMAND(user_create)

#define aq_user_update_fields(F, T)                                                                                    \
    F(T, name,             NAME(1, 64),        AQ_REQUIRED, "login")                                                   \
    F(T, role,             REF_NAME(role),     AQ_REQUIRED, "name of the role that says what the user may do")         \
    F(T, max_applications, U64(0, 1000000000), AQ_REQUIRED, "most applications open at once; 0: no limit")
AQ_DECLARE_COMMAND(user_update)

#define aq_user_token_fields(F, T)                                                                                     \
    F(T, name, NAME(1, 64),  AQ_REQUIRED,             "login")                                                         \
    F(T, hash, TEXT(0, 128), AQ_INTERNAL | AQ_SECRET, "hash of the new token")
AQ_DECLARE_COMMAND(user_token)

#define aq_user_uid_fields(F, T)                                                                                       \
    F(T, name, NAME(1, 64),        AQ_REQUIRED, "login")                                                               \
    F(T, uid,  U64(0, 4294967294), AQ_REQUIRED, "number of the unix user; 0: none")
AQ_DECLARE_COMMAND(user_uid)

#define aq_user_delete_fields(F, T)                                                                                    \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "login")
AQ_DECLARE_COMMAND(user_delete)

/* ---- events ---- */
#define aq_user_created_fields(F, T)                                                                                   \
    F(T, name,             NAME(1, 64),        0,         "login")                                                     \
    F(T, role,             NAME(1, 64),        0,         "name of the role that says what the user may do")           \
    F(T, max_applications, U64(0, UINT64_MAX), 0,         "most applications open at once")                            \
    F(T, hash,             TEXT(0, 128),       AQ_SECRET, "hash of the token")
AQ_DECLARE_EVENT(user_created)

#define aq_user_updated_fields(F, T)                                                                                   \
    F(T, name,             NAME(1, 64),        0, "login")                                                             \
    F(T, role,             NAME(1, 64),        0, "name of the role that says what the user may do")                   \
    F(T, max_applications, U64(0, UINT64_MAX), 0, "most applications open at once")
AQ_DECLARE_EVENT(user_updated)

#define aq_user_token_changed_fields(F, T)                                                                             \
    F(T, name, NAME(1, 64),  0,         "login")                                                                       \
    F(T, hash, TEXT(0, 128), AQ_SECRET, "hash of the new token")
AQ_DECLARE_EVENT(user_token_changed)

#define aq_user_uid_set_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64),        0, "login")                                                                         \
    F(T, uid,  U64(0, UINT64_MAX), 0, "number of the unix user that acts as it in the file view; 0: none")
AQ_DECLARE_EVENT(user_uid_set)

#define aq_user_deleted_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64), 0, "login")
AQ_DECLARE_EVENT(user_deleted)
/* clang-format on */

#endif
