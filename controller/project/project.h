/* project(state, event) -> state. Pure: writes the tables and the placement index, and nothing else; takes its time
 * from the log; cannot refuse. Whoever replays the same events gets the same bytes. Each entity has its file here; the
 * linker gathers the handlers, nobody keeps a list.
 *
 * A failure of the store is latched in the transaction (state_failed()): the caller looks there after a batch. */
#ifndef AQ_CONTROLLER_PROJECT_PROJECT_H
#define AQ_CONTROLLER_PROJECT_PROJECT_H

#include "controller/place/index.h"
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/state.h"
#include "schema/codec/entry.h"

struct project {
    struct state_txn *txn;
    struct place_index *index; /* NULL: nobody places from these tables */
    struct aq_arena *arena;    /* scratch; the caller empties it between batches */
    uint64_t time_ms;
    uint64_t seq; /* of the event under way */
    const char *author;
};

/* Applies one event; project->seq is the event's own. */
void project_event(struct project *project, const struct aq_event_type *type, const void *data);

/* Remembers the answer to a decision with an idempotency key, and forgets answers older than KEY_KEPT_MS. `seq` is the
 * decision's last. */
enum { PROJECT_KEY_KEPT_MS = 24 * 3600 * 1000, PROJECT_KEYS_FORGOTTEN_AT_ONCE = 8 };
void project_key(struct project *project, const char *author, const char *key, uint64_t fingerprint, uint64_t seq,
                 const char *id);

/* What was remembered. False: the key is new. */
struct project_remembered {
    uint64_t fingerprint, seq;
    char id[65];
};
bool project_remembers(struct state_txn *txn, const char *author, const char *key, struct project_remembered *out);

/* Applies a whole entry, as read from the log: all events, all keys, and the place of the entry. `data` are its bytes.
 */
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

void project_store(struct project *project, const char *entity, const struct state_key *key, const void *object);
void project_remove(struct project *project, const char *entity, const struct state_key *key);

/* Stores a node, with what is free, and tells the index. The second form is for a change of `used` alone: the cheap and
 * frequent case. */
struct aq_node;
void project_node(struct project *project, struct aq_node *node);
void project_node_used(struct project *project, struct aq_node *node);

/* Notes that the event under way is about the application: its history can be read by application. The second form
 * is for events that come of a ballot, which is kept there: a table of its own cost every placement two pages more. */
void project_history(struct project *project, uint64_t application);
void project_ballot(struct project *project, uint64_t application, const void *ballot, size_t length);

#endif
