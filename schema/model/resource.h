/* resource: what an application was given: a workload on a node. Its row lives as long as it holds capacity. */
#ifndef AQ_SCHEMA_MODEL_RESOURCE_H
#define AQ_SCHEMA_MODEL_RESOURCE_H

#include "schema/model/amounts.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"
#include "schema/model/exec.h"
#include "schema/model/upkeep.h"
#include "schema/model/usage.h"

#define AQ_RESOURCE_STATUSES(W)                                                                                        \
    W(AQ_RESOURCE_ASSIGNED, "ASSIGNED", "its node must start it")                                                      \
    W(AQ_RESOURCE_RUNNING, "RUNNING", "it runs")                                                                       \
    W(AQ_RESOURCE_STOPPING, "STOPPING", "its node must end it")
AQ_DECLARE_WORDS(aq_resource_status, AQ_RESOURCE_STATUSES)

/* clang-format off */
#define aq_resource_fields(F, T)                                                                                       \
    F(T, id,          U64(1, UINT64_MAX),           AQ_KEY | AQ_COLUMN,                                                \
      "number of the resource, counted from 1, never reused")                                                          \
    F(T, application, REF(application),             AQ_COLUMN,          "its application")                             \
    F(T, user,        REF_NAME(user),               AQ_COLUMN,          "user whose application it is")                \
    F(T, label_id,    REF(label),                   0,                  "its label")                                   \
    F(T, definition,  U64(0, 15),                   0,                  "definition of the label, counted from 0")     \
    F(T, node,        REF_NAME(node),               AQ_COLUMN,          "node that it runs on")                        \
    F(T, driver,      NAME(1, 64),                  AQ_COLUMN,          "driver that runs it")                         \
    F(T, status,      ENUM(aq_resource_status),     AQ_COLUMN,          "its state")                                   \
    F(T, identifier,  TEXT(0, 256),                 AQ_COLUMN,          "the driver's own name for it")                \
    F(T, ip_addr,     TEXT(0, 64),                  AQ_COLUMN,          "its address, if it has one of its own")       \
    F(T, hw_addr,     TEXT(0, 64),                  0,                                                                 \
      "its hardware address, if it has one of its own")                                                                \
    F(T, metadata,    DOCUMENT(131072),             0,                  "merged metadata of label and application")    \
    F(T, amounts,     RECORD(aq_amounts),           0,                  "amounts that it holds on its node")           \
    F(T, lifetime,    DURATION(0, AQ_LIFETIME_MAX), 0,                  "deallocated after this time; 0: never")       \
    F(T, created_at,  TIME,                         AQ_COLUMN,          "when the node was chosen")                    \
    F(T, started_at,  TIME,                         0,                  "when its workload started")                   \
    F(T, expires_at,  TIME,                         0,                  "when its lifetime is over")                   \
    F(T, previous,    U64(0, UINT64_MAX),           AQ_SECRET,                                                         \
      "the resource that its application had before; 0: none")                                                         \
    F(T, instance,    U64(0, UINT64_MAX),           AQ_SECRET,          "the node's instance when it was chosen")      \
    F(T, user_number, U64(0, UINT64_MAX),           0,                  "number of that user")                         \
    F(T, project,     REF_NAME(project),            0,                  "project of its application")                  \
    F(T, restarts,    U64(0, UINT64_MAX),           AQ_COLUMN,          "how often its workload was started again")    \
    F(T, restarted,   TEXT(0, 512),                 AQ_LINES,           "why, the last time")                          \
    F(T, health,      ENUM(aq_health),              AQ_COLUMN,          "what its health checks say")                  \
    F(T, checked,     TEXT(0, 512),                 AQ_LINES,           "what the check said that decided")            \
    F(T, lease,       DURATION(0, AQ_LIFETIME_MAX), 0,                                                                 \
      "how long it goes on when its node has lost touch with the cluster; 0: without a bound")
AQ_DECLARE_ENTITY(resource)

/* What is kept of a resource that is gone, so that its log is found. Removed with its application. */
#define aq_ended_fields(F, T)                                                                                          \
    F(T, application, REF(application),   0, "whose it was")                                                           \
    F(T, user,        REF_NAME(user),     0, "who may read its log")                                                   \
    F(T, node,        REF_NAME(node),     0, "where its log is")                                                       \
    F(T, log_bytes,   U64(0, UINT64_MAX), 0, "how much of its log was kept at its end")                                \
    F(T, previous,    U64(0, UINT64_MAX), 0, "the resource that its application had before; 0: none")                  \
    F(T, user_number, U64(0, UINT64_MAX), 0, "number of that user")
AQ_DECLARE(aq_ended)

/* ---- commands: what agents report, and what time brings ---- */
#define aq_resource_start_fields(F, T)                                                                                 \
    F(T, id,         REF(resource),  AQ_REQUIRED, "number of the resource")                                            \
    F(T, node,       REF_NAME(node), AQ_REQUIRED, "node that reports it")                                              \
    F(T, identifier, TEXT(0, 256),   0,           "the driver's own name for it")                                      \
    F(T, ip_addr,    TEXT(0, 64),    0,           "its address")                                                       \
    F(T, hw_addr,    TEXT(0, 64),    0,           "its hardware address")
AQ_DECLARE_COMMAND(resource_start)

#define aq_resource_fail_fields(F, T)                                                                                  \
    F(T, id,        REF(resource),      AQ_REQUIRED, "number of the resource")                                         \
    F(T, node,      REF_NAME(node),     AQ_REQUIRED, "node that reports it")                                           \
    F(T, reason,    TEXT(0, 512),       AQ_LINES,    "why it could not be started")                                    \
    F(T, log_bytes, U64(0, UINT64_MAX), 0,           "how much of its log is kept")
AQ_DECLARE_COMMAND(resource_fail)

#define aq_resource_end_fields(F, T)                                                                                   \
    F(T, id,          REF(resource),      AQ_REQUIRED, "number of the resource")                                       \
    F(T, node,        REF_NAME(node),     AQ_REQUIRED, "node that reports it")                                         \
    F(T, exit_status, U64(0, 255),        0,           "as in a shell: 128 + n if signal n ended it")                  \
    F(T, reason,      TEXT(0, 512),       AQ_LINES,    "how it ended")                                                 \
    F(T, unknown,     BOOL,               0,           "it has no exit status, or none that is known")                 \
    F(T, log_bytes,   U64(0, UINT64_MAX), 0,           "how much of its log is kept")
AQ_DECLARE_COMMAND(resource_end)

#define aq_resource_lose_fields(F, T)                                                                                  \
    F(T, id,     REF(resource),  AQ_REQUIRED, "number of the resource")                                                \
    F(T, node,   REF_NAME(node), AQ_REQUIRED, "node that reports it")                                                  \
    F(T, reason, TEXT(0, 512),   AQ_LINES,    "how it was lost")
AQ_DECLARE_COMMAND(resource_lose)

#define aq_resource_restart_fields(F, T)                                                                               \
    F(T, id,       REF(resource),      AQ_REQUIRED, "number of the resource")                                          \
    F(T, node,     REF_NAME(node),     AQ_REQUIRED, "node that reports it")                                            \
    F(T, restarts, U64(1, UINT64_MAX), AQ_REQUIRED, "how often its workload was started again, with this time")        \
    F(T, reason,   TEXT(0, 512),       AQ_LINES,    "how its workload ended before")
AQ_DECLARE_COMMAND(resource_restart)

#define aq_resource_check_fields(F, T)                                                                                 \
    F(T, id,     REF(resource),   AQ_REQUIRED, "number of the resource")                                               \
    F(T, node,   REF_NAME(node),  AQ_REQUIRED, "node that reports it")                                                 \
    F(T, health, ENUM(aq_health), 0,           "its health from now on")                                               \
    F(T, reason, TEXT(0, 512),    AQ_LINES,    "what the check said")
AQ_DECLARE_COMMAND(resource_check)

#define aq_resource_expire_fields(F, T)                                                                                \
    F(T, id, REF(resource), AQ_REQUIRED, "number of the resource")
AQ_DECLARE_COMMAND(resource_expire)

#define aq_resource_lease_fields(F, T)                                                                                 \
    F(T, id,      REF(resource),           AQ_REQUIRED, "number of the resource")                                      \
    F(T, lost_ms, U64(0, UINT64_MAX, "ms"), 0,          "how long its node has been LOST, as the leader has seen it itself")
AQ_DECLARE_COMMAND(resource_lease) /* its lease may be over */

/* Given by the server that has the session, for users who ask for it with the view `exec`. */
#define aq_resource_exec_fields(F, T)                                                                                  \
    F(T, id,        REF(resource),              AQ_REQUIRED,                "number of the resource")                  \
    F(T, arguments, TEXTS(1, AQ_ARGUMENTS_MAX), AQ_REQUIRED | AQ_ARGUMENTS, "the program and its arguments")           \
    F(T, terminal,  BOOL,                       0,                          "it gets a terminal")                      \
    F(T, term,      TEXT(0, 64),                0,                          "what kind of terminal: TERM")             \
    F(T, columns,   U64(0, AQ_EXEC_SIZE_MAX),   0,                          "width of the terminal; 0: not known")     \
    F(T, rows,      U64(0, AQ_EXEC_SIZE_MAX),   0,                          "its height")                              \
    F(T, session,   U64(0, INT64_MAX),          AQ_INTERNAL,                "number of the session")
AQ_DECLARE_COMMAND(resource_exec)

#define aq_resource_exec_end_fields(F, T)                                                                              \
    F(T, id,          REF(resource),     AQ_REQUIRED, "number of the resource")                                        \
    F(T, session,     U64(1, INT64_MAX), AQ_REQUIRED, "number of the session")                                         \
    F(T, user,        TEXT(0, 64),       0,           "user whose command it was")                                     \
    F(T, exit_status, U64(0, 255),       0,           "as in a shell: 128 + n if signal n ended it")                   \
    F(T, reason,      TEXT(0, 512),      AQ_LINES,    "why it ended, if not by itself")
AQ_DECLARE_COMMAND(resource_exec_end)

/* ---- events ---- */
#define aq_resource_started_fields(F, T)                                                                               \
    F(T, id,         REF(resource), 0, "number of the resource")                                                       \
    F(T, identifier, TEXT(0, 256),  0, "the driver's own name for it")                                                 \
    F(T, ip_addr,    TEXT(0, 64),   0, "its address")                                                                  \
    F(T, hw_addr,    TEXT(0, 64),   0, "its hardware address")
AQ_DECLARE_EVENT(resource_started)

#define aq_resource_stopped_fields(F, T)                                                                               \
    F(T, id,     REF(resource), 0,        "number of the resource")                                                    \
    F(T, reason, TEXT(0, 512),  AQ_LINES, "why")
AQ_DECLARE_EVENT(resource_stopped) /* STOPPING: its node must end it */

#define aq_resource_restarted_fields(F, T)                                                                             \
    F(T, id,       REF(resource),      0,        "number of the resource")                                             \
    F(T, restarts, U64(0, UINT64_MAX), 0,        "how often its workload was started again, with this time")           \
    F(T, reason,   TEXT(0, 512),       AQ_LINES, "how its workload ended before")
AQ_DECLARE_EVENT(resource_restarted) /* its workload has ended, and its node starts it again */

#define aq_resource_checked_fields(F, T)                                                                               \
    F(T, id,     REF(resource),   0,        "number of the resource")                                                  \
    F(T, health, ENUM(aq_health), 0,        "its health from now on")                                                  \
    F(T, reason, TEXT(0, 512),    AQ_LINES, "what the check said")
AQ_DECLARE_EVENT(resource_checked)

#define aq_resource_ended_fields(F, T)                                                                                 \
    F(T, id,          REF(resource),      0,        "number of the resource")                                          \
    F(T, failed,      BOOL,               0,        "it never ran; counts as a try")                                   \
    F(T, exit_status, U64(0, 255),        0,        "as in a shell")                                                   \
    F(T, reason,      TEXT(0, 512),       AQ_LINES, "how it ended, or why it failed")                                  \
    F(T, exited,      BOOL,               0,        "its workload ran to an end with this exit status")                \
    F(T, log_bytes,   U64(0, UINT64_MAX), 0,        "how much of its log is kept on its node")
AQ_DECLARE_EVENT(resource_ended) /* its row is removed, its capacity is free */

#define aq_resource_exec_started_fields(F, T)                                                                          \
    F(T, id,          REF(resource),              0,            "number of the resource")                              \
    F(T, application, REF(application),           0,            "number of its application")                           \
    F(T, session,     U64(1, INT64_MAX),          0,            "number of the session")                               \
    F(T, arguments,   TEXTS(1, AQ_ARGUMENTS_MAX), AQ_ARGUMENTS, "the program and its arguments")                       \
    F(T, terminal,    BOOL,                       0,            "it has a terminal")
AQ_DECLARE_EVENT(resource_exec_started)

/* The resource may be gone. Without this event, the controller ended before the command. */
#define aq_resource_exec_ended_fields(F, T)                                                                            \
    F(T, id,          REF(resource),     0,        "number of the resource")                                           \
    F(T, application, REF(application),  0,        "number of its application")                                        \
    F(T, session,     U64(1, INT64_MAX), 0,        "number of the session")                                            \
    F(T, user,        TEXT(0, 64),       0,        "user whose command it was")                                        \
    F(T, exit_status, U64(0, 255),       0,        "as in a shell: 128 + n if signal n ended it")                      \
    F(T, reason,      TEXT(0, 512),      AQ_LINES, "why it ended, if not by itself")
AQ_DECLARE_EVENT(resource_exec_ended)
/* clang-format on */

/* How long its node must have been LOST until what has a lease of so many seconds is certainly over there. */
uint64_t aq_lease_over_ms(uint64_t lease_s);

#endif
