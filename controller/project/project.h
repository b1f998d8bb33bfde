/* project(state, event) -> state.
 *
 * Pure: it writes the tables and the placement index and nothing else, takes the time from the log, and cannot refuse.
 * Replaying the same events gives the same bytes. Each entity has a file here with a handler for each event; the linker
 * gathers the handlers.
 *
 * The transaction latches a failure of the store (state_failed()); the caller checks it after a batch. */
#ifndef AQ_CONTROLLER_PROJECT_PROJECT_H
#define AQ_CONTROLLER_PROJECT_PROJECT_H

#include "controller/place/index.h"
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/state.h"
#include "schema/codec/entry.h"
#include "schema/model/event.h"

struct project {
    struct state_txn *txn;
    struct place_index *index; /* NULL: there is none for these tables */
    struct aq_arena *arena;    /* scratch; the caller empties it between batches */
    uint64_t time_ms;
    uint64_t seq; /* of the present event */
    const char *author;
    uint64_t author_number; /* as of before the decision's events; 0: the author is no user */
};

struct aq_user;
/* The user who is the author of a decision; call it before the decision's events are projected. False: the author is
 * not a user. */
bool project_find_author(struct state_txn *txn, const char *author, struct aq_user *user, struct aq_arena *arena);

/* Applies one event; project->seq is the seq of this event. */
void project_event(struct project *project, const struct aq_event_type *type, const void *data);

/* Applies an entry of the log: all events, all answers to idempotency keys, and that the entry was applied. `data` are
 * its bytes. Fails when the entry does not follow the one applied before. */
int project_entry(struct project *project, uint64_t index, const void *data, size_t length,
                  struct aq_error *error) AQ_MUST_CHECK;

/* Fills an empty placement index from the tables. */
void project_fill_index(struct state_txn *txn, struct place_index *index);

/* ---- for handlers --------------------------------------------------------------------------------------- */

typedef void project_fn(struct project *project, const void *data);
struct project_handler {
    const struct aq_event_type *type;
    project_fn *project;
};
#define PROJECT(row, fn)                                                                                               \
    static const struct project_handler fn##_handler = {&row, fn};                                                     \
    static const struct project_handler *const fn##_row __attribute__((used, section("aq_project"))) = &fn##_handler

/* For a row that the event implies. Returns `found`; false only if the store failed, which is latched. */
bool project_expect(const struct project *project, bool found);

/* Stores a node with its free amounts computed, and updates the placement index. The second form is for a node from
 * state_edit() of which only `used` has changed: the cheap and frequent case. */
struct aq_node;
void project_node(struct project *project, struct aq_node *node);
void project_node_used(struct project *project, struct aq_node *node);

/* Stores a resource whose lifetime is over at `expires_at`; 0: it does not end by itself. */
struct aq_resource;
void project_expiry(struct project *project, struct aq_resource *resource, uint64_t expires_at);

/* Adds the present event to the history of an application. The second form is for events that come with a ballot, which
 * is stored there: a table of its own would cost each placement two more pages. */
void project_history(struct project *project, uint64_t application);
void project_ballot(struct project *project, uint64_t application, const void *ballot, size_t length);

#endif
