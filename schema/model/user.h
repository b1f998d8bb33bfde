/* user: an account of the cluster. Its token is shown once, when it is made; only an Argon2id hash of it is kept. */
#ifndef AQ_SCHEMA_MODEL_USER_H
#define AQ_SCHEMA_MODEL_USER_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

/* clang-format off */
#define aq_user_fields(F, T)                                                                                           \
    F(T, name,             NAME(1, 64),            AQ_KEY | AQ_COLUMN,                                                 \
      "login; a unix user of this name acts as this user in the file view")                                            \
    F(T, role,             ENUM(aq_role),          AQ_COLUMN,          "what the user may do")                         \
    F(T, max_applications, U64(0, 1000000000),     AQ_COLUMN,          "most applications open at once; 0: no limit")  \
    F(T, hash,             TEXT(0, 128),           AQ_SECRET,          "Argon2id hash of the token")                   \
    F(T, created_at,       TIME,                   AQ_COLUMN,          "when it was created")                          \
    F(T, created_by,       REF_NAME_OR_NONE(user), 0,                  "user who created it")
AQ_DECLARE_ENTITY(user)

/* ---- commands ---- */
#define aq_user_create_fields(F, T)                                                                                    \
    F(T, name,             NAME(1, 64),        AQ_REQUIRED,             "login")                                       \
    F(T, role,             ENUM(aq_role),      0,                       "what the user may do")                        \
    F(T, max_applications, U64(0, 1000000000), 0,                       "most applications open at once; 0: no limit") \
    F(T, hash,             TEXT(0, 128),       AQ_INTERNAL | AQ_SECRET, "Argon2id hash of the token")
AQ_DECLARE_COMMAND(user_create)

#define aq_user_update_fields(F, T)                                                                                    \
    F(T, name,             NAME(1, 64),        AQ_REQUIRED, "login")                                                   \
    F(T, role,             ENUM(aq_role),      AQ_REQUIRED, "what the user may do")                                    \
    F(T, max_applications, U64(0, 1000000000), AQ_REQUIRED, "most applications open at once; 0: no limit")
AQ_DECLARE_COMMAND(user_update)

#define aq_user_token_fields(F, T)                                                                                     \
    F(T, name, NAME(1, 64),  AQ_REQUIRED,             "login")                                                         \
    F(T, hash, TEXT(0, 128), AQ_INTERNAL | AQ_SECRET, "Argon2id hash of the new token")
AQ_DECLARE_COMMAND(user_token)

#define aq_user_delete_fields(F, T)                                                                                    \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "login")
AQ_DECLARE_COMMAND(user_delete)

/* ---- events ---- */
#define aq_user_created_fields(F, T)                                                                                   \
    F(T, name,             NAME(1, 64),        0,         "login")                                                     \
    F(T, role,             ENUM(aq_role),      0,         "what the user may do")                                      \
    F(T, max_applications, U64(0, UINT64_MAX), 0,         "most applications open at once")                            \
    F(T, hash,             TEXT(0, 128),       AQ_SECRET, "Argon2id hash of the token")
AQ_DECLARE_EVENT(user_created)

#define aq_user_updated_fields(F, T)                                                                                   \
    F(T, name,             NAME(1, 64),        0, "login")                                                             \
    F(T, role,             ENUM(aq_role),      0, "what the user may do")                                              \
    F(T, max_applications, U64(0, UINT64_MAX), 0, "most applications open at once")
AQ_DECLARE_EVENT(user_updated)

#define aq_user_token_changed_fields(F, T)                                                                             \
    F(T, name, NAME(1, 64),  0,         "login")                                                                       \
    F(T, hash, TEXT(0, 128), AQ_SECRET, "Argon2id hash of the new token")
AQ_DECLARE_EVENT(user_token_changed)

#define aq_user_deleted_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64), 0, "login")
AQ_DECLARE_EVENT(user_deleted)
/* clang-format on */

#endif
