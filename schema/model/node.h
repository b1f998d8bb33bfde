/* node: a worker host that runs aq-agent. */
#ifndef AQ_SCHEMA_MODEL_NODE_H
#define AQ_SCHEMA_MODEL_NODE_H

#include "schema/model/amounts.h"
#include "schema/model/entity.h"

#define AQ_NODE_STATUSES(W)                                                                                            \
    W(AQ_NODE_ACTIVE, "ACTIVE", "its agent is heard of")                                                               \
    W(AQ_NODE_LOST, "LOST", "its agent has been silent for too long: no new work; what it runs is not known")
AQ_DECLARE_WORDS(aq_node_status, AQ_NODE_STATUSES)

/* What an agent says of itself: the same in commands, events and the table. */
#define AQ_NODE_DESCRIPTION(F, T)                                                                                      \
    F(T, address, TEXT, AQ_COLUMN, 0, 128, NULL, "where its agent was heard from")                                     \
    F(T, agent_version, TEXT, 0, 0, 32, NULL, "version of the agent")                                                  \
    F(T, drivers, TEXTS, AQ_COLUMN, 0, 32, NULL, "drivers that work there")                                            \
    F(T, identifiers, TEXTS, 0, 0, 64, NULL, "what node filters are matched with, such as os:linux")                   \
    F(T, capacity, RECORD(aq_amounts), AQ_COLUMN, 0, 0, NULL, "all that it offers")

#define AQ_NODE(F, T)                                                                                                  \
    F(T, name, NAME, AQ_KEY | AQ_COLUMN, 1, 64, NULL, "its own name, unique in the cluster")                           \
    F(T, number, U64, AQ_COLUMN, 1, UINT32_MAX, NULL, "counted from 1 as nodes joined")                                \
    F(T, status, ENUM(aq_node_status), AQ_COLUMN, 0, 0, NULL, "whether its agent is heard of")                         \
    F(T, maintenance, BOOL, AQ_COLUMN, 0, 1, NULL, "takes no new work")                                                \
    AQ_NODE_DESCRIPTION(F, T)                                                                                          \
    F(T, used, RECORD(aq_amounts), AQ_COLUMN, 0, 0, NULL, "held by resources")                                         \
    F(T, free, RECORD(aq_amounts), 0, 0, 0, NULL, "capacity less what is used")                                        \
    F(T, instance, U64, AQ_SECRET, 0, UINT64_MAX, NULL,                                                                \
      "drawn by the agent at its first start: tells namesakes apart")                                                  \
    F(T, joined_at, TIME, 0, 0, UINT64_MAX, NULL, "when it joined")                                                    \
    F(T, changed_at, TIME, AQ_COLUMN, 0, UINT64_MAX, NULL, "when status, maintenance or capacity last changed")
AQ_DECLARE(aq_node, AQ_NODE)

/* Heartbeats: kept in the live tables, never in the log. */
#define AQ_NODE_LIVE(F, T)                                                                                             \
    F(T, seen_at, TIME, 0, 0, UINT64_MAX, NULL, "when its agent was last heard of")                                    \
    F(T, load_milli, U64, 0, 0, UINT64_MAX, "thousandths", "load average of one minute")                               \
    F(T, memory_available, SIZE, 0, 0, AQ_SIZE_MAX_MIB, NULL, "memory that is not in use")                             \
    F(T, workloads, U64, 0, 0, UINT64_MAX, NULL, "workloads that its agent has")
AQ_DECLARE(aq_node_live, AQ_NODE_LIVE)

/* ---- commands ---- */
#define AQ_NODE_JOIN(F, T)                                                                                             \
    F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "its own name")                                                         \
    F(T, instance, U64, AQ_REQUIRED, 1, UINT64_MAX, NULL, "the agent's own number")                                    \
    AQ_NODE_DESCRIPTION(F, T)
AQ_DECLARE(aq_node_join, AQ_NODE_JOIN)
extern const struct aq_command aq_command_node_join; /* an agent said hello: joins, changes, or returns */

#define AQ_NODE_LOSE(F, T) F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "name of the node")
AQ_DECLARE(aq_node_lose, AQ_NODE_LOSE)
extern const struct aq_command aq_command_node_lose; /* its agent has been silent for too long */

#define AQ_NODE_MAINTENANCE(F, T)                                                                                      \
    F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "name of the node")                                                     \
    F(T, maintenance, BOOL, AQ_REQUIRED, 0, 1, NULL, "true: take no new work")
AQ_DECLARE(aq_node_maintenance, AQ_NODE_MAINTENANCE)
extern const struct aq_command aq_command_node_maintenance;

#define AQ_NODE_DELETE(F, T) F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "name of the node")
AQ_DECLARE(aq_node_delete, AQ_NODE_DELETE)
extern const struct aq_command aq_command_node_delete;

/* ---- events ---- */
#define AQ_NODE_JOINED(F, T)                                                                                           \
    F(T, name, NAME, 0, 1, 64, NULL, "name of the node")                                                               \
    F(T, number, U64, 0, 1, UINT32_MAX, NULL, "its number")                                                            \
    F(T, instance, U64, AQ_SECRET, 0, UINT64_MAX, NULL, "the agent's own number")                                      \
    AQ_NODE_DESCRIPTION(F, T)
AQ_DECLARE(aq_node_joined, AQ_NODE_JOINED)
extern const struct aq_event_type aq_event_node_joined;

#define AQ_NODE_CHANGED(F, T)                                                                                          \
    F(T, name, NAME, 0, 1, 64, NULL, "name of the node")                                                               \
    F(T, instance, U64, AQ_SECRET, 0, UINT64_MAX, NULL, "the agent's own number")                                      \
    AQ_NODE_DESCRIPTION(F, T)
AQ_DECLARE(aq_node_changed, AQ_NODE_CHANGED)
extern const struct aq_event_type aq_event_node_changed;

#define AQ_NODE_STATUS_SET(F, T)                                                                                       \
    F(T, name, NAME, 0, 1, 64, NULL, "name of the node")                                                               \
    F(T, status, ENUM(aq_node_status), 0, 0, 0, NULL, "lost, or back again")
AQ_DECLARE(aq_node_status_set, AQ_NODE_STATUS_SET)
extern const struct aq_event_type aq_event_node_status_set;

#define AQ_NODE_MAINTENANCE_SET(F, T)                                                                                  \
    F(T, name, NAME, 0, 1, 64, NULL, "name of the node")                                                               \
    F(T, maintenance, BOOL, 0, 0, 1, NULL, "takes no new work")
AQ_DECLARE(aq_node_maintenance_set, AQ_NODE_MAINTENANCE_SET)
extern const struct aq_event_type aq_event_node_maintenance_set;

#define AQ_NODE_DELETED(F, T) F(T, name, NAME, 0, 1, 64, NULL, "name of the node")
AQ_DECLARE(aq_node_deleted, AQ_NODE_DELETED)
extern const struct aq_event_type aq_event_node_deleted;

#endif
