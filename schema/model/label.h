/* label: an immutable, versioned recipe of what to run and what it needs. */
#ifndef AQ_SCHEMA_MODEL_LABEL_H
#define AQ_SCHEMA_MODEL_LABEL_H

#include "schema/model/amounts.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"
#include "schema/model/secret.h"
#include "schema/model/upkeep.h"

#include <jansson.h>

enum {
    AQ_DEFINITIONS_MAX = 16,
    AQ_LEASE_MIN_S = 10, /* nodes must have time to renew it */
};

#define AQ_DRAIN_POLICIES(W)                                                                                           \
    W(AQ_DRAIN_WAITS, "wait", "it goes on until it ends, or is deallocated")                                           \
    W(AQ_DRAIN_GIVES_BACK, "give_back", "it is deallocated")
AQ_DECLARE_WORDS(aq_drain_policy, AQ_DRAIN_POLICIES)

/* clang-format off */
#define aq_disk_fields(F, T)                                                                                           \
    F(T, name, NAME(1, 64),              AQ_REQUIRED, "name of the disk")                                              \
    F(T, size, SIZE(1, AQ_SIZE_MAX_MIB), AQ_REQUIRED, "its size")
AQ_DECLARE(aq_disk)

#define aq_needs_fields(F, T)                                                                                          \
    F(T, cpu,          CPU(0, AQ_CPU_MAX),           0, "processor cores; 0: not counted")                             \
    F(T, ram,          SIZE(0, AQ_SIZE_MAX_MIB),     0, "memory; 0: not counted")                                      \
    F(T, disks,        LIST(aq_disk, 0, 16),         0, "disks")                                                       \
    F(T, network,      TEXT(0, 64),                  0, "network to attach to; empty: the driver's preset")            \
    F(T, slots,        U64(0, AQ_SLOTS_MAX),         0, "slots that it takes on the node")                             \
    F(T, lifetime,     DURATION(0, AQ_LIFETIME_MAX), 0, "deallocated after this time; 0: never")                       \
    F(T, node_filter,  TEXTS(0, 16),                 0, "patterns such as os:linux or rack:a*: a node must match each") \
    F(T, restart_lost, BOOL,                         0,                                                                \
      "true: when its node has lost its state, it is started again, as a new resource; false: it then failed")         \
    F(T, drain,        ENUM(aq_drain_policy),        0, "what becomes of it when its node drains")                     \
    F(T, lease,        DURATION(0, AQ_LIFETIME_MAX), 0,                                                                \
      "how long it runs on when its node has lost touch with the cluster: then it is ended there, also without an "    \
      "agent; 0: it goes on")
AQ_DECLARE(aq_needs)

#define aq_authentication_fields(F, T)                                                                                 \
    F(T, username, TEXT(0, 64),   0, "user to log in as")                                                              \
    F(T, port,     U64(0, 65535), 0, "where to log in; 0: the driver's preset")                                        \
    F(T, password, TEXT(0, 1024), AQ_SEALED, "the user's password")                                                    \
    F(T, key,      TEXT(0, 16384), AQ_SEALED | AQ_LINES, "the user's private key, as OpenSSH writes it")
AQ_DECLARE(aq_authentication)

#define aq_image_login_fields(F, T)                                                                                    \
    F(T, username, TEXT(0, 255),  0, "user to log in as; none: as the node's owner has set up")                        \
    F(T, password, TEXT(0, 4096), AQ_SEALED, "the user's password or token")
AQ_DECLARE(aq_image_login)

#define aq_definition_fields(F, T)                                                                                     \
    F(T, driver,         NAME(1, 64),               AQ_REQUIRED, "driver that runs it")                                \
    F(T, options,        DOCUMENT(65536),           0,           "options of the driver")                              \
    F(T, resources,      RECORD(aq_needs),          0,           "what it needs from a node")                          \
    F(T, authentication, RECORD(aq_authentication), 0,           "how to log in to the workload")                      \
    AQ_RESTART_FIELDS(F, T)                                                                                            \
    F(T, health,         RECORD(aq_check),          0,           "how to see that it is healthy")                      \
    F(T, registry,       RECORD(aq_image_login),    0,           "login to the registry that has its image")
AQ_DECLARE(aq_definition)

#define aq_label_fields(F, T)                                                                                          \
    F(T, id,          U64(1, UINT64_MAX),                         AQ_KEY | AQ_COLUMN,                                  \
      "number of the label, counted from 1")                                                                           \
    F(T, name,        NAME(1, 64),                                AQ_COLUMN,          "name that applications use")    \
    F(T, version,     U64(1, UINT32_MAX),                         AQ_COLUMN,                                           \
      "counted from 1 for each name; if none is given, the latest is meant")                                           \
    F(T, definitions, LIST(aq_definition, 1, AQ_DEFINITIONS_MAX), 0,                                                   \
      "ways to run it, most preferred first")                                                                          \
    F(T, metadata,    DOCUMENT(65536),                            0,                                                   \
      "given to every resource of this label")                                                                         \
    F(T, created_at,  TIME,                                       AQ_COLUMN,          "when it was created")           \
    F(T, created_by,  REF_NAME_OR_NONE(user),                     AQ_COLUMN,          "user who created it")           \
    F(T, description, TEXT(0, 1024),                              AQ_LINES,           "what it is for")                \
    F(T, locked,      TEXTS(0, 64),                               0,                                                   \
      "keys of metadata that applications may not give; *: any key")                                                   \
    F(T, project,     REF_NAME_OR_NONE(project),                  AQ_COLUMN,          "project that it belongs to; none: all") \
    F(T, arguments,   BOOL,                                       0,                                                   \
      "applications may say which command it runs")                                                                    \
    F(T, secrets,     TEXTS(0, AQ_SECRETS_MAX),                   0,                                                   \
      "keys of metadata whose values are secrets, also those that applications give; *: any key")                      \
    F(T, remark,      TEXT(0, 1024),                              AQ_LINES,                                            \
      "what is to be known of it at present, such as that its secrets cannot be read")                                 \
    F(T, sealed,      LIST(aq_boxed, 0, AQ_SECRETS_MAX),         AQ_SECRET,          "its secrets, encrypted")         \
    F(T, wrap,        RECORD(aq_wrap),                            AQ_SECRET,          "key of them, encrypted")
AQ_DECLARE_ENTITY(label)

/* ---- commands ---- */
#define AQ_LABEL_CONTENT(F, T)                                                                                         \
    F(T, name,        NAME(1, 64),                                AQ_REQUIRED, "name that applications use")           \
    F(T, version,     U64(0, UINT32_MAX),                         0,           "0, or the number of the next version") \
    F(T, definitions, LIST(aq_definition, 1, AQ_DEFINITIONS_MAX), AQ_REQUIRED, "ways to run it, most preferred first") \
    F(T, metadata,    DOCUMENT(65536),                            0,                                                   \
      "given to every resource of this label")                                                                         \
    F(T, description, TEXT(0, 1024),                              AQ_LINES,    "what it is for")                       \
    F(T, locked,      TEXTS(0, 64),                               0,                                                   \
      "keys of metadata that applications may not give; *: any key")                                                   \
    F(T, project,     REF_NAME_OR_NONE(project),                  0,                                                   \
      "project that it belongs to; none: that of its latest version; of a new name, the only one in which its author " \
      "may create any, else all")                                                                                      \
    F(T, arguments,   BOOL,                                       0,                                                   \
      "applications may say which command it runs")                                                                    \
    F(T, secrets,     TEXTS(0, AQ_SECRETS_MAX),                   0,                                                   \
      "keys of metadata whose values are secrets, also those that applications give; *: any key")                      \
    F(T, sealed,      LIST(aq_boxed, 0, AQ_SECRETS_MAX),         AQ_INTERNAL | AQ_SECRET, "its secrets, encrypted")    \
    F(T, wrap,        RECORD(aq_wrap),                            AQ_INTERNAL | AQ_SECRET, "key of them, encrypted")   \
    F(T, before,      U64(0, UINT64_MAX),                         AQ_INTERNAL | AQ_SECRET,                             \
      "the latest version, with whose data key they can be compared; 0: there was none")

#define aq_label_create_fields(F, T) AQ_LABEL_CONTENT(F, T)
AQ_DECLARE_COMMAND(label_create)

#define aq_label_apply_fields(F, T) AQ_LABEL_CONTENT(F, T)
AQ_DECLARE_COMMAND(label_apply)

#define aq_label_delete_fields(F, T)                                                                                   \
    F(T, id, REF(label), AQ_REQUIRED, "number of the label")
AQ_DECLARE_COMMAND(label_delete)

#define aq_label_rewrap_fields(F, T)                                                                                   \
    F(T, id,   REF(label),      AQ_REQUIRED, "number of the label")                                                    \
    F(T, from, NAME(1, 64),     AQ_REQUIRED, "epoch that wraps the key of its secrets until now")                      \
    F(T, wrap, RECORD(aq_wrap), AQ_SECRET,   "the key, wrapped by another")
AQ_DECLARE_COMMAND(label_rewrap)

/* Older clients send {name, version, driver, definition, metadata}: turns that into a label with one definition.
 * `label` is changed in place when it has that form. */
int aq_label_from_flat(json_t *label, struct aq_error *error) AQ_MUST_CHECK;

/* ---- events ---- */
#define aq_label_created_fields(F, T)                                                                                  \
    F(T, id,          U64(1, UINT64_MAX),                         0, "number of the label")                            \
    F(T, name,        NAME(1, 64),                                0, "name that applications use")                     \
    F(T, version,     U64(1, UINT32_MAX),                         0, "its version")                                    \
    F(T, definitions, LIST(aq_definition, 1, AQ_DEFINITIONS_MAX), 0, "ways to run it, most preferred first")           \
    F(T, metadata,    DOCUMENT(65536),                            0, "given to every resource of this label")          \
    F(T, description, TEXT(0, 1024),                              AQ_LINES, "what it is for")                          \
    F(T, locked,      TEXTS(0, 64),                               0, "keys of metadata that applications may not give") \
    F(T, project,     NAME(0, 64),                                0, "project that it belongs to; none: all")          \
    F(T, arguments,   BOOL,                                       0, "applications may say which command it runs")     \
    F(T, secrets,     TEXTS(0, AQ_SECRETS_MAX),                   0, "keys of metadata whose values are secrets")      \
    F(T, sealed,      LIST(aq_boxed, 0, AQ_SECRETS_MAX),         AQ_SECRET, "its secrets, encrypted")                  \
    F(T, wrap,        RECORD(aq_wrap),                            AQ_SECRET, "key of them, encrypted")
AQ_DECLARE_EVENT(label_created)

#define aq_label_deleted_fields(F, T)                                                                                  \
    F(T, id,      REF(label),         0, "number of the label")                                                        \
    F(T, name,    NAME(0, 64),        0, "name that applications used; none: an earlier build did not say")            \
    F(T, version, U64(0, UINT32_MAX), 0, "its version")                                                                \
    F(T, project, NAME(0, 64),        0, "project that it belonged to; none: all")
AQ_DECLARE_EVENT(label_deleted)

#define aq_label_rewrapped_fields(F, T)                                                                                \
    F(T, id,   REF(label),      0,         "number of the label")                                                      \
    F(T, wrap, RECORD(aq_wrap), AQ_SECRET, "key of its secrets, encrypted for another epoch")
AQ_DECLARE_EVENT(label_rewrapped)
/* clang-format on */

/* What one resource of this definition takes from its node. */
struct aq_amounts aq_needs_amounts(const struct aq_needs *needs);

#endif
