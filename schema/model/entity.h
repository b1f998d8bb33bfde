/* Entities: the kinds of things that a cluster holds. Each has a file of its own in this folder that declares its
 * record, its commands (command.h), its events (event.h) and its views (view.h). REST routes, files, `aq`, OpenAPI and
 * storage follow from them; controller/decide and controller/project have one file for each entity. */
#ifndef AQ_SCHEMA_MODEL_ENTITY_H
#define AQ_SCHEMA_MODEL_ENTITY_H

#include "schema/model/record.h"
#include "schema/model/registry.h"

struct aq_entity {
    const char *name;   /* "application": in routes and references */
    const char *plural; /* "applications": the directory, the noun of `aq`, the table */
    const struct aq_record *record;
    unsigned rank; /* lists of entities are in this order, lowest first; unique */
    /* The field that names the user who owns the row, and the one with that user's number, which is what counts; NULL:
     * every user may read it. */
    const char *owner, *owner_number;
    /* The field that names the project to which a row belongs, empty for one that belongs to all projects; NULL: rows
     * belong to no project. What a user may do to a row follows from its roles in the cluster and in that project. */
    const char *project;
    /* A NAME by which callers call their own rows in REST paths, besides the number; NULL: none. */
    const char *own_name;
    /* Two NAMEs by which callers call a row, besides its number: web:ann. NULL: none. */
    const char *pair[2];
    /* In the file view rows are directories named by their key; with `group` and `member`, which name two fields, they
     * are <group>/<member>/, as in labels/mac/2/. */
    const char *group, *member;
    const char *file_field, *file_name; /* the file of this field has another name: metadata is `meta` */
    const struct aq_record *live;       /* values that heartbeats bring, beside the row; NULL: none */
    bool has_newest;                    /* callers can ask for their newest row: applications/last */
    bool indexed_by_owner;              /* the tables find a user's own rows without a scan: by number */
    bool may_wait;                      /* its commands may lead to work that a caller can wait for */
};

/* AQ_DECLARE_ENTITY(label) in the header, after aq_label_fields; in the .c file
 * AQ_ENTITY(label, 1, "one line of help", .plural = "labels", .rank = 40, ...), with the record's version. */
#define AQ_DECLARE_ENTITY(of)                                                                                          \
    AQ_DECLARE(aq_##of)                                                                                                \
    extern const struct aq_entity aq_entity_##of;
#define AQ_ENTITY(of, edition, words, ...)                                                                             \
    AQ_DEFINE(aq_##of, #of, edition, words)                                                                            \
    const struct aq_entity aq_entity_##of = {.name = #of, .record = &aq_##of##_record, __VA_ARGS__};                   \
    AQ_REGISTER(aq_entities, aq_entity, aq_entity_##of)

/* The key field of the entity: a U64 (a number counted from 1) or a NAME. */
const struct aq_field *aq_entity_key(const struct aq_entity *entity);
const struct aq_entity *aq_entity_find(const char *name_or_plural); /* NULL: none */
const struct aq_entity *aq_entity_at(size_t index);                 /* in order of rank; NULL after the last */

#endif
