/* A request to the writer: one command, or several of one kind that are decided as one, all or none. */
#ifndef AQ_CONTROLLER_WRITE_REQUEST_H
#define AQ_CONTROLLER_WRITE_REQUEST_H

#include "schema/codec/entry.h"
#include "schema/model/access.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"

struct writer_request {
    /* Filled by the caller; must hold until `done` was called. */
    const struct aq_command *command; /* all items are of this command */
    const void *const *records;       /* `count` structs of command->record */
    uint32_t count;                   /* 1 to AQ_BATCH_COMMANDS_MAX */
    struct aq_caller caller;          /* its author */
    const char *key;                  /* idempotency key; NULL or "": none */
    uint64_t fingerprint;             /* of the request, with a key */
    const uint64_t *earlier;          /* further ones that mean the same request */
    uint32_t earlier_count;
    bool dry_run;    /* decide, give the events, and undo */
    bool wants_rows; /* give the rows that were made or changed; `ids` is given, too */

    /* Called on the writer's thread, exactly once if writer_submit() returned 0. Must not block. */
    void (*done)(struct writer_request *request);
    void *context; /* for the caller */

    /* The answer. */
    struct aq_error error;     /* AQ_OK: decided, or nothing to do */
    uint32_t failed_item;      /* after an error: which record was refused, counted from 1; 0: the whole */
    uint64_t seq;              /* at which the answer is true, a refusal too: that of the last event that was seen */
    char (*ids)[65];           /* keys of the `count` rows that were made or changed; the caller's array, or NULL */
    bool changed;              /* there were events */
    struct aq_buffer warnings; /* one line each; the caller frees it */
    size_t log_bytes;          /* that it took in the log */
    bool repeated;             /* the same idempotency key came before: this is the answer from then */
    struct aq_buffer rows;     /* wants_rows: as they are at `seq` (kept_rows.h), or empty; the caller frees it */
    struct aq_buffer events;   /* dry_run: the events as a JSON array; the caller frees it */

    /* Only for the writer. */
    struct writer_request *next;
    bool set_aside;
};

#endif
