/* token: lets its holder act as a user, or as less than that. Its text is shown once, when it is made; only a hash of
 * it is kept. A user has any number of them, each with a name.
 *
 * A token permits what its user's role gives, and no more than its own role and patterns; so it loses what its user
 * loses. It is never changed: a new one is made, and the old one deleted, which ends at once what was begun with it.
 * The first token of a user comes with the user (user.h); earlier builds knew only that one. */
#ifndef AQ_SCHEMA_MODEL_TOKEN_H
#define AQ_SCHEMA_MODEL_TOKEN_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

#define AQ_TOKEN_FIRST "first" /* name of the one that a user begins with */
enum {
    AQ_TOKENS_OF_USER_MAX = 256,
    AQ_TOKEN_TTL_MAX = 315360000 /* seconds: ten years */
};

/* clang-format off */
#define aq_token_fields(F, T)                                                                                          \
    F(T, id,          U64(1, UINT64_MAX),     AQ_KEY | AQ_COLUMN, "number, counted from 1")                            \
    F(T, user,        REF_NAME(user),         AQ_COLUMN,          "user as whom its holder acts")                      \
    F(T, name,        NAME(1, 64),            AQ_COLUMN,          "name of it, among those of the user")               \
    F(T, role,        NAME(0, 64),            AQ_COLUMN,                                                               \
      "it permits no more than this role; none: what its user may")                                                    \
    F(T, only,        TEXTS(0, 64),           AQ_COLUMN,                                                               \
      "it permits no more than these patterns, such as application.create; none: what its user may")                   \
    F(T, expires_at,  TIME,                   AQ_COLUMN,          "when it stops being valid, and is removed")         \
    F(T, hash,        TEXT(0, 128),           AQ_SECRET,          "hash of it")                                        \
    F(T, created_at,  TIME,                   AQ_COLUMN,          "when it was created")                               \
    F(T, created_by,  REF_NAME_OR_NONE(user), 0,                  "user who created it")                               \
    F(T, user_number, U64(0, UINT64_MAX),     0,                  "number of its user")                                \
    F(T, project,     REF_NAME_OR_NONE(project), AQ_COLUMN,       "it acts in this project only; none: everywhere")
AQ_DECLARE_ENTITY(token)

/* Kept in the live tables, never in the log; exact to a minute. */
#define aq_token_live_fields(F, T)                                                                                     \
    F(T, used_at, TIME,        0, "when it was used last, since the controller started")                               \
    F(T, address, TEXT(0, 64), 0, "from where")
AQ_DECLARE(aq_token_live)

/* ---- commands ---- */
#define aq_token_create_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64),                   AQ_REQUIRED, "name of it, among those of the user")                      \
    F(T, user, REF_NAME_OR_NONE(user),        0,           "user as whom its holder acts; none: who creates it")       \
    F(T, role, NAME(0, 64),                   0,           "it permits no more than this role")                        \
    F(T, only, TEXTS(0, 64),                  AQ_NARROWS,                                                              \
      "it permits no more than these patterns, such as application.create")                                            \
    F(T, ttl,  DURATION(0, AQ_TOKEN_TTL_MAX), 0,           "how long it is valid; 0: until it is deleted")             \
    F(T, hash, TEXT(0, 128),                  AQ_INTERNAL | AQ_SECRET, "hash of it")                                   \
    F(T, project, REF_NAME_OR_NONE(project),  0,                                                                       \
      "it acts in this project only, and its applications belong there; none: everywhere")
AQ_DECLARE_COMMAND(token_create)

#define aq_token_delete_fields(F, T)                                                                                   \
    F(T, id, U64(1, UINT64_MAX), AQ_REQUIRED, "number of the token")
AQ_DECLARE_COMMAND(token_delete)

#define aq_token_expire_fields(F, T)                                                                                   \
    F(T, id, U64(1, UINT64_MAX), AQ_REQUIRED, "number of the token")
AQ_DECLARE_COMMAND(token_expire)

/* ---- events ---- */
#define aq_token_created_fields(F, T)                                                                                  \
    F(T, id,         U64(1, UINT64_MAX), 0,         "number of the token")                                             \
    F(T, user,       NAME(1, 64),        0,         "user as whom its holder acts")                                    \
    F(T, name,       NAME(1, 64),        0,         "name of it, among those of the user")                             \
    F(T, role,       NAME(0, 64),        0,         "it permits no more than this role")                               \
    F(T, only,       TEXTS(0, 64),       0,         "it permits no more than these patterns")                          \
    F(T, expires_at, TIME,               0,         "when it stops being valid; none: never")                          \
    F(T, hash,       TEXT(0, 128),       AQ_SECRET, "hash of it")                                                      \
    F(T, project,    NAME(0, 64),        0,         "it acts in this project only; none: everywhere")
AQ_DECLARE_EVENT(token_created)

#define aq_token_deleted_fields(F, T)                                                                                  \
    F(T, id,          U64(1, UINT64_MAX), 0, "number of the token")                                                    \
    F(T, user,        NAME(0, 64),        0, "user whose token it was")                                                \
    F(T, user_number, U64(0, UINT64_MAX), 0, "number of that user")
AQ_DECLARE_EVENT(token_deleted)
/* clang-format on */

#endif
