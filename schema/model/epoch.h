/* epoch: a time in which secrets are sealed under one key.
 *
 * The key is in the keyring of the controller (controller/secrets/keyring.h), and never in the log; the epoch is named
 * by its hash. The newest epoch is the open one: data keys of new rows are wrapped by its key. When another begins, the
 * data keys that are still needed are wrapped anew; then the old one ends, and its key is deleted, wherever it is. What
 * only that key could open, nobody can open from then on. */
#ifndef AQ_SCHEMA_MODEL_EPOCH_H
#define AQ_SCHEMA_MODEL_EPOCH_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

/* clang-format off */
#define aq_epoch_fields(F, T)                                                                                          \
    F(T, name,       NAME(1, 64),             AQ_KEY | AQ_COLUMN, "digest of its key")                                 \
    F(T, number,     U64(1, UINT64_MAX),      AQ_COLUMN,          "counted from 1")                                    \
    F(T, open,       BOOL,                    AQ_COLUMN,          "new secrets are sealed under it")                   \
    F(T, keys,       U64(0, UINT64_MAX),      AQ_COLUMN,                                                               \
      "how many applications and versions of labels have secrets under it")                                            \
    F(T, lost,       BOOL,                    AQ_COLUMN,          "its key is not in the keyring: those secrets cannot be read") \
    F(T, begun_at,   TIME,                    AQ_COLUMN,          "when it began")                                     \
    F(T, begun_by,   REF_NAME_OR_NONE(user),  0,                  "user who began it; none: the controller")
AQ_DECLARE_ENTITY(epoch)

/* ---- commands ---- */
#define aq_epoch_create_fields(F, T)                                                                                   \
    F(T, name, NAME(0, 64), AQ_INTERNAL, "digest of its key, which is in the keyring already")
AQ_DECLARE_COMMAND(epoch_create)

#define aq_epoch_finish_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "its name")
AQ_DECLARE_COMMAND(epoch_finish)

#define aq_epoch_lose_fields(F, T)                                                                                     \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "its name")                                                                   \
    F(T, lost, BOOL,        0,           "its key is not in the keyring")
AQ_DECLARE_COMMAND(epoch_lose)

/* ---- events ---- */
#define aq_epoch_begun_fields(F, T)                                                                                    \
    F(T, name, NAME(1, 64), 0, "digest of its key")
AQ_DECLARE_EVENT(epoch_begun)

#define aq_epoch_ended_fields(F, T)                                                                                    \
    F(T, name, NAME(1, 64), 0, "digest of its key, which is deleted")
AQ_DECLARE_EVENT(epoch_ended)

#define aq_epoch_lost_fields(F, T)                                                                                     \
    F(T, name, NAME(1, 64), 0, "digest of its key")                                                                    \
    F(T, lost, BOOL,        0, "it is not in the keyring; false: it is there again")
AQ_DECLARE_EVENT(epoch_lost)
/* clang-format on */

#endif
