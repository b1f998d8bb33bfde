/* Commands: what can be asked of the cluster. */
#ifndef AQ_SCHEMA_MODEL_COMMAND_H
#define AQ_SCHEMA_MODEL_COMMAND_H

#include "schema/model/entity.h"

enum aq_verb_kind {
    AQ_CREATES,          /* POST /<entity>/         a record                   files: <plural>/new          */
                         /* other verbs than create: POST /<entity>/<verb>     files: <plural>/<verb>       */
    AQ_UPDATES,          /* POST /<entity>/:key     a record                   files: <plural>/<key>/update */
    AQ_DELETES,          /* DELETE /<entity>/:key                              files: <plural>/<key>/delete */
    AQ_ACTS,             /* POST /<entity>/:key/<verb>                         files: <plural>/<key>/<verb> */
    AQ_INTERNAL_COMMAND, /* from agents and from the controller itself: no route, no file */
};

struct json_t; /* jansson.h */

struct aq_command {
    unsigned code;    /* in the log: never changed, never reused */
    const char *name; /* "application_create" */
    const struct aq_entity *entity;
    const char *verb; /* "create" */
    enum aq_verb_kind kind;
    const struct aq_record *record; /* for all but AQ_CREATES the first field is the entity's key */
    const char *help;
    const char *value; /* the field that a bare word in the control file sets; NULL: 1, true or yes says "do it" */
    const char *past;  /* of an AQ_ACTS: how its outcome is told, "revoked"; NULL: "<verb> done" */
    bool of_all;       /* the right to give it cannot be limited to the user's own rows */
    /* Of an AQ_INTERNAL_COMMAND: the server gives it for callers who hold the permission of this view of the entity.
     * NULL: it comes from agents and the controller itself. */
    const char *for_view;
    bool may_get; /* older clients send it with GET; the setting api.get_deallocate allows that */
    /* A state that what was created passes through quickly (NULL: none). The file view waits that moment, so that the
     * next line of a script finds the state its author expects. */
    const char *passing_field;
    uint32_t passing_value;
    /* Turns an object in the form of older clients, or one that leaves out what goes without saying, into the present
     * one, in place; leaves every other as it is. NULL: there is no such form. */
    int (*older_form)(struct json_t *json, struct aq_error *error);
};

/* AQ_DECLARE_COMMAND(label_create) in the header, after aq_label_create_fields; in the .c file
 * AQ_COMMAND(label, create, 10, AQ_CREATES, "one line of help", ...): entity, verb, code, kind. Giving it takes the
 * permission label.create (permission.h). */
#define AQ_DECLARE_COMMAND(command)                                                                                    \
    AQ_DECLARE(aq_##command)                                                                                           \
    extern const struct aq_command aq_command_##command;
#define AQ_COMMAND(of, does, number, verb_kind, words, ...)                                                            \
    AQ_DEFINE(aq_##of##_##does, #of "_" #does, 1, words)                                                               \
    const struct aq_command aq_command_##of##_##does = {.code = (number),                                              \
                                                        .name = #of "_" #does,                                         \
                                                        .entity = &aq_entity_##of,                                     \
                                                        .verb = #does,                                                 \
                                                        .kind = (verb_kind),                                           \
                                                        .record = &aq_##of##_##does##_record,                          \
                                                        .help = (words),                                               \
                                                        __VA_ARGS__};                                                  \
    AQ_REGISTER(aq_commands, aq_command, aq_command_##of##_##does)

const struct aq_command *aq_command_find(unsigned code);
const struct aq_command *aq_command_named(const char *name);
const struct aq_command *aq_command_of(const struct aq_entity *entity, const char *verb);
/* Does it go by its verb in paths and files, as all but the usual create, update and delete do? */
bool aq_command_goes_by_verb(const struct aq_command *command);
const struct aq_command *aq_command_at(size_t index); /* in order of code; NULL after the last */

#endif
