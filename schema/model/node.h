/* node: a worker host that runs aq-agent. */
#ifndef AQ_SCHEMA_MODEL_NODE_H
#define AQ_SCHEMA_MODEL_NODE_H

#include "schema/model/amounts.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"
#include "schema/model/quarantine.h"
#include "schema/model/usage.h"

#include <jansson.h>

#define AQ_NODE_STATUSES(W)                                                                                            \
    W(AQ_NODE_ACTIVE, "ACTIVE", "its agent sends heartbeats")                                                          \
    W(AQ_NODE_LOST, "LOST", "its agent has been silent for too long: it gets no new work, and what it runs is unknown")
AQ_DECLARE_WORDS(aq_node_status, AQ_NODE_STATUSES)

#define AQ_DRAINS(W)                                                                                                   \
    W(AQ_DRAIN_NONE, "none", "it was not told to drain")                                                               \
    W(AQ_DRAINING, "draining", "it takes no new work; what it has is deallocated, or ends, as its labels say")         \
    W(AQ_DRAIN_LATE, "late", "the time for that is over, and something is still there: see drain_reason")              \
    W(AQ_DRAINED, "drained", "nothing is there any more")
AQ_DECLARE_WORDS(aq_drain_status, AQ_DRAINS)

#define AQ_SHUTDOWNS(W)                                                                                                \
    W(AQ_SHUTDOWN_NONE, "none", "its host is not to be shut down")                                                     \
    W(AQ_SHUTDOWN_PLANNED, "planned", "its agent is told at shutdown_at, or later, once nothing is there any more")    \
    W(AQ_SHUTDOWN_TOLD, "told", "its agent was told, and has not answered yet")                                        \
    W(AQ_SHUTDOWN_GOING, "going", "its agent shuts the host down")                                                     \
    W(AQ_SHUTDOWN_FAILED, "failed", "its host was not shut down: see shutdown_reason")
AQ_DECLARE_WORDS(aq_shutdown_status, AQ_SHUTDOWNS)

#define AQ_QUARANTINE_STATUSES(W)                                                                                      \
    W(AQ_QUARANTINE_NONE, "none", "it takes new work of all labels")                                                   \
    W(AQ_QUARANTINE_LABELS, "labels", "it takes no new work of some labels: see quarantines")                          \
    W(AQ_QUARANTINE_ALL, "all", "it takes no new work: see quarantines")
AQ_DECLARE_WORDS(aq_quarantine_status, AQ_QUARANTINE_STATUSES)

enum {
    AQ_NODE_PROJECTS_MAX = 64,
    AQ_NODE_OPTIONS_MAX = 128,
    AQ_NODE_DELAY_MAX = 31536000,     /* s: of drains and shutdowns */
    AQ_SHUTDOWN_LATE_MS = 60000,      /* so long after GOING, it is too late to call a shutdown off */
    AQ_SHUTDOWN_PATIENCE_MS = 120000, /* so long after TOLD or GOING, it has failed */
};

/* What an agent reports about itself: the same in commands, events and the table. */
/* clang-format off */
#define AQ_NODE_DESCRIPTION(F, T)                                                                                      \
    F(T, address,       TEXT(0, 128),       AQ_COLUMN, "address that its agent connects from")                         \
    F(T, agent_version, TEXT(0, 32),        0,         "version of the agent")                                         \
    F(T, drivers,       TEXTS(0, 32),       AQ_COLUMN, "drivers that work on it")                                      \
    F(T, identifiers,   TEXTS(0, 64),       0,         "what node filters match, such as os:linux")                    \
    F(T, capacity,      RECORD(aq_amounts), AQ_COLUMN, "all that the node offers")

#define aq_node_fields(F, T)                                                                                           \
    F(T, name,        NAME(1, 64),          AQ_KEY | AQ_COLUMN, "its own name, unique in the cluster")                 \
    F(T, number,      U64(1, UINT32_MAX),   AQ_COLUMN,          "counted from 1 as nodes joined")                      \
    F(T, status,      ENUM(aq_node_status), AQ_COLUMN,          "whether its agent sends heartbeats")                  \
    F(T, maintenance, BOOL,                 AQ_COLUMN,          "takes no new work")                                   \
    F(T, quarantine_status, ENUM(aq_quarantine_status), AQ_COLUMN, "whether it takes new work of all labels")          \
    F(T, quarantines, LIST(aq_quarantine, 0, AQ_QUARANTINES_MAX + 1), 0,                                               \
      "labels, or the whole node, of which starts have failed, or that somebody has put into quarantine")              \
    F(T, drain_status,    ENUM(aq_drain_status),    0,          "how far its drain is")                                \
    F(T, drain_ends_at,   TIME,                     0,          "when its drain becomes late; never: it has no bound") \
    F(T, drain_force,     BOOL,                     0,                                                                 \
      "what is still there then is deallocated, whatever its label says")                                              \
    F(T, drain_reason,    TEXT(0, 512),             AQ_LINES,   "what was still there when that time was over")        \
    F(T, shutdown_status, ENUM(aq_shutdown_status), 0,          "whether its host is to be shut down")                 \
    F(T, shutdown_at,     TIME,                     0,                                                                 \
      "when its host is to be shut down; or when its agent was told, or has agreed")                                   \
    F(T, shutdown_reason, TEXT(0, 512),             AQ_LINES,   "what the shutdown waits for, or why it failed")       \
    F(T, shutdown_order,  U64(0, UINT64_MAX),       AQ_SECRET,  "tells one shutdown from another")                     \
    AQ_NODE_DESCRIPTION(F, T)                                                                                          \
    F(T, projects,    TEXTS(0, AQ_NODE_PROJECTS_MAX), 0,                                                               \
      "projects that it serves, whose new work alone it takes; none: all")                                             \
    F(T, used,        RECORD(aq_amounts),   AQ_COLUMN,          "amounts that resources hold")                         \
    F(T, free,        RECORD(aq_amounts),   0,                  "capacity minus what is used")                         \
    F(T, instance,    U64(0, UINT64_MAX),   AQ_SECRET,                                                                 \
      "random number of the agent's first start: tells nodes of the same name apart")                                  \
    F(T, key,         TEXT(0, 64),          0,                                                                         \
      "public key of its agent (X25519, in hexadecimal digits); empty: it never enrolled")                             \
    F(T, revoked,     BOOL,                 0,                  "its key was revoked: its agent is not admitted")      \
    F(T, joined_at,   TIME,                 0,                  "when it joined")                                      \
    F(T, changed_at,  TIME,                 AQ_COLUMN,          "when status, maintenance or capacity last changed")   \
    F(T, lost_at,     TIME,                 0,                  "since when it has been LOST, while it is")
AQ_DECLARE_ENTITY(node)

/* Heartbeats: kept in the live tables, never in the log. */
#define aq_node_live_fields(F, T)                                                                                      \
    F(T, seen_at,          TIME,                              0, "when its agent was last heard from")                 \
    F(T, load_milli,       U64(0, UINT64_MAX, "thousandths"), 0, "load average of one minute")                         \
    F(T, memory_available, SIZE(0, AQ_SIZE_MAX_MIB),          0, "free memory")                                        \
    F(T, workloads,        U64(0, UINT64_MAX),                0, "number of workloads that its agent runs")            \
    F(T, driver_options,   TEXTS(0, AQ_NODE_OPTIONS_MAX),     0,                                                       \
      "what its drivers that are programs say of themselves, and their options")                                       \
    AQ_USAGE_FIELDS(F, T)                                                                                              \
    F(T, cpu_all,    CPU_OR_NONE(0, AQ_CPU_MAX),          0, "processor cores that its agent may use, offered or not") \
    F(T, memory_all, U64_OR_NONE(0, AQ_USAGE_MEMORY_MAX), 0, "memory of its host, offered or not, in bytes")
AQ_DECLARE(aq_node_live)

/* ---- commands ---- */
#define aq_node_join_fields(F, T)                                                                                      \
    F(T, name,     NAME(1, 64),        AQ_REQUIRED, "its own name")                                                    \
    F(T, instance, U64(1, UINT64_MAX), AQ_REQUIRED, "the agent's own number")                                          \
    AQ_NODE_DESCRIPTION(F, T)                                                                                          \
    F(T, key,      TEXT(0, 64),        0,           "the key with which it said so; empty: of an earlier build")
AQ_DECLARE_COMMAND(node_join) /* an agent said HELLO: it joins, changes or returns */

#define aq_node_lose_fields(F, T)                                                                                      \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "name of the node")
AQ_DECLARE_COMMAND(node_lose) /* its agent has been silent for too long */

#define aq_node_maintenance_fields(F, T)                                                                               \
    F(T, name,        NAME(1, 64), AQ_REQUIRED, "name of the node")                                                    \
    F(T, maintenance, BOOL,        AQ_REQUIRED, "true: take no new work; false: calls off drain and shutdown, too")    \
    F(T, shutdown_after, DURATION(0, AQ_NODE_DELAY_MAX), 0,                                                            \
      "shut its host down after this time, once nothing is there any more; 0: do not")                                 \
    F(T, cancel,      BOOL,        0,           "the same as maintenance: false")
AQ_DECLARE_COMMAND(node_maintenance)

#define aq_node_drain_fields(F, T)                                                                                     \
    F(T, name,    NAME(1, 64),                    AQ_REQUIRED, "name of the node")                                     \
    F(T, timeout, DURATION(0, AQ_NODE_DELAY_MAX), 0,                                                                   \
      "the drain is late when something is still there after this time; 0: never")                                     \
    F(T, force,   BOOL,                           0,                                                                   \
      "deallocate what is still there after that time, or else at once, whatever its label says")                      \
    F(T, cancel,  BOOL,                           0,           "call it off: the node takes new work again")
AQ_DECLARE_COMMAND(node_drain)

#define aq_node_quarantine_fields(F, T)                                                                                \
    F(T, name,   NAME(1, 64),                    AQ_REQUIRED, "name of the node")                                      \
    F(T, label,  REF_TEXT_OR_NONE(label),        0,           "this label only; none: the whole node")                 \
    F(T, ttl,    DURATION(0, AQ_NODE_DELAY_MAX), 0,           "it ends after this time; 0: when it is cleared")        \
    F(T, reason, TEXT(0, 256),                   0,           "why, for those who read about it")                      \
    F(T, clear,  BOOL,                           0,                                                                    \
      "clear it, and forget failures: of the label, or of the node and all labels")
AQ_DECLARE_COMMAND(node_quarantine)

#define aq_node_tend_fields(F, T)                                                                                      \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "name of the node")
AQ_DECLARE_COMMAND(node_tend) /* what is due there: of quarantines, of a drain, of a shutdown */

#define aq_node_shutdown_answer_fields(F, T)                                                                           \
    F(T, name,    NAME(1, 64),        AQ_REQUIRED, "name of the node")                                                 \
    F(T, order,   U64(1, UINT64_MAX), AQ_REQUIRED, "which shutdown")                                                   \
    F(T, refused, TEXT(0, 512),       AQ_LINES,    "why not; empty: its agent is ready")
AQ_DECLARE_COMMAND(node_shutdown_answer)

#define aq_node_delete_fields(F, T)                                                                                    \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "name of the node")
AQ_DECLARE_COMMAND(node_delete)

#define aq_node_projects_fields(F, T)                                                                                  \
    F(T, name,     NAME(1, 64),                    AQ_REQUIRED, "name of the node")                                    \
    F(T, projects, TEXTS(0, AQ_NODE_PROJECTS_MAX), AQ_REQUIRED, "names of projects; an empty list or *: all")
AQ_DECLARE_COMMAND(node_projects)

/* An agent enrols: it proved that it has the private half of `key`, and said the secret of a join token. */
#define aq_node_enrol_fields(F, T)                                                                                     \
    F(T, name,     NAME(1, 64),        AQ_REQUIRED, "its own name")                                                    \
    F(T, key,      TEXT(64, 64),       AQ_REQUIRED, "its public key, in hexadecimal digits")                           \
    F(T, hash,     TEXT(1, 128),       AQ_REQUIRED | AQ_SECRET, "hash of the join token's secret")                     \
    F(T, instance, U64(0, UINT64_MAX), AQ_SECRET,                                                                      \
      "the agent's own number: a node of an earlier build, which has no key, is known by it")
AQ_DECLARE_COMMAND(node_enrol)

#define aq_node_revoke_fields(F, T)                                                                                    \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "name of the node")
AQ_DECLARE_COMMAND(node_revoke)

/* ---- events ---- */
#define aq_node_joined_fields(F, T)                                                                                    \
    F(T, name,     NAME(1, 64),        0,         "name of the node")                                                  \
    F(T, number,   U64(1, UINT32_MAX), 0,         "its number")                                                        \
    F(T, instance, U64(0, UINT64_MAX), AQ_SECRET, "the agent's own number")                                            \
    AQ_NODE_DESCRIPTION(F, T)
AQ_DECLARE_EVENT(node_joined)

#define aq_node_changed_fields(F, T)                                                                                   \
    F(T, name,     NAME(1, 64),        0,         "name of the node")                                                  \
    F(T, instance, U64(0, UINT64_MAX), AQ_SECRET, "the agent's own number")                                            \
    AQ_NODE_DESCRIPTION(F, T)
AQ_DECLARE_EVENT(node_changed)

#define aq_node_status_set_fields(F, T)                                                                                \
    F(T, name,   NAME(1, 64),          0, "name of the node")                                                          \
    F(T, status, ENUM(aq_node_status), 0, "lost, or active again")
AQ_DECLARE_EVENT(node_status_set)

#define aq_node_maintenance_set_fields(F, T)                                                                           \
    F(T, name,        NAME(1, 64), 0, "name of the node")                                                              \
    F(T, maintenance, BOOL,        0, "takes no new work")
AQ_DECLARE_EVENT(node_maintenance_set)

#define aq_node_drain_set_fields(F, T)                                                                                 \
    F(T, name,   NAME(1, 64),           0,        "name of the node")                                                  \
    F(T, status, ENUM(aq_drain_status), 0,        "how far its drain is")                                              \
    F(T, until,  TIME,                  0,        "when it becomes late; never: it has no bound")                      \
    F(T, force,  BOOL,                  0,        "then what is still there is deallocated")                           \
    F(T, reason, TEXT(0, 512),          AQ_LINES, "what is still there")
AQ_DECLARE_EVENT(node_drain_set)

#define aq_node_shutdown_set_fields(F, T)                                                                              \
    F(T, name,   NAME(1, 64),              0,         "name of the node")                                              \
    F(T, status, ENUM(aq_shutdown_status), 0,         "whether its host is to be shut down")                           \
    F(T, at,     TIME,                     0,                                                                          \
      "when its host is to be shut down; or when its agent was told, or has agreed")                                   \
    F(T, order,  U64(0, UINT64_MAX),       AQ_SECRET, "tells one shutdown from another")                               \
    F(T, reason, TEXT(0, 512),             AQ_LINES,  "what the shutdown waits for, or why it failed")
AQ_DECLARE_EVENT(node_shutdown_set)

#define aq_node_quarantine_set_fields(F, T)                                                                            \
    F(T, name,     NAME(1, 64),        0,        "name of the node")                                                   \
    F(T, label_id, U64(0, UINT64_MAX), 0,        "number of the label; 0: the whole node")                             \
    F(T, label,    TEXT(0, 96),        0,        "what the label is called")                                           \
    F(T, active,   BOOL,               0,        "it begins; false: it is over")                                       \
    F(T, by_hand,  BOOL,               0,        "somebody says so")                                                   \
    F(T, until,    TIME,               0,        "when it ends; never: when it is cleared")                            \
    F(T, count,    U64(0, UINT64_MAX), 0,        "how often, with this time; 0: what was counted is forgotten")        \
    F(T, reason,   TEXT(0, 1024),      AQ_LINES, "why")
AQ_DECLARE_EVENT(node_quarantine_set)

#define aq_node_deleted_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64), 0, "name of the node")
AQ_DECLARE_EVENT(node_deleted)

/* The node may be new: then it is LOST until its agent says HELLO. A key that it had before never works again. */
#define aq_node_enrolled_fields(F, T)                                                                                  \
    F(T, name,   NAME(1, 64),        0, "name of the node")                                                            \
    F(T, number, U64(1, UINT32_MAX), 0, "its number")                                                                  \
    F(T, key,    TEXT(0, 64),        0, "its public key, in hexadecimal digits")
AQ_DECLARE_EVENT(node_enrolled)

#define aq_node_revoked_fields(F, T)                                                                                   \
    F(T, name, NAME(1, 64), 0, "name of the node")                                                                     \
    F(T, key,  TEXT(0, 64), 0, "the public key that never works again")
AQ_DECLARE_EVENT(node_revoked)

#define aq_node_projects_set_fields(F, T)                                                                              \
    F(T, name,     NAME(1, 64),                    0, "name of the node")                                              \
    F(T, projects, TEXTS(0, AQ_NODE_PROJECTS_MAX), 0, "projects that it serves; none: all")
AQ_DECLARE_EVENT(node_projects_set)
/* clang-format on */

/* Its agent may still run the command that shuts the host down. `time_ms`: of the log. */
bool aq_node_may_go(const struct aq_node *node, uint64_t time_ms);

/* Has the leader something to do for it when time passes, or when work there ends? */
bool aq_node_is_tended(const struct aq_node *node);

#endif
