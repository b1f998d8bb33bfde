/* label: an immutable, versioned recipe of what to run and what it needs. */
#ifndef AQ_SCHEMA_MODEL_LABEL_H
#define AQ_SCHEMA_MODEL_LABEL_H

#include "schema/model/amounts.h"
#include "schema/model/entity.h"

#include <jansson.h>

enum { AQ_DEFINITIONS_MAX = 16 };

#define AQ_DISK(F, T)                                                                                                  \
    F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "name of the disk")                                                     \
    F(T, size, SIZE, AQ_REQUIRED, 1, AQ_SIZE_MAX_MIB, NULL, "its size")
AQ_DECLARE(aq_disk, AQ_DISK)

#define AQ_NEEDS(F, T)                                                                                                 \
    F(T, cpu, CPU, 0, 0, AQ_CPU_MAX, "cores", "processor cores; 0: not counted")                                       \
    F(T, ram, SIZE, 0, 0, AQ_SIZE_MAX_MIB, NULL, "memory; 0: not counted")                                             \
    F(T, disks, LIST(aq_disk), 0, 0, 16, NULL, "disks")                                                                \
    F(T, network, TEXT, 0, 0, 64, NULL, "network to be attached to; empty: the driver's default")                      \
    F(T, slots, U64, 0, 0, AQ_SLOTS_MAX, NULL, "places on the node that it takes")                                     \
    F(T, lifetime, DURATION, 0, 0, 315360000, "s", "given back after this time; 0: never")                             \
    F(T, node_filter, TEXTS, 0, 0, 16, NULL, "patterns such as os:linux or rack:a*: a node must match each")
AQ_DECLARE(aq_needs, AQ_NEEDS)

#define AQ_AUTHENTICATION(F, T)                                                                                        \
    F(T, username, TEXT, 0, 0, 64, NULL, "who to log in as")                                                           \
    F(T, port, U64, 0, 0, 65535, NULL, "where to log in; 0: the driver's default")
AQ_DECLARE(aq_authentication, AQ_AUTHENTICATION)

#define AQ_DEFINITION(F, T)                                                                                            \
    F(T, driver, NAME, AQ_REQUIRED, 1, 64, NULL, "driver that runs it")                                                \
    F(T, options, DOCUMENT, 0, 0, 65536, NULL, "what the driver wants to know")                                        \
    F(T, resources, RECORD(aq_needs), 0, 0, 0, NULL, "what it needs of a node")                                        \
    F(T, authentication, RECORD(aq_authentication), 0, 0, 0, NULL, "how to log in to what runs")
AQ_DECLARE(aq_definition, AQ_DEFINITION)

#define AQ_LABEL(F, T)                                                                                                 \
    F(T, id, U64, AQ_KEY | AQ_COLUMN, 1, UINT64_MAX, NULL, "number of the label, counted from 1")                      \
    F(T, name, NAME, AQ_COLUMN, 1, 64, NULL, "what requests call it")                                                  \
    F(T, version, U64, AQ_COLUMN, 1, UINT32_MAX, NULL, "counted from 1 for each name; the latest is the default")      \
    F(T, definitions, LIST(aq_definition), 0, 1, AQ_DEFINITIONS_MAX, NULL, "ways to run it, most preferred first")     \
    F(T, metadata, DOCUMENT, 0, 0, 65536, NULL, "handed to every resource of this label")                              \
    F(T, created_at, TIME, AQ_COLUMN, 0, UINT64_MAX, NULL, "when it was made")                                         \
    F(T, created_by, REF_NAME(user), AQ_COLUMN, 0, 64, NULL, "who made it")
AQ_DECLARE(aq_label, AQ_LABEL)

/* ---- commands ---- */
#define AQ_LABEL_CREATE(F, T)                                                                                          \
    F(T, name, NAME, AQ_REQUIRED, 1, 64, NULL, "what requests call it")                                                \
    F(T, version, U64, 0, 0, UINT32_MAX, NULL, "0, or the number that comes next")                                     \
    F(T, definitions, LIST(aq_definition), AQ_REQUIRED, 1, AQ_DEFINITIONS_MAX, NULL, "ways to run it, best first")     \
    F(T, metadata, DOCUMENT, 0, 0, 65536, NULL, "handed to every resource of this label")
AQ_DECLARE(aq_label_create, AQ_LABEL_CREATE)
extern const struct aq_command aq_command_label_create;

#define AQ_LABEL_DELETE(F, T) F(T, id, REF(label), AQ_REQUIRED, 1, UINT64_MAX, NULL, "number of the label")
AQ_DECLARE(aq_label_delete, AQ_LABEL_DELETE)
extern const struct aq_command aq_command_label_delete;

/* Older clients post {name, version, driver, definition, metadata}: turns that into a label with one definition.
 * `label` is changed in place when it has that form. */
int aq_label_from_flat(json_t *label, struct aq_error *error) AQ_MUST_CHECK;

/* ---- events ---- */
#define AQ_LABEL_CREATED(F, T)                                                                                         \
    F(T, id, U64, 0, 1, UINT64_MAX, NULL, "number of the label")                                                       \
    F(T, name, NAME, 0, 1, 64, NULL, "what requests call it")                                                          \
    F(T, version, U64, 0, 1, UINT32_MAX, NULL, "its version")                                                          \
    F(T, definitions, LIST(aq_definition), 0, 1, AQ_DEFINITIONS_MAX, NULL, "ways to run it, best first")               \
    F(T, metadata, DOCUMENT, 0, 0, 65536, NULL, "handed to every resource of this label")
AQ_DECLARE(aq_label_created, AQ_LABEL_CREATED)
extern const struct aq_event_type aq_event_label_created;

#define AQ_LABEL_DELETED(F, T) F(T, id, REF(label), 0, 1, UINT64_MAX, NULL, "number of the label")
AQ_DECLARE(aq_label_deleted, AQ_LABEL_DELETED)
extern const struct aq_event_type aq_event_label_deleted;

/* What one resource of this definition takes from its node. */
struct aq_amounts aq_needs_amounts(const struct aq_needs *needs);

#endif
