/* user: who may ask. Its token is shown once, when it is made; only an Argon2id hash of it is kept. */
#ifndef AQ_SCHEMA_MODEL_USER_H
#define AQ_SCHEMA_MODEL_USER_H

#include "schema/model/entity.h"

#define AQ_USER(F, T)                                                                                                  \
    F(T, name, NAME, AQ_KEY | AQ_COLUMN, 1, 64, NULL, "login; a unix user of this name acts as it in the file view")   \
    F(T, role, ENUM(aq_role), AQ_COLUMN, 0, 0, NULL, "what the user may do")                                           \
    F(T, max_applications, U64, AQ_COLUMN, 0, 1000000000, NULL, "most applications open at once; 0: no limit")         \
    F(T, hash, TEXT, AQ_SECRET, 0, 128, NULL, "Argon2id hash of the token")                                            \
    F(T, created_at, TIME, AQ_COLUMN, 0, UINT64_MAX, NULL, "when it was made")                                         \
    F(T, created_by, REF_NAME(user), 0, 0, 64, NULL, "who made it")
AQ_DECLARE(aq_user, AQ_USER)

/* ---- commands ---- */
#define AQ_USER_CREATE(F, T)                                                                                           \
    F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "login")                                                                \
    F(T, role, ENUM(aq_role), 0, 0, 0, NULL, "what the user may do")                                                   \
    F(T, max_applications, U64, 0, 0, 1000000000, NULL, "most applications open at once; 0: no limit")                 \
    F(T, hash, TEXT, AQ_INTERNAL | AQ_SECRET, 0, 128, NULL, "Argon2id hash of the token")
AQ_DECLARE(aq_user_create, AQ_USER_CREATE)
extern const struct aq_command aq_command_user_create;

#define AQ_USER_UPDATE(F, T)                                                                                           \
    F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "login")                                                                \
    F(T, role, ENUM(aq_role), AQ_REQUIRED, 0, 0, NULL, "what the user may do")                                         \
    F(T, max_applications, U64, AQ_REQUIRED, 0, 1000000000, NULL, "most applications open at once; 0: no limit")
AQ_DECLARE(aq_user_update, AQ_USER_UPDATE)
extern const struct aq_command aq_command_user_update;

#define AQ_USER_TOKEN(F, T)                                                                                            \
    F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "login")                                                                \
    F(T, hash, TEXT, AQ_INTERNAL | AQ_SECRET, 0, 128, NULL, "Argon2id hash of the new token")
AQ_DECLARE(aq_user_token, AQ_USER_TOKEN)
extern const struct aq_command aq_command_user_token;

#define AQ_USER_DELETE(F, T) F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "login")
AQ_DECLARE(aq_user_delete, AQ_USER_DELETE)
extern const struct aq_command aq_command_user_delete;

/* ---- events ---- */
#define AQ_USER_CREATED(F, T)                                                                                          \
    F(T, name, NAME, 0, 1, 64, NULL, "login")                                                                          \
    F(T, role, ENUM(aq_role), 0, 0, 0, NULL, "what the user may do")                                                   \
    F(T, max_applications, U64, 0, 0, UINT64_MAX, NULL, "most applications open at once")                              \
    F(T, hash, TEXT, AQ_SECRET, 0, 128, NULL, "Argon2id hash of the token")
AQ_DECLARE(aq_user_created, AQ_USER_CREATED)
extern const struct aq_event_type aq_event_user_created;

#define AQ_USER_UPDATED(F, T)                                                                                          \
    F(T, name, NAME, 0, 1, 64, NULL, "login")                                                                          \
    F(T, role, ENUM(aq_role), 0, 0, 0, NULL, "what the user may do")                                                   \
    F(T, max_applications, U64, 0, 0, UINT64_MAX, NULL, "most applications open at once")
AQ_DECLARE(aq_user_updated, AQ_USER_UPDATED)
extern const struct aq_event_type aq_event_user_updated;

#define AQ_USER_TOKEN_CHANGED(F, T)                                                                                    \
    F(T, name, NAME, 0, 1, 64, NULL, "login")                                                                          \
    F(T, hash, TEXT, AQ_SECRET, 0, 128, NULL, "Argon2id hash of the new token")
AQ_DECLARE(aq_user_token_changed, AQ_USER_TOKEN_CHANGED)
extern const struct aq_event_type aq_event_user_token_changed;

#define AQ_USER_DELETED(F, T) F(T, name, NAME, 0, 1, 64, NULL, "login")
AQ_DECLARE(aq_user_deleted, AQ_USER_DELETED)
extern const struct aq_event_type aq_event_user_deleted;

#endif
