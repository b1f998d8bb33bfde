/* One batch: commands decided and projected one after another into one open write transaction, to become one log entry.
 * Belongs to the writer's thread; does no I/O but the tables'. */
#ifndef AQ_CONTROLLER_WRITE_BATCH_H
#define AQ_CONTROLLER_WRITE_BATCH_H

#include "controller/place/index.h"
#include "controller/state/applied.h"
#include "controller/write/request.h"
#include "schema/codec/entry.h"

struct batch {
    struct state *state;
    struct place_index *index;
    struct state_txn *txn;      /* open between batch_begin() and batch_commit() or batch_abort() */
    struct state_applied place; /* where the batch begins */
    uint64_t time_ms;
    uint64_t next_seq;
    struct aq_arena arena; /* events and what they point to: until the batch ends */
    struct aq_arena scratch;
    struct aq_logged_decision *decisions;
    uint32_t count, capacity;
    size_t bytes;                         /* of all events */
    bool careful;                         /* requests of several commands have transactions of their own */
    uint32_t commands;                    /* taken in, refused ones included */
    struct writer_request *first, **last; /* to be answered when the batch ends */
};

int batch_begin(struct batch *batch, struct state *state, struct place_index *index, uint64_t now_ms,
                struct aq_error *error) AQ_MUST_CHECK;

/* Decides one request. What it led to, or its refusal, stands in the request; it is answered when the batch ends. */
void batch_add(struct batch *batch, struct writer_request *request);

/* Did a failure of the store spoil the batch? */
bool batch_failed(const struct batch *batch, struct aq_error *error);

/* The bytes of the entry; `index` is the raft index it will have. Writes the new place into the transaction. */
void batch_pack(struct batch *batch, uint64_t index, struct aq_buffer *out);

/* Ends it. The requests come back, to be answered by the caller. A commit may fail, and all is undone then; what is in
 * the log already is to be projected from there. */
struct writer_request *batch_commit(struct batch *batch, struct aq_error *error);
struct writer_request *batch_abort(struct batch *batch);

#endif
