/* The writer: one thread that owns raft, the write transaction of the tables and the placement index, and the log
 * thread. What they do is in turns.h; here is what gives them real time and threads.
 *
 * Every change of the cluster is a request to it (request.h). A request is answered when its events are committed,
 * which means durable, projected and visible. A request that changes nothing is answered with the seq at which it was
 * decided. */
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
    struct state *state;       /* open for writing; has all that the log is known to have committed */
    struct place_index *index; /* filled from `state`; the writer owns it, and frees it in writer_close() */
};

int writer_open(struct writer **writer, const struct writer_options *options, struct aq_error *error) AQ_MUST_CHECK;
int writer_start(struct writer *writer, struct aq_error *error) AQ_MUST_CHECK; /* starts its thread */
void writer_stop(struct writer *writer);  /* finishes the batch in progress, refuses the rest, ends the thread */
void writer_close(struct writer *writer); /* NULL is fine */

/* Puts a request into the queue. Fails with AQ_E_BUSY when the queue is full, and with AQ_E_NO_LEADER when this
 * controller does not lead. Any thread. */
int writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error) AQ_MUST_CHECK;

/* Any thread. */
uint64_t writer_seq(const struct writer *writer); /* the last committed event */
bool writer_is_leader(const struct writer *writer);
/* The log's time (log_clock.h), at which the next command will be decided at the earliest: what is compared with times
 * in the log is compared with this one. */
uint64_t writer_time_ms(struct writer *writer);

struct writer_figures {
    uint64_t commands, refusals, events, batches, queue_length, term;
    uint64_t raft_index;
};
void writer_figures(const struct writer *writer, struct writer_figures *figures);

/* Rings the bell after each commit and each change of leadership. Call it before writer_start(). */
void writer_watch(struct writer *writer, int bell);

/* The events in the log, for events_scan(). Any thread. */
struct events *writer_events(struct writer *writer);

#endif
