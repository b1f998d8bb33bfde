/* A request to the writer: one command, or several of one kind that are decided as one, all or none. */
#ifndef AQ_CONTROLLER_WRITE_REQUEST_H
#define AQ_CONTROLLER_WRITE_REQUEST_H

#include "schema/codec/entry.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"

struct writer_request {
    /* Filled by the caller; must hold until `done` was called. */
    const struct aq_command *command; /* all items are of this command */
    const void *const *records;       /* `count` structs of command->record */
    uint32_t count;                   /* 1 to AQ_BATCH_COMMANDS_MAX */
    const char *author; /* a user's name; "node:<name>" for agents; "aquarium" for the controller itself */
    enum aq_role role;
    const char *key;      /* idempotency key; NULL or "": none */
    uint64_t fingerprint; /* of the request, with a key */
    bool dry_run;         /* decide, tell, and undo */

    /* Called on the writer's thread, exactly once if writer_submit() returned 0. Must not block. */
    void (*done)(struct writer_request *request);
    void *context; /* the caller's own */

    /* The answer. */
    struct aq_error error; /* AQ_OK: done */
    uint32_t failed_item;  /* with an error: which item was refused */
    uint64_t seq;
    char (*ids)[65];         /* `count` keys of what was made or changed; the caller's, or NULL if not wanted */
    bool repeated;           /* answered from memory of the same key */
    struct aq_buffer events; /* dry_run: JSON array of the events there would be; the caller frees it */

    struct writer_request *next; /* the writer's */
    bool set_aside;              /* the writer's; false at first */
};

#endif
