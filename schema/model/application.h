/* application: one request for a label, and its state. */
#ifndef AQ_SCHEMA_MODEL_APPLICATION_H
#define AQ_SCHEMA_MODEL_APPLICATION_H

#include "schema/model/amounts.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"
#include "schema/model/secret.h"
#include "schema/model/vote.h"

/* The allowed moves are one table in application.c; docs/architecture.md prints it. */
#define AQ_APPLICATION_STATUSES(W)                                                                                     \
    W(AQ_NEW, "NEW", "created; no node has room yet, the last try failed, or its node lost it")                        \
    W(AQ_ELECTED, "ELECTED", "a node was chosen and is starting it")                                                   \
    W(AQ_ALLOCATED, "ALLOCATED", "it runs")                                                                            \
    W(AQ_DEALLOCATE, "DEALLOCATE", "deallocated; its node is ending it")                                               \
    W(AQ_DEALLOCATED, "DEALLOCATED", "deallocated, and its node has ended it")                                         \
    W(AQ_RECALLED, "RECALLED", "deallocated before it was allocated")                                                  \
    W(AQ_ERRORED, "ERROR", "it failed; see the description")
AQ_DECLARE_WORDS(aq_application_status, AQ_APPLICATION_STATUSES)

enum { AQ_TRIES_MAX = 3, AQ_REMOVED_AT_ONCE = 512 /* finished applications */ };

bool aq_application_may_move(enum aq_application_status from, enum aq_application_status to);
bool aq_application_is_over(enum aq_application_status status); /* DEALLOCATED, RECALLED, ERROR */

/* A try that failed, and is not repeated on that node. */
/* clang-format off */
#define aq_try_fields(F, T)                                                                                            \
    F(T, node,       REF_NAME(node), 0,        "where")                                                                \
    F(T, definition, U64(0, 15),     0,        "definition, counted from 0")                                           \
    F(T, reason,     TEXT(0, 512),   AQ_LINES, "why it failed")
AQ_DECLARE(aq_try)
/* clang-format on */

/* A list of aq_try with one more, in `arena`. */
struct aq_list aq_tries_with(const struct aq_list *tries, const struct aq_try *failed, struct aq_arena *arena);

/* clang-format off */

#define aq_application_fields(F, T)                                                                                    \
    F(T, id,            U64(1, UINT64_MAX),            AQ_KEY | AQ_COLUMN,                                             \
      "number of the application, counted from 1")                                                                     \
    F(T, user,          REF_NAME(user),                AQ_COLUMN,          "user who created it")                      \
    F(T, label,         NAME(1, 64),                   AQ_COLUMN,          "name of the label")                        \
    F(T, version,       U64(1, UINT32_MAX),            AQ_COLUMN,          "version of the label")                     \
    F(T, label_id,      REF(label),                    0,                  "number of the label")                      \
    F(T, status,        ENUM(aq_application_status),   AQ_COLUMN,          "its state")                                \
    F(T, description,   TEXT(0, 4096),                 AQ_LINES,           "why it is in this state")                  \
    F(T, metadata,      DOCUMENT(65536),               0,                                                              \
      "given to the resource; overrides the label's")                                                                  \
    F(T, resource,      REF_OR_NONE(resource),         AQ_COLUMN,          "its resource")                             \
    F(T, node,          REF_NAME_OR_NONE(node),        AQ_COLUMN,                                                      \
      "node that the resource runs on, or ran on last")                                                                \
    F(T, tries,         LIST(aq_try, 0, AQ_TRIES_MAX), 0,                  "tries that failed")                        \
    F(T, round,         U64(0, UINT64_MAX),            0,                  "how many times nodes were asked")          \
    F(T, created_at,    TIME,                          AQ_COLUMN,          "when it was created")                      \
    F(T, changed_at,    TIME,                          0,                  "when its status last changed")             \
    F(T, ended_at,      TIME,                          0,                                                              \
      "when it came to DEALLOCATED, RECALLED or ERROR")                                                                \
    F(T, exit_status,   U64_OR_NONE(0, 255),           0,                                                              \
      "of its workload, as in a shell: 128 + n after signal n; none while there is none")                              \
    F(T, last_resource, U64_OR_NONE(1, INT64_MAX),     0,                                                              \
      "number of its last resource, also of one that is gone")                                                         \
    F(T, lifetime,      DURATION(0, AQ_LIFETIME_MAX),  0,                                                              \
      "it is deallocated after running this long; 0: as long as its label says")                                       \
    F(T, expires_at,    TIME,                          0,                  "when its lifetime is over, while it runs") \
    F(T, impossible,    BOOL,                          0,                                                              \
      "no node that has joined could ever take it; see the description")                                               \
    F(T, user_number,   U64(0, UINT64_MAX),            0,                  "number of the user who created it")        \
    F(T, project,       REF_NAME(project),             0,                  "project that it belongs to")               \
    F(T, arguments,     TEXTS(0, AQ_ARGUMENTS_MAX),    AQ_ARGUMENTS,                                                   \
      "command that it runs instead of its label's; none: the label's")                                                \
    F(T, sealed,        LIST(aq_boxed, 0, AQ_SECRETS_MAX), AQ_SECRET,     "its secrets, encrypted; none when it is over") \
    F(T, wrap,          RECORD(aq_wrap),               AQ_SECRET,          "key of them, encrypted")
AQ_DECLARE_ENTITY(application)

/* ---- commands ---- */
#define aq_application_create_fields(F, T)                                                                             \
    F(T, label,    REF_TEXT_OR_NONE(label),      0, "label that is wanted")                                            \
    F(T, version,  U64(0, UINT32_MAX),           0, "its version; 0: the latest")                                      \
    F(T, label_id, REF_OR_NONE(label),           0, "number of the label, instead of name and version")                \
    F(T, metadata, DOCUMENT(65536),              0, "given to the resource; overrides the label's")                    \
    F(T, lifetime, DURATION(0, AQ_LIFETIME_MAX), 0,                                                                    \
      "deallocated after running this long; 0: as long as the label says")                                             \
    F(T, project,  REF_NAME_OR_NONE(project),    0,                                                                    \
      "project that it belongs to; none: the only one in which its user may create any, else default")                 \
    F(T, arguments, TEXTS(0, AQ_ARGUMENTS_MAX),  AQ_ARGUMENTS,                                                         \
      "command to run instead of the label's, which must allow that; none: the label's")                               \
    F(T, secrets,  TEXTS(0, AQ_SECRETS_MAX),     0,                                                                    \
      "keys of metadata that must be secrets: it is refused if they are none for its label")                           \
    F(T, sealed,   LIST(aq_boxed, 0, AQ_SECRETS_MAX), AQ_INTERNAL | AQ_SECRET, "its secrets, encrypted")               \
    F(T, wrap,     RECORD(aq_wrap),              AQ_INTERNAL | AQ_SECRET, "key of them, encrypted")
AQ_DECLARE_COMMAND(application_create)

#define aq_application_deallocate_fields(F, T)                                                                         \
    F(T, id, REF(application), AQ_REQUIRED, "number of the application")
AQ_DECLARE_COMMAND(application_deallocate)

#define aq_application_extend_fields(F, T)                                                                             \
    F(T, id,       REF(application),             AQ_REQUIRED, "number of the application")                             \
    F(T, by,       DURATION(0, AQ_LIFETIME_MAX), 0,           "how much longer")                                       \
    F(T, lifetime, DURATION(0, AQ_LIFETIME_MAX), 0,           "how long from its start, instead of by")
AQ_DECLARE_COMMAND(application_extend)

#define aq_application_place_fields(F, T)                                                                              \
    F(T, id, REF(application), AQ_REQUIRED, "number of the application")
AQ_DECLARE_COMMAND(application_place) /* looks again for a node */

#define aq_application_remove_fields(F, T)                                                                             \
    F(T, id,           REF(application), AQ_REQUIRED, "number of the first one")                                       \
    F(T, applications, TEXT(1, 65536),   AQ_REQUIRED, "numbers of all, such as 1-3,7")
AQ_DECLARE_COMMAND(application_remove) /* finished ones leave the tables; the log keeps them */

#define aq_application_rewrap_fields(F, T)                                                                             \
    F(T, id,   REF(application), AQ_REQUIRED, "number of the application")                                             \
    F(T, from, NAME(1, 64),      AQ_REQUIRED, "epoch that wraps the key of its secrets until now")                     \
    F(T, wrap, RECORD(aq_wrap),  AQ_SECRET,   "the key, wrapped by another")
AQ_DECLARE_COMMAND(application_rewrap)

/* ---- events ---- */
#define aq_application_created_fields(F, T)                                                                            \
    F(T, id,       U64(1, UINT64_MAX),           0, "number of the application")                                       \
    F(T, label_id, REF(label),                   0, "number of the label")                                             \
    F(T, metadata, DOCUMENT(65536),              0, "its metadata")                                                    \
    F(T, lifetime, DURATION(0, AQ_LIFETIME_MAX), 0, "asked for; 0: as long as the label says")                         \
    F(T, project,  NAME(0, 64),                  0, "its project; none: default")                                      \
    F(T, arguments, TEXTS(0, AQ_ARGUMENTS_MAX),  AQ_ARGUMENTS, "command to run instead of the label's")                \
    F(T, sealed,   LIST(aq_boxed, 0, AQ_SECRETS_MAX), AQ_SECRET, "its secrets, encrypted")                             \
    F(T, wrap,     RECORD(aq_wrap),              AQ_SECRET, "key of them, encrypted")
AQ_DECLARE_EVENT(application_created) /* NEW */

#define aq_application_extended_fields(F, T)                                                                           \
    F(T, id,         REF(application),             0, "number of the application")                                     \
    F(T, lifetime,   DURATION(0, AQ_LIFETIME_MAX), 0, "its new lifetime, from its start")                              \
    F(T, expires_at, TIME,                         0, "when it is over; none: it has not started")
AQ_DECLARE_EVENT(application_extended)

#define aq_application_rewrapped_fields(F, T)                                                                          \
    F(T, id,   REF(application), 0,         "number of the application")                                               \
    F(T, wrap, RECORD(aq_wrap),  AQ_SECRET, "key of its secrets, encrypted for another epoch")
AQ_DECLARE_EVENT(application_rewrapped)

#define aq_application_elected_fields(F, T)                                                                            \
    F(T, id,         REF(application),               0, "number of the application")                                   \
    F(T, resource,   U64(1, UINT64_MAX),             0, "number of the new resource")                                  \
    F(T, node,       REF_NAME(node),                 0, "the node that was chosen")                                    \
    F(T, definition, U64(0, 15),                     0, "the definition that was chosen, counted from 0")              \
    F(T, groups,     LIST(aq_ballot_group, 0, 4096), 0, "nodes by their answers")
AQ_DECLARE_EVENT(application_elected) /* ELECTED, with a new resource */

#define aq_application_waiting_fields(F, T)                                                                            \
    F(T, id,         REF(application),               0,        "number of the application")                            \
    F(T, reason,     TEXT(0, 4096),                  AQ_LINES, "what it waits for")                                    \
    F(T, groups,     LIST(aq_ballot_group, 0, 4096), 0,        "nodes by their answers")                               \
    F(T, impossible, BOOL,                           0,        "no node that has joined could ever take it")
AQ_DECLARE_EVENT(application_waiting) /* stays NEW */

#define aq_application_moved_fields(F, T)                                                                              \
    F(T, id,          REF(application),            0,        "number of the application")                              \
    F(T, status,      ENUM(aq_application_status), 0,        "its new status")                                         \
    F(T, description, TEXT(0, 4096),               AQ_LINES, "why")
AQ_DECLARE_EVENT(application_moved)

/* Those of one user in one project. */
#define aq_removed_fields(F, T)                                                                                        \
    F(T, user_number,  U64(0, UINT64_MAX), 0, "number of the user")                                                    \
    F(T, project,      NAME(0, 64),        0, "the project")                                                           \
    F(T, applications, TEXT(1, 65536),     0, "numbers, such as 1-3,7")
AQ_DECLARE(aq_removed)

#define aq_application_removed_fields(F, T)                                                                            \
    F(T, applications, TEXT(1, 65536),                          0,         "numbers, such as 1-3,7")                   \
    F(T, owners,       LIST(aq_removed, 0, AQ_REMOVED_AT_ONCE), AQ_SECRET, "whose they were")
AQ_DECLARE_EVENT(application_removed) /* their rows, and all that is known of them; their numbers are never used again */

#endif
