/* The single writer: one thread that owns raft, the tables' write transaction and the placement index.
 *
 * Everything that changes the cluster is a request to it. A request is one command, or several that are decided as one:
 * all or none. It is answered when what it led to is committed: durable, projected, visible. A request that changes
 * nothing is answered at once with the seq it was decided at. */
#ifndef AQ_CONTROLLER_WRITE_WRITER_H
#define AQ_CONTROLLER_WRITE_WRITER_H

#include "controller/log/store.h"
#include "controller/place/index.h"
#include "controller/settings/settings.h"
#include "controller/state/events.h"
#include "controller/state/state.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"

struct writer;

struct writer_options {
    const struct aq_config_controller *config;
    struct log_store *store;   /* open; the writer's log thread appends to it */
    struct state *state;       /* open for writing, and up to date with what the log is known to have committed */
    struct place_index *index; /* filled from `state`; the writer's from now on, released by writer_close() */
};

int writer_open(struct writer **writer, const struct writer_options *options, struct aq_error *error) AQ_MUST_CHECK;
int writer_start(struct writer *writer, struct aq_error *error) AQ_MUST_CHECK; /* starts its thread */
void writer_stop(struct writer *writer);  /* answers what is under way, refuses what waits, ends the thread */
void writer_close(struct writer *writer); /* NULL is fine */

struct writer_request {
    /* Filled by the asker; must hold until `done` was called. */
    const struct aq_command *command; /* all items are of this command */
    const void *const *records;       /* `count` structs of command->record */
    uint32_t count;                   /* 1 to AQ_BATCH_COMMANDS_MAX */
    const char *author; /* a user's name; "node:<name>" for agents; "aquarium" for the controller itself */
    enum aq_role role;
    const char *key;      /* idempotency key; NULL or "": none */
    uint64_t fingerprint; /* of the request, with a key */
    bool dry_run;         /* decide, tell, and forget */

    /* Called on the writer's thread, exactly once if writer_submit() returned 0. Must not block. */
    void (*done)(struct writer_request *request);
    void *context; /* the asker's own */

    /* The answer. */
    struct aq_error error; /* AQ_OK: done */
    uint32_t failed_item;  /* with an error: which item was refused */
    uint64_t seq;
    char (*ids)[65];         /* `count` keys of what was made or changed; the asker's, or NULL if not wanted */
    bool repeated;           /* answered from memory of the same key */
    struct aq_buffer events; /* dry_run: JSON array of the events there would be; the asker frees it */

    struct writer_request *next; /* the writer's */
    bool set_aside;              /* the writer's; false at first */
};

/* -1 with AQ_E_BUSY: the queue is full; AQ_E_NO_LEADER: no leader stands. Any thread. */
int writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error) AQ_MUST_CHECK;

/* Any thread. */
uint64_t writer_seq(const struct writer *writer); /* the last committed event */
bool writer_is_leader(const struct writer *writer);

struct writer_figures {
    uint64_t commands, refusals, events, batches, queue_length, term;
    uint64_t raft_index;
};
void writer_figures(const struct writer *writer, struct writer_figures *figures);

/* `eventfd` is written to after each commit and each change of leadership. To be called before writer_start(). */
void writer_watch(struct writer *writer, int eventfd);

/* The controller's own view of its log, for events_scan(); any thread. */
struct events *writer_events(struct writer *writer);

#endif
