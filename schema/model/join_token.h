/* join_token: lets agents enrol, each with a key of its own (see node.h). Who makes it is shown its text once
 * (wire/join_text.h); only a hash of the secret in it is kept. */
#ifndef AQ_SCHEMA_MODEL_JOIN_TOKEN_H
#define AQ_SCHEMA_MODEL_JOIN_TOKEN_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

enum {
    AQ_JOIN_TTL = 3600,           /* seconds that a join token is valid, if nothing else is asked for */
    AQ_JOIN_TTL_MAX = 365 * 86400 /* seconds */
};

/* clang-format off */
#define aq_join_token_fields(F, T)                                                                                     \
    F(T, id,         U64(1, UINT64_MAX),     AQ_KEY | AQ_COLUMN, "number, counted from 1")                             \
    F(T, name,       TEXT(1, 64),            AQ_COLUMN,                                                                \
      "pattern of the nodes' names that it is for: * stands for any characters, ? for one")                            \
    F(T, replaces,   BOOL,                   AQ_COLUMN,          "it may also give a new key to a node that has one")  \
    F(T, uses,       U64(1, 1000000),        AQ_COLUMN,          "how many times it may be used")                      \
    F(T, used,       U64(0, 1000000),        AQ_COLUMN,          "how many times it has been used")                    \
    F(T, expires_at, TIME,                   AQ_COLUMN,          "when it stops being valid")                          \
    F(T, revoked_at, TIME,                   AQ_COLUMN,          "when it was revoked, if it was")                     \
    F(T, used_at,    TIME,                   0,                  "when it was last used")                              \
    F(T, hash,       TEXT(0, 128),           AQ_SECRET,          "hash of its secret")                                 \
    F(T, created_at, TIME,                   0,                  "when it was created")                                \
    F(T, created_by, REF_NAME_OR_NONE(user), AQ_COLUMN,          "user who created it")                                \
    F(T, created_by_number, U64(0, UINT64_MAX), 0, "number of that user")
AQ_DECLARE_ENTITY(join_token)

/* ---- commands ---- */
#define aq_join_token_create_fields(F, T)                                                                              \
    F(T, name,     TEXT(1, 64),                  AQ_REQUIRED,                                                          \
      "pattern of the nodes' names that it is for: * stands for any characters, ? for one")                            \
    F(T, ttl,      DURATION(0, AQ_JOIN_TTL_MAX), 0,                       "how long it is valid; 0: 1h")               \
    F(T, uses,     U64(0, 1000000),              0,                       "how many times it may be used; 0: once")    \
    F(T, replaces, BOOL,                         0,                                                                    \
      "it may also give a new key to a node that has one, such as a host that was installed anew")                     \
    F(T, hash,     TEXT(0, 128),                 AQ_INTERNAL | AQ_SECRET, "hash of its secret")
AQ_DECLARE_COMMAND(join_token_create)

#define aq_join_token_revoke_fields(F, T)                                                                              \
    F(T, id, U64(1, UINT64_MAX), AQ_REQUIRED, "number of the join token")
AQ_DECLARE_COMMAND(join_token_revoke)

/* ---- events ---- */
#define aq_join_token_created_fields(F, T)                                                                             \
    F(T, id,         U64(1, UINT64_MAX), 0,         "number of the join token")                                        \
    F(T, name,       TEXT(0, 64),        0,         "pattern of nodes' names")                                         \
    F(T, replaces,   BOOL,               0,         "it may give a new key to a node that has one")                    \
    F(T, uses,       U64(0, UINT64_MAX), 0,         "how many times it may be used")                                   \
    F(T, expires_at, TIME,               0,         "when it stops being valid")                                       \
    F(T, hash,       TEXT(0, 128),       AQ_SECRET, "hash of its secret")
AQ_DECLARE_EVENT(join_token_created)

#define aq_join_token_used_fields(F, T)                                                                                \
    F(T, id,   U64(1, UINT64_MAX), 0, "number of the join token")                                                      \
    F(T, node, NAME(1, 64),        0, "name of the node that enrolled with it")
AQ_DECLARE_EVENT(join_token_used)

#define aq_join_token_revoked_fields(F, T)                                                                             \
    F(T, id, U64(1, UINT64_MAX), 0, "number of the join token")
AQ_DECLARE_EVENT(join_token_revoked)

#define aq_join_token_removed_fields(F, T)                                                                             \
    F(T, id, U64(1, UINT64_MAX), 0, "number of the join token")
AQ_DECLARE_EVENT(join_token_removed)
/* clang-format on */

#endif
