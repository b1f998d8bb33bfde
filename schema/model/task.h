/* task: something to make of a workload: a snapshot of it, or an image from which others can be started. It belongs to
 * an application, and is begun when that is ALLOCATED, or when it is to be deallocated: then its workload is ended only
 * after it. */
#ifndef AQ_SCHEMA_MODEL_TASK_H
#define AQ_SCHEMA_MODEL_TASK_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

enum {
    AQ_TASKS_OPEN_MAX = 16, /* of one application */
    AQ_TASK_TIMEOUT = 3600, /* s: of one that names none */
    AQ_TASK_TIMEOUT_MAX = 86400
};

#define AQ_TASK_DRIVERS "tasks:" /* a node's identifiers begin with it for drivers that make snapshots and images */

#define AQ_TASK_KINDS(W)                                                                                               \
    W(AQ_TASK_SNAPSHOT, "snapshot", "a state of its disks, kept with them")                                            \
    W(AQ_TASK_IMAGE, "image", "a copy of its disk, which labels can name")
AQ_DECLARE_WORDS(aq_task_kind, AQ_TASK_KINDS)

#define AQ_TASK_TIMES(W)                                                                                               \
    W(AQ_TASK_AT_ALLOCATED, "ALLOCATED", "while its application is ALLOCATED: at once, or when it is")                 \
    W(AQ_TASK_AT_DEALLOCATE, "DEALLOCATE", "when it is to be deallocated, before its workload is ended")
AQ_DECLARE_WORDS(aq_task_when, AQ_TASK_TIMES)

#define AQ_TASK_STATUSES(W)                                                                                            \
    W(AQ_TASK_NEW, "NEW", "it waits until its application has the status that it is for")                              \
    W(AQ_TASK_RUNNING, "RUNNING", "its node has it to do")                                                             \
    W(AQ_TASK_DONE, "DONE", "it was made: see its result")                                                             \
    W(AQ_TASK_FAILED, "FAILED", "it was not made: see its reason")                                                     \
    W(AQ_TASK_CANCELLED, "CANCELLED", "it was called off")
AQ_DECLARE_WORDS(aq_task_status, AQ_TASK_STATUSES)

/* clang-format off */
#define aq_task_fields(F, T)                                                                                           \
    F(T, id,          U64(1, UINT64_MAX),       AQ_KEY | AQ_COLUMN, "number of the task, counted from 1, never reused") \
    F(T, application, REF(application),         AQ_COLUMN,          "its application")                                 \
    F(T, user,        REF_NAME(user),           AQ_COLUMN,          "user whose application it is")                    \
    F(T, kind,        ENUM(aq_task_kind),       AQ_COLUMN,          "what is to be made")                              \
    F(T, name,        NAME(1, 64),              AQ_COLUMN,          "what that is to be called")                       \
    F(T, when,        ENUM(aq_task_when),       AQ_COLUMN,          "the status of its application that it is for")    \
    F(T, status,      ENUM(aq_task_status),     AQ_COLUMN,          "how far it is")                                   \
    F(T, reason,      TEXT(0, 512),             AQ_COLUMN | AQ_LINES, "why it was not made")                           \
    F(T, result,      DOCUMENT(4096),           0,                  "what was made, as the driver names it")           \
    F(T, resource,    REF_OR_NONE(resource),    0,                  "the resource of which it is made, once it is begun") \
    F(T, node,        REF_NAME_OR_NONE(node),   AQ_COLUMN,          "node that makes it, once it is begun")            \
    F(T, allowed,     DURATION(1, AQ_TASK_TIMEOUT_MAX), 0,          "how long it may take: its timeout")               \
    F(T, created_at,  TIME,                     AQ_COLUMN,          "when it was asked for")                           \
    F(T, created_by,  TEXT(0, 96),              0,                  "who asked for it")                                \
    F(T, begun_at,    TIME,                     0,                  "when its node was told")                          \
    F(T, expires_at,  TIME,                     0,                  "when it fails for the time that it takes, while it is RUNNING") \
    F(T, ended_at,    TIME,                     0,                  "when it came to DONE, FAILED or CANCELLED")       \
    F(T, user_number, U64(0, UINT64_MAX),       0,                  "number of that user")                             \
    F(T, project,     REF_NAME(project),        0,                  "project of its application")
AQ_DECLARE_ENTITY(task)

/* ---- commands ---- */
#define aq_task_create_fields(F, T)                                                                                    \
    F(T, application, REF_OR_NONE(application), 0,           "number of the application")                              \
    F(T, resource,    REF_OR_NONE(resource),    0,           "number of its resource, instead")                        \
    F(T, kind,        ENUM(aq_task_kind),       AQ_REQUIRED, "what to make")                                           \
    F(T, name,        NAME(0, 64),              0,           "what to call it; none: task- and the number of the task") \
    F(T, when,        ENUM(aq_task_when),       0,           "the status of the application that it is for")           \
    F(T, timeout,     DURATION(0, AQ_TASK_TIMEOUT_MAX), 0,   "it fails when it takes longer than this; 0: an hour")
AQ_DECLARE_COMMAND(task_create)

#define aq_task_cancel_fields(F, T)                                                                                    \
    F(T, id, REF(task), AQ_REQUIRED, "number of the task")
AQ_DECLARE_COMMAND(task_cancel)

/* Its node reports it. */
#define aq_task_end_fields(F, T)                                                                                       \
    F(T, id,     REF(task),      AQ_REQUIRED, "number of the task")                                                    \
    F(T, node,   REF_NAME(node), AQ_REQUIRED, "node that reports it")                                                  \
    F(T, failed, BOOL,           0,           "it was not made")                                                       \
    F(T, reason, TEXT(0, 512),   AQ_LINES,    "why it was not made")                                                   \
    F(T, result, DOCUMENT(4096), 0,           "what was made")
AQ_DECLARE_COMMAND(task_end)

#define aq_task_expire_fields(F, T)                                                                                    \
    F(T, id, REF(task), AQ_REQUIRED, "number of the task")
AQ_DECLARE_COMMAND(task_expire)

/* ---- events ---- */
#define aq_task_created_fields(F, T)                                                                                   \
    F(T, id,          U64(1, UINT64_MAX),   0, "number of the task")                                                   \
    F(T, application, REF(application),     0, "its application")                                                      \
    F(T, kind,        ENUM(aq_task_kind),   0, "what is to be made")                                                   \
    F(T, name,        NAME(1, 64),          0, "what that is to be called")                                            \
    F(T, when,        ENUM(aq_task_when),   0, "the status of its application that it is for")                         \
    F(T, timeout,     DURATION(1, AQ_TASK_TIMEOUT_MAX), 0, "it fails when it takes longer than this")
AQ_DECLARE_EVENT(task_created) /* NEW */

#define aq_task_begun_fields(F, T)                                                                                     \
    F(T, id,       REF(task),      0, "number of the task")                                                            \
    F(T, resource, REF(resource),  0, "the resource of which it is made")                                              \
    F(T, node,     REF_NAME(node), 0, "node that makes it")
AQ_DECLARE_EVENT(task_begun) /* RUNNING */

#define aq_task_ended_fields(F, T)                                                                                     \
    F(T, id,     REF(task),            0,        "number of the task")                                                 \
    F(T, status, ENUM(aq_task_status), 0,        "its new status")                                                     \
    F(T, reason, TEXT(0, 512),         AQ_LINES, "why it was not made")                                                \
    F(T, result, DOCUMENT(4096),       0,        "what was made")
AQ_DECLARE_EVENT(task_ended) /* DONE, FAILED, CANCELLED */
/* clang-format on */

bool aq_task_is_over(enum aq_task_status status);

#endif
