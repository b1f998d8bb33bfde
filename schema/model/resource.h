/* resource: what an application was given: a workload on a node. Its row lives as long as it holds capacity. */
#ifndef AQ_SCHEMA_MODEL_RESOURCE_H
#define AQ_SCHEMA_MODEL_RESOURCE_H

#include "schema/model/amounts.h"
#include "schema/model/entity.h"

#define AQ_RESOURCE_STATUSES(W)                                                                                        \
    W(AQ_RESOURCE_ASSIGNED, "ASSIGNED", "its node was told to start it")                                               \
    W(AQ_RESOURCE_RUNNING, "RUNNING", "it runs")                                                                       \
    W(AQ_RESOURCE_STOPPING, "STOPPING", "its node was told to end it")
AQ_DECLARE_WORDS(aq_resource_status, AQ_RESOURCE_STATUSES)

#define AQ_RESOURCE(F, T)                                                                                              \
    F(T, id, U64, AQ_KEY | AQ_COLUMN, 1, UINT64_MAX, NULL, "number of the resource, counted from 1, never used again") \
    F(T, application, REF(application), AQ_COLUMN, 1, UINT64_MAX, NULL, "for which application")                       \
    F(T, user, REF_NAME(user), AQ_COLUMN, 1, 64, NULL, "whose application")                                            \
    F(T, label_id, REF(label), 0, 1, UINT64_MAX, NULL, "of which label")                                               \
    F(T, definition, U64, 0, 0, 15, NULL, "which of its definitions, counted from 0")                                  \
    F(T, node, REF_NAME(node), AQ_COLUMN, 1, 64, NULL, "where it runs")                                                \
    F(T, driver, NAME, AQ_COLUMN, 1, 64, NULL, "what runs it")                                                         \
    F(T, status, ENUM(aq_resource_status), AQ_COLUMN, 0, 0, NULL, "where it stands")                                   \
    F(T, identifier, TEXT, AQ_COLUMN, 0, 256, NULL, "the driver's own name for it")                                    \
    F(T, ip_addr, TEXT, AQ_COLUMN, 0, 64, NULL, "its address, if it has one of its own")                               \
    F(T, hw_addr, TEXT, 0, 0, 64, NULL, "its hardware address, if it has one of its own")                              \
    F(T, metadata, DOCUMENT, 0, 0, 131072, NULL, "merged metadata of label and application")                           \
    F(T, amounts, RECORD(aq_amounts), 0, 0, 0, NULL, "what it holds of its node")                                      \
    F(T, lifetime, DURATION, 0, 0, 315360000, "s", "given back after this time; 0: never")                             \
    F(T, created_at, TIME, AQ_COLUMN, 0, UINT64_MAX, NULL, "when the node was chosen")                                 \
    F(T, started_at, TIME, 0, 0, UINT64_MAX, NULL, "when it ran")                                                      \
    F(T, expires_at, TIME, 0, 0, UINT64_MAX, NULL, "when its lifetime is over")
AQ_DECLARE(aq_resource, AQ_RESOURCE)

/* ---- commands: what agents report, and what time brings ---- */
#define AQ_RESOURCE_START(F, T)                                                                                        \
    F(T, id, REF(resource), AQ_REQUIRED, 1, UINT64_MAX, NULL, "number of the resource")                                \
    F(T, node, REF_NAME(node), AQ_REQUIRED, 1, 64, NULL, "who reports it")                                             \
    F(T, identifier, TEXT, 0, 0, 256, NULL, "the driver's own name for it")                                            \
    F(T, ip_addr, TEXT, 0, 0, 64, NULL, "its address")                                                                 \
    F(T, hw_addr, TEXT, 0, 0, 64, NULL, "its hardware address")
AQ_DECLARE(aq_resource_start, AQ_RESOURCE_START)
extern const struct aq_command aq_command_resource_start;

#define AQ_RESOURCE_FAIL(F, T)                                                                                         \
    F(T, id, REF(resource), AQ_REQUIRED, 1, UINT64_MAX, NULL, "number of the resource")                                \
    F(T, node, REF_NAME(node), AQ_REQUIRED, 1, 64, NULL, "who reports it")                                             \
    F(T, reason, TEXT, AQ_LINES, 0, 512, NULL, "why it could not be started")
AQ_DECLARE(aq_resource_fail, AQ_RESOURCE_FAIL)
extern const struct aq_command aq_command_resource_fail;

#define AQ_RESOURCE_END(F, T)                                                                                          \
    F(T, id, REF(resource), AQ_REQUIRED, 1, UINT64_MAX, NULL, "number of the resource")                                \
    F(T, node, REF_NAME(node), AQ_REQUIRED, 1, 64, NULL, "who reports it")                                             \
    F(T, exit_status, U64, 0, 0, 255, NULL, "as a shell tells it: 128 + n when signal n ended it")                     \
    F(T, reason, TEXT, AQ_LINES, 0, 512, NULL, "how it ended")
AQ_DECLARE(aq_resource_end, AQ_RESOURCE_END)
extern const struct aq_command aq_command_resource_end;

#define AQ_RESOURCE_EXPIRE(F, T) F(T, id, REF(resource), AQ_REQUIRED, 1, UINT64_MAX, NULL, "number of the resource")
AQ_DECLARE(aq_resource_expire, AQ_RESOURCE_EXPIRE)
extern const struct aq_command aq_command_resource_expire;

/* ---- events ---- */
#define AQ_RESOURCE_STARTED(F, T)                                                                                      \
    F(T, id, REF(resource), 0, 1, UINT64_MAX, NULL, "number of the resource")                                          \
    F(T, identifier, TEXT, 0, 0, 256, NULL, "the driver's own name for it")                                            \
    F(T, ip_addr, TEXT, 0, 0, 64, NULL, "its address")                                                                 \
    F(T, hw_addr, TEXT, 0, 0, 64, NULL, "its hardware address")
AQ_DECLARE(aq_resource_started, AQ_RESOURCE_STARTED)
extern const struct aq_event_type aq_event_resource_started;

#define AQ_RESOURCE_STOPPED(F, T)                                                                                      \
    F(T, id, REF(resource), 0, 1, UINT64_MAX, NULL, "number of the resource")                                          \
    F(T, reason, TEXT, AQ_LINES, 0, 512, NULL, "why")
AQ_DECLARE(aq_resource_stopped, AQ_RESOURCE_STOPPED)
extern const struct aq_event_type aq_event_resource_stopped; /* STOPPING: its node is told to end it */

#define AQ_RESOURCE_ENDED(F, T)                                                                                        \
    F(T, id, REF(resource), 0, 1, UINT64_MAX, NULL, "number of the resource")                                          \
    F(T, failed, BOOL, 0, 0, 1, NULL, "it never ran: counts as a try")                                                 \
    F(T, exit_status, U64, 0, 0, 255, NULL, "as a shell tells it")                                                     \
    F(T, reason, TEXT, AQ_LINES, 0, 512, NULL, "how it ended, or why it failed")
AQ_DECLARE(aq_resource_ended, AQ_RESOURCE_ENDED)
extern const struct aq_event_type aq_event_resource_ended; /* its row goes, its capacity is free */

#endif
