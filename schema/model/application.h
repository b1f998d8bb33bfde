/* application: one request for a label, and what became of it. */
#ifndef AQ_SCHEMA_MODEL_APPLICATION_H
#define AQ_SCHEMA_MODEL_APPLICATION_H

#include "schema/model/entity.h"
#include "schema/model/vote.h"

/* The moves that are allowed stand in one table in application.c; docs/architecture.md prints it. */
#define AQ_APPLICATION_STATUSES(W)                                                                                     \
    W(AQ_NEW, "NEW", "asked for; no node has room yet, or the last try failed")                                        \
    W(AQ_ELECTED, "ELECTED", "a node was chosen and is starting it")                                                   \
    W(AQ_ALLOCATED, "ALLOCATED", "it runs")                                                                            \
    W(AQ_DEALLOCATE, "DEALLOCATE", "to be given back; its node is ending it")                                          \
    W(AQ_DEALLOCATED, "DEALLOCATED", "given back")                                                                     \
    W(AQ_RECALLED, "RECALLED", "given back before it was allocated")                                                   \
    W(AQ_ERRORED, "ERROR", "it failed: see the description")
AQ_DECLARE_WORDS(aq_application_status, AQ_APPLICATION_STATUSES)

enum { AQ_TRIES_MAX = 3 };

bool aq_application_may_move(enum aq_application_status from, enum aq_application_status to);
bool aq_application_is_over(enum aq_application_status status); /* DEALLOCATED, RECALLED, ERROR */

/* A try that failed: not to be repeated there. */
#define AQ_TRY(F, T)                                                                                                   \
    F(T, node, REF_NAME(node), 0, 1, 64, NULL, "where")                                                                \
    F(T, definition, U64, 0, 0, 15, NULL, "which definition, counted from 0")                                          \
    F(T, reason, TEXT, AQ_LINES, 0, 512, NULL, "why it failed")
AQ_DECLARE(aq_try, AQ_TRY)

#define AQ_APPLICATION(F, T)                                                                                           \
    F(T, id, U64, AQ_KEY | AQ_COLUMN, 1, UINT64_MAX, NULL, "number of the request, counted from 1")                    \
    F(T, user, REF_NAME(user), AQ_COLUMN, 1, 64, NULL, "who asked")                                                    \
    F(T, label, NAME, AQ_COLUMN, 1, 64, NULL, "name of the label")                                                     \
    F(T, version, U64, AQ_COLUMN, 1, UINT32_MAX, NULL, "version of the label")                                         \
    F(T, label_id, REF(label), 0, 1, UINT64_MAX, NULL, "number of the label")                                          \
    F(T, status, ENUM(aq_application_status), AQ_COLUMN, 0, 0, NULL, "where it stands")                                \
    F(T, description, TEXT, AQ_LINES, 0, 4096, NULL, "why it stands there")                                            \
    F(T, metadata, DOCUMENT, 0, 0, 65536, NULL, "handed to the resource, over the label's own")                        \
    F(T, resource, REF(resource), AQ_COLUMN, 0, UINT64_MAX, NULL, "what it was given")                                 \
    F(T, node, REF_NAME(node), AQ_COLUMN, 0, 64, NULL, "where that runs, or last ran")                                 \
    F(T, tries, LIST(aq_try), 0, 0, AQ_TRIES_MAX, NULL, "tries that failed")                                           \
    F(T, round, U64, 0, 0, UINT64_MAX, NULL, "how often nodes were asked")                                             \
    F(T, created_at, TIME, AQ_COLUMN, 0, UINT64_MAX, NULL, "when it was asked for")                                    \
    F(T, changed_at, TIME, 0, 0, UINT64_MAX, NULL, "when it last moved")
AQ_DECLARE(aq_application, AQ_APPLICATION)

/* ---- commands ---- */
#define AQ_APPLICATION_CREATE(F, T)                                                                                    \
    F(T, label, NAME, 0, 0, 64, NULL, "name of the label wanted")                                                      \
    F(T, version, U64, 0, 0, UINT32_MAX, NULL, "its version; 0: the latest")                                           \
    F(T, label_id, REF(label), 0, 0, UINT64_MAX, NULL, "number of the label, in place of name and version")            \
    F(T, metadata, DOCUMENT, 0, 0, 65536, NULL, "handed to the resource, over the label's own")
AQ_DECLARE(aq_application_create, AQ_APPLICATION_CREATE)
extern const struct aq_command aq_command_application_create;

#define AQ_APPLICATION_DEALLOCATE(F, T)                                                                                \
    F(T, id, REF(application), AQ_REQUIRED, 1, UINT64_MAX, NULL, "number of the application")
AQ_DECLARE(aq_application_deallocate, AQ_APPLICATION_DEALLOCATE)
extern const struct aq_command aq_command_application_deallocate;

#define AQ_APPLICATION_PLACE(F, T)                                                                                     \
    F(T, id, REF(application), AQ_REQUIRED, 1, UINT64_MAX, NULL, "number of the application")
AQ_DECLARE(aq_application_place, AQ_APPLICATION_PLACE)
extern const struct aq_command aq_command_application_place; /* looks again for a node */

/* ---- events ---- */
#define AQ_APPLICATION_CREATED(F, T)                                                                                   \
    F(T, id, U64, 0, 1, UINT64_MAX, NULL, "number of the application")                                                 \
    F(T, label_id, REF(label), 0, 1, UINT64_MAX, NULL, "number of the label")                                          \
    F(T, metadata, DOCUMENT, 0, 0, 65536, NULL, "its metadata")
AQ_DECLARE(aq_application_created, AQ_APPLICATION_CREATED)
extern const struct aq_event_type aq_event_application_created; /* NEW */

#define AQ_APPLICATION_ELECTED(F, T)                                                                                   \
    F(T, id, REF(application), 0, 1, UINT64_MAX, NULL, "number of the application")                                    \
    F(T, resource, U64, 0, 1, UINT64_MAX, NULL, "number of the new resource")                                          \
    F(T, node, REF_NAME(node), 0, 1, 64, NULL, "the node that was chosen")                                             \
    F(T, definition, U64, 0, 0, 15, NULL, "the definition that was chosen, counted from 0")                            \
    F(T, groups, LIST(aq_ballot_group), 0, 0, 4096, NULL, "who answered what")
AQ_DECLARE(aq_application_elected, AQ_APPLICATION_ELECTED)
extern const struct aq_event_type aq_event_application_elected; /* ELECTED, with a new resource */

#define AQ_APPLICATION_WAITING(F, T)                                                                                   \
    F(T, id, REF(application), 0, 1, UINT64_MAX, NULL, "number of the application")                                    \
    F(T, reason, TEXT, AQ_LINES, 0, 4096, NULL, "what it waits for")                                                   \
    F(T, groups, LIST(aq_ballot_group), 0, 0, 4096, NULL, "who answered what")
AQ_DECLARE(aq_application_waiting, AQ_APPLICATION_WAITING)
extern const struct aq_event_type aq_event_application_waiting; /* stays NEW */

#define AQ_APPLICATION_MOVED(F, T)                                                                                     \
    F(T, id, REF(application), 0, 1, UINT64_MAX, NULL, "number of the application")                                    \
    F(T, status, ENUM(aq_application_status), 0, 0, 0, NULL, "where it stands now")                                    \
    F(T, description, TEXT, AQ_LINES, 0, 4096, NULL, "why")
AQ_DECLARE(aq_application_moved, AQ_APPLICATION_MOVED)
extern const struct aq_event_type aq_event_application_moved;

#endif
