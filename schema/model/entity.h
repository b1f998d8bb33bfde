/* What there is in the cluster, what can be asked of it, and what can have happened: the registry of entities,
 * commands and events.
 *
 * Each entity has a file of its own here, which declares its records and registers them with AQ_ENTITY, AQ_COMMAND and
 * AQ_EVENT. The linker gathers the registrations: nobody keeps a list. Whoever adds an entity adds its file here, one
 * in controller/decide/ and one in controller/project/. REST routes, files, `aq`, OpenAPI and storage follow. */
#ifndef AQ_SCHEMA_MODEL_ENTITY_H
#define AQ_SCHEMA_MODEL_ENTITY_H

#include "schema/model/record.h"

struct json_t; /* jansson.h */

enum aq_role { AQ_ROLE_USER, AQ_ROLE_ADMIN, aq_role_count };
extern const struct aq_words aq_role_words;

/* ---- entities ----------------------------------------------------------------------------------------- */

struct aq_entity {
    const char *name;   /* "application": in routes and references */
    const char *plural; /* "applications": the directory, the noun of `aq`, the table */
    const struct aq_record *record;
    unsigned rank;     /* in lists of entities: small ones first */
    const char *owner; /* the field that names the user who owns it; NULL: everybody may read it */
    /* The file view: rows are directories named by their key, unless `group` and `member` name two fields: then they
     * are <group>/<member>/, as in labels/mac/2/. */
    const char *group, *member;
    const char *file_field, *file_name; /* this field's file has a short name of its own: metadata -> meta */
};

/* The key field of the entity: a U64 (a number counted from 1) or a NAME. */
const struct aq_field *aq_entity_key(const struct aq_entity *entity);
const struct aq_entity *aq_entity_find(const char *name_or_plural); /* NULL: none */
const struct aq_entity *aq_entity_at(size_t index);                 /* in order of rank; NULL behind the last */

/* ---- commands ----------------------------------------------------------------------------------------- */

enum aq_verb_kind {
    AQ_CREATES,          /* POST /<entity>/         a record                   files: <plural>/new          */
    AQ_UPDATES,          /* POST /<entity>/:key     a record                   files: <plural>/<key>/update */
    AQ_DELETES,          /* DELETE /<entity>/:key                              files: <plural>/<key>/delete */
    AQ_ACTS,             /* POST /<entity>/:key/<verb>                         files: <plural>/<key>/<verb> */
    AQ_INTERNAL_COMMAND, /* from agents and from the controller itself: no route, no file */
};

struct aq_command {
    unsigned code;    /* in the log: never changed, never used again */
    const char *name; /* "application_create" */
    const char *entity;
    const char *verb; /* "create" */
    enum aq_verb_kind kind;
    enum aq_role role;              /* the least that may ask for it. Ownership is checked by decide */
    const struct aq_record *record; /* for all but AQ_CREATES the first field is the entity's key */
    const char
        *value; /* field that a bare word written into the control file sets; NULL: any of 1, true, yes will do */
    const char *help;
    /* Where what was made stands only for a moment, on its way to where it stays (NULL: nowhere). The file view waits
     * that moment, so that the next line of a script meets what its author expects. */
    const char *passing_field;
    uint32_t passing_value;
    /* Turns an object in the form of older clients into the present one, in place; leaves every other as it is. NULL:
     * there is no older form. */
    int (*older_form)(struct json_t *json, struct aq_error *error);
};

const struct aq_command *aq_command_find(unsigned code);
const struct aq_command *aq_command_named(const char *name);
const struct aq_command *aq_command_of(const char *entity, const char *verb);
const struct aq_command *aq_command_at(size_t index); /* in order of code; NULL behind the last */

/* ---- events ------------------------------------------------------------------------------------------- */

struct aq_event_type {
    unsigned code;                  /* in the log: never changed, never used again */
    const struct aq_record *record; /* its name is the event's name, its version the event's version */
    const char *entity;
};

const struct aq_event_type *aq_event_type_find(unsigned code);
const struct aq_event_type *aq_event_type_at(size_t index); /* in order of code; NULL behind the last */

/* ---- registration: in the .c file of the entity --------------------------------------------------------- */

#define AQ_ENTITY(row)                                                                                                 \
    static const struct aq_entity *const row##_row __attribute__((used, section("aq_entities"))) = &row
#define AQ_COMMAND(row)                                                                                                \
    static const struct aq_command *const row##_row __attribute__((used, section("aq_commands"))) = &row
#define AQ_EVENT(row)                                                                                                  \
    static const struct aq_event_type *const row##_row __attribute__((used, section("aq_events"))) = &row

#endif
