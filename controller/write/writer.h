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
#include "controller/write/request.h"

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
