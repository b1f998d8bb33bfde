/* The writer: all that decides, in turns (schema/base/turn.h). It owns raft, the write transaction of the tables and
 * the placement index.
 *
 * Every change of the cluster is a request to it (request.h). A request is answered when its events are committed,
 * which means durable, projected and visible. A request that changes nothing is answered with the seq at which it was
 * decided.
 *
 * Unless it says "any thread", a function belongs to the caller that gives the turns: that is loop.h in the daemon. */
#ifndef AQ_CONTROLLER_WRITE_WRITER_H
#define AQ_CONTROLLER_WRITE_WRITER_H

#include "controller/log/thread.h"
#include "controller/place/index.h"
#include "controller/settings/settings.h"
#include "controller/state/events.h"
#include "controller/state/state.h"
#include "controller/write/request.h"
#include "schema/base/turn.h"

struct writer;

struct writer_options {
    const struct aq_config_controller *config;
    struct log_store *store;   /* open. The writer reads it; at the start and after a full disk it appends to it, too */
    struct state *state;       /* open for writing; has all that the log is known to have committed */
    struct place_index *index; /* filled from `state`; becomes the writer's, which frees it */

    /* What the writer wants from outside. */
    void (*append)(void *context, struct log_job *job); /* starts an append; writer_appended() ends it. One at a time */
    void (*wake)(void *context);                        /* any thread: a turn is due */
    void (*changed)(void *context);                     /* after a commit, its answers, and each change of leadership */
    void *context;
};

/* Takes the index in every case. */
int writer_open(struct writer **writer, const struct writer_options *options, const struct aq_clocks *now,
                struct aq_error *error) AQ_MUST_CHECK;
/* Requests that have no answer yet get none: they belong to their callers again. No append is under way outside.
 * NULL is fine. */
void writer_close(struct writer *writer);

struct writer_next {
    uint64_t deadline_ms; /* steady; a turn is due then, or when something comes before */
    bool ended;           /* after writer_stop(): everything has its answer, there are no more turns */
};
/* Takes a turn. After a failure there is no way on but a new start: the tables may lack what the log has. */
int writer_turn(struct writer *writer, const struct aq_clocks *now, struct writer_next *next,
                struct aq_error *error) AQ_MUST_CHECK;

/* Any thread. */
void writer_appended(struct writer *writer, struct log_job *job); /* a turn is due then */
void writer_stop(struct writer *writer); /* finish what is under way, refuse the rest; a turn is due then */

/* Puts a request into the queue. Fails with AQ_E_BUSY when the queue is full, and with AQ_E_NO_LEADER when this
 * controller does not lead. Any thread. */
int writer_submit(struct writer *writer, struct writer_request *request, struct aq_error *error) AQ_MUST_CHECK;

/* Any thread. */
uint64_t writer_seq(const struct writer *writer); /* the last committed event */
bool writer_is_leader(const struct writer *writer);
/* The log's time (log_clock.h), at which the next command will be decided at the earliest: what is compared with times
 * in the log is compared with this one. */
uint64_t writer_time_ms(struct writer *writer, const struct aq_clocks *now);

struct writer_figures {
    uint64_t commands, refusals, limited, events, batches, queue_length, term;
    uint64_t raft_index;
};
void writer_figures(const struct writer *writer, struct writer_figures *figures);

/* Any thread: the events in the log, for events_scan(). */
struct events *writer_events(struct writer *writer);

#endif
